"""Recipes: settings given as text, refused by name, and stored without loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.problems import UserError
from domainstudio.recipe.recipe import Recipe, Stage, change, field_help

KEYS = [name for name, _, _ in field_help()]


def test_every_setting_is_explained_and_has_a_default() -> None:
    assert set(KEYS) == {*Stage.model_fields, *Recipe.model_fields} - {"stages"}
    assert len(KEYS) == len(set(KEYS))
    for name, text, default in field_help():
        assert text.endswith(".") and len(text) > 20, name
        assert default is not None or name in ("accepted_percent", "canaries_kept"), name


def test_settings_given_as_text_replace_those_of_stage_and_run() -> None:
    recipe = change(
        Recipe(),
        {"learning_rate": "3e-5", "schedule": "wsd", "micro_batch": "8", "zero_stage": "3", "seed": "7"},
    )
    assert (recipe.stage.learning_rate, recipe.stage.schedule, recipe.stage.micro_batch) == (3e-5, "wsd", 8)
    assert (recipe.zero_stage, recipe.seed) == (3, 7)
    assert change(recipe, {"seed": "8"}).stage == recipe.stage
    assert change(recipe, {}) == recipe


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_takes_its_own_default_as_text_and_refuses_nonsense_by_name(key: str) -> None:
    default = next(default for name, _, default in field_help() if name == key)
    assert change(Recipe(), {key: str(default)}) == Recipe()
    with pytest.raises(UserError) as refusal:
        change(Recipe(), {key: "nonsense"})
    assert key in str(refusal.value)
    assert str(refusal.value.problem.field).endswith(key)


@pytest.mark.parametrize("key", ["learningrate", "stages", "", "stage.learning_rate"])
def test_an_unknown_setting_is_refused_with_those_there_are(key: str) -> None:
    with pytest.raises(UserError) as refusal:
        change(Recipe(), {"seed": "1", key: "1"})
    assert refusal.value.problem.code == "recipe.unknown_key"
    assert refusal.value.problem.field == key
    assert "gradient_accumulation" in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", "0"), ("learning_rate", "-1e-3"), ("learning_rate", "nan"), ("learning_rate", "2"),
        ("weight_decay", "inf"), ("gradient_clip", "inf"), ("epsilon", "inf"), ("weight_decay", "nan"),
        ("warmup_steps", "-1"), ("warmup_steps", "1.5"), ("beta2", "1"), ("dropout", "1"), ("floor", "1.1"),
        ("schedule", "step"), ("precision", "fp16"), ("zero_stage", "0"), ("zero_stage", "4"),
        ("sequence_length", "7"), ("processes", "0"), ("seed", "-1"), ("probe_tokens", "100"),
        ("keep_checkpoints", "0"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_by_name(key: str, value: str) -> None:
    """Infinity too: JSON cannot hold it, and a stored recipe could never be read again."""
    with pytest.raises(UserError) as refusal:
        change(Recipe(), {key: value})
    assert refusal.value.problem.code == "document.invalid_field"
    assert key in str(refusal.value)


def test_fewer_probe_tokens_than_a_sequence_are_refused_with_both_names() -> None:
    with pytest.raises(UserError) as refusal:
        change(Recipe(), {"probe_tokens": "512", "sequence_length": "1024"})
    assert "probe_tokens must be at least sequence_length" in str(refusal.value)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.floats(1e-12, 1).map(repr),
            "epsilon": st.floats(1e-30, 1).map(repr),
            "weight_decay": st.floats(0, 1e9).map(repr),
            "schedule": st.sampled_from(["cosine", "linear", "constant", "wsd", "infinite"]),
            "zero_stage": st.sampled_from("123"),
            "seed": st.integers(0, 2**31 - 1).map(str),
            "processes": st.integers(1, 64).map(str),
        },
    )
)
def test_a_recipe_survives_being_stored(chosen: dict[str, str]) -> None:
    recipe = change(Recipe(), chosen)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    for key, text in chosen.items():
        holder = recipe.stage if key in Stage.model_fields else recipe
        assert str(getattr(holder, key)) == text or float(text) == getattr(holder, key)


@settings(deadline=None)
@given(
    st.integers(1, 64), st.integers(1, 16), st.integers(1, 8), st.integers(8, 4096), st.integers(0, 10**10)
)
def test_a_run_takes_the_steps_its_tokens_pay_for_and_one_at_least(
    micro_batch: int, accumulation: int, processes: int, length: int, tokens: int
) -> None:
    stage = Stage(micro_batch=micro_batch, gradient_accumulation=accumulation, sequence_length=length)
    recipe = Recipe(stages=(stage,), processes=processes)
    a_step = micro_batch * accumulation * processes * length
    steps = recipe.steps_for(tokens)
    assert recipe.tokens_per_step() == a_step
    assert steps == 1 or steps * a_step <= tokens < (steps + 1) * a_step
    assert steps > 1 or tokens < 2 * a_step


def test_the_stage_follows_its_own_schedule() -> None:
    stage = Stage(learning_rate=0.01, schedule="linear", warmup_steps=10, floor=0.5)
    assert stage.learning_rate_at(5, 110) == pytest.approx(0.005)
    assert stage.learning_rate_at(10, 110) == pytest.approx(0.01)
    assert stage.learning_rate_at(110, 110) == pytest.approx(0.005)
