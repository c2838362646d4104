"""Runs that begin with another run's weights or with a base folder, and text that a run writes."""

import shutil
from pathlib import Path

import pytest
from conftest import DOMAIN, GENERAL, RECIPE, STANDARD_LIBRARY
from support import Command, wait_until
from trainer.run_readings import STEPS, losses, probes, wait_for_step

from domainstudio.jobs.folder import JobFolder
from domainstudio.workflow.training.starting import curves_of

pytestmark = pytest.mark.usefixtures("warm_start")


def test_a_run_from_a_run_begins_with_its_weights(
    undisturbed: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "continued"))
    command("mixture", "set", project, "--share", "domain=1", "--tokens", "512", "--max-epochs", "4")
    assert "160" in refused("train", "start", project, "--from", "train-1@3")
    command("train", "start", project, "--from", f"train-1@{STEPS}")
    before, after = probes(project, "train-1", STEPS), probes(project, "train-2", 0)
    for source in ("general", "domain"):
        assert after[source].nats_per_token == pytest.approx(before[source].nats_per_token, abs=1e-5)


def test_a_run_from_a_run_is_resumed_bit_for_bit_dropout_and_all(
    undisturbed: Path, tmp_path: Path, command: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "small"))
    settings = ["--from=train-1", "--set=steps=60", "--set=probe_every=1000", "--set=checkpoint_every=1000"]
    command("train", "start", project, *settings)
    command("train", "start", project, *settings, "--detach")
    whole, pieced = (JobFolder(project / "jobs" / name) for name in ("train-2", "train-3"))
    wait_for_step(pieced, 5, attempt=1)
    command("runs", "pause", project, "train-3")
    wait_until(lambda: pieced.status() == "stopped")
    command("runs", "resume", project, "train-3")
    assert curves_of(pieced).attempts == 2 and losses(curves_of(pieced)) == losses(curves_of(whole))


def test_a_project_on_a_base_folder_trains_it(undisturbed: Path, tmp_path: Path, command: Command) -> None:
    """The exported model serves as somebody's base: its own tokenizer is used, its loss is the base line."""
    command("export", "model", undisturbed, "train-1", tmp_path / "base")
    project = tmp_path / "based"
    command("project", "new", project, "--base", tmp_path / "base")
    for role, names in (("general", GENERAL), ("domain", DOMAIN)):
        paths = [STANDARD_LIBRARY / name for name in names]
        command("corpus", "import", project, *paths, "--reader", "docstrings", "--role", role, "--name", role)
    command("tokenizer", "pack", project)
    command("mixture", "set", project, "--share", "domain=1", "--tokens", "512")
    command("recipe", "set", project, *RECIPE)
    command("train", "start", project)
    expected, found = probes(undisturbed, "train-1", STEPS), probes(project, "train-1", 0)
    for source in ("general", "domain"):
        assert found[source].nats_per_token == pytest.approx(expected[source].nats_per_token, abs=1e-5)


def test_general_text_may_be_written_by_the_model_and_is_labelled_ever_after(
    undisturbed: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "writing"))
    assert "random weights" in refused("corpus", "generate", project)
    made = command("corpus", "generate", project, "--from", "train-1", "--tokens", "6k", "--name", "own")
    assert made["result"]["documents"] >= 6000 / 513
    assert "another origin" in refused("corpus", "sample", project, "--name", "own")
    command("tokenizer", "pack", project)
    rows = {row["counts"]["name"]: row for row in command("corpus", "table", project)}
    assert rows["own"]["counts"]["text_origin"] == "written by a model" and rows["own"]["tokens"] > 4000
    assert rows["general"]["counts"]["text_origin"] == "documents"
    command("export", "report", project, "train-1", tmp_path / "report.html")
    assert "written by a model" in (tmp_path / "report.html").read_text()
