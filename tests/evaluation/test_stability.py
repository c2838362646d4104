"""Whether training stays on its feet: when a run ends, and when a person is warned."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.evaluation.stability import (
    FEWEST_NORMS,
    LONG_GRADIENT,
    MEMORY,
    RISEN_STEPS,
    SKIPS_TO_END,
    SKIPS_WITHIN,
    Stability,
)
from domainstudio.problems import UserError, sentence

RATE = 1e-3
BAD = (math.nan, math.inf, -math.inf)


def warnings(losses: list[float], norms: list[float] | None = None) -> list[tuple[int, str]]:
    """Return the steps and codes of what is said of a run."""
    stability, found = Stability(RATE), []
    for step, (loss, norm) in enumerate(zip(losses, norms or [1.0] * len(losses), strict=True), 1):
        found += [(step, one.code) for one in stability.take(step, loss, norm, is_applied=True)]
    return found


@given(
    st.sets(st.integers(1, 400), max_size=12), st.sampled_from(BAD), st.sampled_from(["loss", "norm", "step"])
)
def test_a_run_ends_at_the_third_step_without_a_number_among_a_hundred(
    bad: set[int], value: float, what: str
) -> None:
    """One bad batch ends nothing, nor does one more much later; a lasting failure does not go on."""
    stability, ended, warned = Stability(RATE), None, []
    for step in range(1, 401):
        is_bad = step in bad
        loss, norm = (value if is_bad and what == kind else 1.0 for kind in ("loss", "norm"))
        try:
            said = stability.take(step, loss, norm, is_applied=not (is_bad and what == "step"))
        except UserError as error:
            ended = step
            assert error.problem.code == "training.diverged" and "0.001" in sentence(error.problem)
            break
        assert stability.was_skipped == is_bad
        warned += said
    ends = [step for step in bad if sum(step - SKIPS_WITHIN < one <= step for one in bad) >= SKIPS_TO_END]
    assert ended == min(ends, default=None)
    assert [one.code for one in warned] == (["training.step_skipped"] if warned else [])
    assert bool(warned) == bool(bad)


@given(st.lists(st.floats(0.0, 0.49), min_size=1, max_size=300), st.floats(-0.05, 0.0))
def test_a_loss_that_scatters_and_falls_is_nobodys_worry(noise: list[float], slope: float) -> None:
    assert not warnings([20 + slope * step + one for step, one in enumerate(noise)])


@settings(max_examples=20)
@given(st.floats(0.51, 100), st.lists(st.floats(0, 0.5), min_size=200, max_size=200))
def test_a_loss_that_rises_for_good_is_said_once(rise: float, noise: list[float]) -> None:
    steps = [2 + one / 10 + (rise + 0.05 if step >= 100 else 0) for step, one in enumerate(noise)]
    [(step, code)] = warnings(steps)
    # The step before the rise may happen to be the highest of its own: then it counts as one of the risen.
    assert code == "training.loss_rises" and 100 + RISEN_STEPS // 2 <= step <= 100 + RISEN_STEPS


def test_a_few_hard_batches_are_no_rising_loss() -> None:
    assert not warnings(([2.0] * MEMORY + [9.0] * (RISEN_STEPS - 1)) * 5)


@given(
    st.lists(st.floats(1.0, LONG_GRADIENT - 0.1), min_size=FEWEST_NORMS, max_size=120),
    st.floats(10.1, 1e6),
    st.floats(1e-6, 1e6),
)
def test_a_gradient_ten_times_the_usual_is_said_once_whatever_its_scale(
    norms: list[float], times: float, scale: float
) -> None:
    usual = [scale * norm for norm in norms]
    assert not warnings([2.0] * len(usual), usual)
    longest = scale * LONG_GRADIENT * times
    steps = [*usual, longest, longest]
    assert warnings([2.0] * len(steps), steps) == [(len(usual) + 1, "training.long_gradient")]


@pytest.mark.parametrize("norms", [[1e6, *[1.0] * 100], [0.0] * 100])
def test_the_first_steps_and_a_gradient_of_zero_are_no_worry(norms: list[float]) -> None:
    assert not warnings([2.0] * len(norms), norms)
