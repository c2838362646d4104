"""Recipes by command: published ones, changes on top of them, contradictions named before anything starts."""

from pathlib import Path

import pytest
from support import Command

from domainstudio.recipe.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_recipe(small_project: Path, command: Command, name: str) -> None:
    recipe = command("recipe", "set", small_project, f"preset={name}")
    values = {**recipe, **recipe["stages"][0]}
    for key, text in PRESETS[name].settings.items():
        value = values[key]
        assert str(value).lower() == text or float(value) == float(text), key


def test_bloomberggpts_constants_are_those_of_the_paper(small_project: Path, command: Command) -> None:
    (stage,) = command("recipe", "set", small_project, "preset=bloomberggpt")["stages"]
    assert (stage["learning_rate"], stage["floor"], stage["warmup_steps"]) == (6e-5, 0.1, 1800)
    assert (stage["beta1"], stage["beta2"], stage["weight_decay"], stage["gradient_clip"]) == (
        0.9,
        0.95,
        0.1,
        0.3,
    )


def test_settings_are_changed_on_top_of_a_preset_and_stay(small_project: Path, command: Command) -> None:
    command("recipe", "set", small_project, "preset=sample", "probe_every=7", "--name", "mine")
    command("recipe", "set", small_project, "--name", "mine", "dropout=0.1")
    mine = command("recipe", "show", small_project, "--name", "mine")
    assert mine["probe_every"] == 7
    assert (mine["stages"][0]["dropout"], mine["stages"][0]["learning_rate"]) == (0.1, 3e-3)


def test_contradictions_are_named_before_anything_starts(small_project: Path, refused: Command) -> None:
    both = refused("recipe", "set", small_project, "warmup_steps=10", "warmup_share=0.1")
    assert "not both" in both
    assert "gradient_accumulation" in refused("recipe", "set", small_project, "batch_warmup_steps=9")
    assert "sample" in refused("recipe", "set", small_project, "preset=gpt5")
    too_many = refused("train", "start", small_project, "--set", "steps=9999")
    assert "9,999 steps" in too_many and "more tokens" in too_many
    assert not list((small_project / "jobs").glob("train*"))


def test_presets_say_what_is_not_confirmed(small_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from domainstudio.cli.main import run_command

    capsys.readouterr()
    assert run_command(["recipe", "presets", str(small_project)]) == 0
    text = capsys.readouterr().out
    assert "not confirmed in the paper: learning_rate, schedule" in text
    assert all(name in text for name in PRESETS)


def test_giving_warm_up_as_a_share_replaces_steps(small_project: Path, command: Command) -> None:
    (stage,) = command("recipe", "set", small_project, "warmup_share=0.05")["stages"]
    assert (stage["warmup_share"], stage["warmup_steps"]) == (0.05, 0)
    (stage,) = command("recipe", "set", small_project, "warmup_steps=20")["stages"]
    assert (stage["warmup_share"], stage["warmup_steps"]) == (0.0, 20)
