"""The settings as a form presents them: all there, named once, and back to the recipe without loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.recipe.deepspeed import LARGEST_BUCKET, deepspeed_config
from domainstudio.recipe.presets import PRESETS
from domainstudio.recipe.recipe import Recipe, Stage, change, field_help, settings_of
from domainstudio.recipe.settings import HELP, SETTING, SETTINGS, text_of, value_of

KEYS = [setting.key for setting in SETTINGS]


def test_the_form_knows_every_setting_once() -> None:
    assert sorted(KEYS) == sorted(key for key, _, _ in field_help())
    labels = [setting.label for setting in SETTINGS]
    assert len(set(labels)) == len(labels) and all(HELP[key] for key in KEYS)
    groups = [setting.group for setting in SETTINGS]
    assert groups == sorted(groups, key=groups.index), "the fields of a group stand together"


@pytest.mark.parametrize("name", PRESETS)
def test_a_value_shown_and_typed_back_is_the_same(name: str) -> None:
    recipe = change(Recipe(), PRESETS[name].settings)
    typed = {key: value_of(key, text_of(recipe, key)) for key in KEYS}
    assert change(recipe, typed) == recipe
    assert change(Recipe(), settings_of(recipe)) == recipe


@settings(deadline=None)
@given(st.floats(0, 0.5), st.floats(0, 1))
def test_percentages_come_back_as_the_shares_they_are(warmup: float, floor: float) -> None:
    recipe = Recipe(stages=(Stage(warmup_share=warmup, warmup_steps=0, floor=floor),))
    back = change(recipe, {key: value_of(key, text_of(recipe, key)) for key in ("warmup_share", "floor")})
    assert back.stage.warmup_share == pytest.approx(warmup, rel=1e-9, abs=1e-12)
    assert back.stage.floor == pytest.approx(floor, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("probe_tokens", "16,384", "16384"), ("warmup_share", "1 %", "0.01"), ("warmup_share", "ten", "ten"),
        ("learning_rate", " 3e-5 ", "3e-5"), ("accepted_forgetting", "", ""),
    ],
)  # fmt: skip
def test_people_write_separators_and_percent_signs(key: str, typed: str, value: str) -> None:
    assert value_of(key, typed) == value


def test_accepted_forgetting_may_be_none_and_is_never_negative() -> None:
    assert Recipe().accepted_forgetting == 0.05 and SETTING["accepted_forgetting"].may_be_empty
    assert change(Recipe(), {"accepted_forgetting": ""}).accepted_forgetting is None
    assert change(Recipe(), {"accepted_forgetting": "None"}).accepted_forgetting is None
    with pytest.raises(Exception, match="accepted_forgetting"):
        change(Recipe(), {"accepted_forgetting": "-0.1"})


def test_what_is_measured_and_saved_does_not_part_two_runs() -> None:
    other = change(Recipe(), {"accepted_forgetting": "", "probe_every": "7", "keep_checkpoints": "9"})
    assert other != Recipe() and other.as_trained() == Recipe().as_trained()
    assert change(Recipe(), {"seed": "1"}).as_trained() != Recipe().as_trained()
    assert change(Recipe(), {"probe_tokens": "4096"}).as_trained() != Recipe().as_trained()


def test_deepspeed_gets_what_the_recipe_says_and_no_bucket_larger_than_the_model() -> None:
    recipe = change(
        Recipe(), {"zero_stage": "2", "precision": "bf16", "micro_batch": "8", "gradient_clip": "0.3"}
    )
    config = deepspeed_config(recipe, 1_000_000)
    assert (config["train_micro_batch_size_per_gpu"], config["gradient_clipping"]) == (8, 0.3)
    assert config["bf16"] == {"enabled": True} and config["zero_optimization"]["stage"] == 2
    assert config["zero_optimization"]["reduce_bucket_size"] == 1_000_000
    assert deepspeed_config(recipe, 10**10)["zero_optimization"]["allgather_bucket_size"] == LARGEST_BUCKET
