"""The rules that call a planned run doubtful, at their borders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.recipe.advice import STRONG_SHIFT, PlannedText, doubts, rewarming, usual_peak
from domainstudio.recipe.recipe import Recipe, Stage, change

SIZE = 6_900_000_000


def said(
    stage: Stage, *, general: float = 0.0, epochs: float = 1.0, steps: int = 1000, **text: int
) -> list[str]:
    planned = PlannedText(text.get("tokens", 10**8), general, {"law": epochs})
    return [problem.code for problem in doubts(Recipe(stages=(stage,)), steps, planned, SIZE)]


def test_a_model_of_7_billion_bears_a_tenth_of_its_peak_under_a_billion_tokens() -> None:
    assert usual_peak(SIZE) == pytest.approx(1.2e-4)
    ranges = [rewarming(SIZE, tokens, 1000) for tokens in (10**8, 10**10, 10**12)]
    assert [found.highest for found in ranges] == pytest.approx([1.2e-5, 3.6e-5, 1.2e-4])
    assert [found.lowest for found in ranges] == pytest.approx([2.4e-6, 1.2e-5, 6e-5])


TOKENS = st.integers(1, 10**13)
SHIFTS = st.none() | st.floats(-2, 2)


@given(TOKENS, TOKENS, SHIFTS, st.integers(1, 10**6))
def test_more_tokens_never_bear_less_and_a_strong_shift_bears_at_most_one_band_more(
    one: int, other: int, shift: float | None, steps: int
) -> None:
    few, many = (rewarming(SIZE, tokens, steps, shift) for tokens in sorted((one, other)))
    assert few.lowest <= many.lowest and few.highest <= many.highest
    assert 0 < few.lowest < few.highest <= few.usual
    plain = rewarming(SIZE, one, steps)
    moved = rewarming(SIZE, one, steps, STRONG_SHIFT)
    assert plain.lowest == moved.lowest and plain.highest <= moved.highest
    assert rewarming(SIZE, one, steps, STRONG_SHIFT - 0.01).highest == plain.highest
    assert moved.highest <= 3.34 * plain.highest


@given(st.integers(1, 10**6))
def test_the_advised_warm_up_is_5_to_10_percent_of_a_short_run_and_1_to_2_of_a_long_one(steps: int) -> None:
    found = rewarming(SIZE, 10**9, steps)
    assert 1 <= found.least_warmup <= found.most_warmup <= max(1, 0.1 * steps + 0.5)
    if steps >= 500:
        assert found.most_warmup <= 0.02 * steps + 0.5


def test_a_strong_shift_takes_the_doubt_from_a_rate_of_the_next_band() -> None:
    recipe = Recipe(stages=(Stage(learning_rate=3e-5, warmup_steps=0),))
    near, far = (PlannedText(10**8, 0.0, {"law": 1.0}, shift) for shift in (0.1, 0.4))
    assert [one.code for one in doubts(recipe, 1000, near, SIZE)] == ["advice.high_rate_bare"]
    assert list(doubts(recipe, 1000, far, SIZE)) == []


@given(st.integers(10**6, 10**12), st.integers(10**6, 10**12))
def test_a_larger_model_never_bears_a_higher_rate(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert usual_peak(small) >= usual_peak(large)
    assert 1.2e-4 <= usual_peak(large) <= usual_peak(small) <= 1e-3


def test_a_high_rate_is_doubted_for_what_is_missing() -> None:
    bare = Stage(learning_rate=5e-5, warmup_steps=0)
    warmed = Stage(learning_rate=5e-5, warmup_steps=20)
    assert said(bare) == ["advice.high_rate_bare"]
    assert said(warmed) == ["advice.high_rate_without_replay"]
    assert said(bare, general=0.1) == ["advice.high_rate_without_warmup"]
    assert said(warmed, general=0.1) == []
    assert said(Stage(learning_rate=1e-5, warmup_steps=0)) == []


def test_random_weights_have_nothing_to_forget() -> None:
    recipe = Recipe(stages=(Stage(learning_rate=1e-2, warmup_steps=0),))
    assert list(doubts(recipe, 1000, PlannedText(10**8, 0.0, {"law": 1.0}), None)) == []


def test_more_than_four_epochs_are_doubted_and_the_most_repeated_source_is_named() -> None:
    text = PlannedText(10**8, 0.5, {"law": 5.0, "news": 4.0, "notes": 9.5})
    (problem,) = doubts(Recipe(), 1000, text, None)
    assert (problem.code, problem.params["source"], problem.params["epochs"]) == (
        "advice.many_epochs",
        "notes",
        9.5,
    )


def test_short_runs_and_endless_warm_ups_are_doubted() -> None:
    calm = Stage(learning_rate=1e-6, warmup_steps=49)
    assert said(calm, steps=99) == ["advice.few_steps"]
    assert said(calm, steps=100) == []
    assert said(Stage(learning_rate=1e-6, warmup_steps=501), steps=1000) == ["advice.long_warmup"]


def test_a_guard_that_could_not_act_is_doubted() -> None:
    def of(general: float = 0.2, schedule: str = "cosine", **settings: str) -> list[str]:
        recipe = change(Recipe(), {"learning_rate": "1e-6", "schedule": schedule, **settings})
        text = PlannedText(10**8, general, {"law": 1.0})
        return [problem.code for problem in doubts(recipe, 1000, text, SIZE)]

    assert of(on_budget="pause") == [] and of(schedule="constant") == []
    assert of(on_budget="pause", schedule="constant") == ["advice.guard_never_acts"]
    assert of(on_budget="pause", schedule="constant", on_plateau="act") == [], "the plays lower the rate"
    assert of(on_budget="rate", accepted_forgetting="none") == ["advice.guard_without_limit"]
    assert of(on_budget="rate", accepted_forgetting="none", accepted_percent="3") == []
    assert of(on_budget="replay", general=0.0) == ["advice.nothing_to_replay"]
    assert of(on_budget="replay") == []
