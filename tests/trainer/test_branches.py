"""A branch goes on from a checkpoint of its trunk as the trunk itself would, but for its falling rate."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import KEPT, latest_checkpoint, list_checkpoints
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder
from domainstudio.project.project import Project
from domainstudio.recipe.schedules import decayed_rate
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import curves_of

pytestmark = pytest.mark.usefixtures("warm_start")

TRUNK = [
    "schedule=constant", "steps=16", "checkpoint_every=8", "probe_every=8", "gradient_accumulation=3",
    "batch_warmup_steps=12", "warmup_steps=2", "spring=l2-sp", "kl_strength=0.1", "processes=2",
]  # fmt: skip


def options(settings: list[str]) -> list[str]:
    return [f"--set={setting}" for setting in settings]


@pytest.fixture(scope="module")
def trunk(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with train-1, finished at step 16 with a checkpoint at 8."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("trunk") / "small"))
    assert run_command(["train", "start", str(project), *options(TRUNK)]) == 0
    return project


def folder_of(project: Path, run: str) -> JobFolder:
    return JobFolder(project / "jobs" / run)


def weights(project: Path, run: str) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(folder_of(project, run).result)
    assert checkpoint is not None
    return load_file(checkpoint.model / "model.safetensors")


def losses(curves: Curves, after: int = 0) -> list[tuple[int, float, int]]:
    return [(point.step, point.loss, point.tokens) for point in curves.steps.points() if point.step > after]


def test_with_the_trunks_rate_a_branch_is_the_trunks_own_next_steps(trunk: Path, command: Command) -> None:
    """Optimizer, dropout, springs, growing batch, place in the text: all go on, to the same weights."""
    command("train", "start", trunk, "--from", "train-1@8", "--decay", "8", "--set", "floor=1")
    whole, branch = curves_of(folder_of(trunk, "train-1")), curves_of(folder_of(trunk, "train-2"))
    assert losses(branch) == losses(whole, after=8) and len(losses(branch)) == 8
    expected, found = weights(trunk, "train-1"), weights(trunk, "train-2")
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert branch.probes == whole.probes, "the base line is the trunk's, and step 8 is measured again"
    with Project(trunk) as project:
        rows = {row.run: row for row in RunList(project).refresh()}
    assert rows["train-2"].origin == "train-1@8" and rows["train-2"].outcome == rows["train-1"].outcome
    assert rows["train-1"].may_branch and not rows["train-2"].may_branch


def test_the_rate_falls_to_the_floor_and_a_paused_branch_is_bit_identical(
    trunk: Path, tmp_path: Path, command: Command
) -> None:
    project = Path(shutil.copytree(trunk, tmp_path / "small"))
    start = ["train", "start", project, "--from=train-1@8", "--decay=60", "--set=checkpoint_every=1000"]
    command(*start)
    whole = sorted(folder.name for folder in (project / "jobs").glob("train-*"))[-1]
    curves = curves_of(folder_of(project, whole))
    rates = [point.learning_rate for point in curves.steps.points()]
    assert rates == [decayed_rate(1e-3, 1e-4, taken, 60) for taken in range(1, 61)]
    command(*start, "--detach")
    pieced = folder_of(project, f"train-{int(whole[6:]) + 1}")
    wait_until(lambda: '"kind":"step"' in pieced.events_file.read_text(), 120)
    command("runs", "pause", project, pieced.job_id)
    wait_until(lambda: pieced.status() == "stopped", 120)
    halfway = latest_checkpoint(pieced.result)
    assert halfway is not None and 8 < halfway.step < 68
    command("runs", "resume", project, pieced.job_id)
    assert losses(curves_of(pieced)) == losses(curves) and curves_of(pieced).probes == curves.probes
    expected, found = weights(project, whole), weights(project, pieced.job_id)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_trunk_stays_while_its_branch_needs_it(
    trunk: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(trunk, tmp_path / "small"))
    command("train", "start", project, "--from=train-1@8", "--decay=1000", "--detach")
    branch = folder_of(project, sorted(one.name for one in (project / "jobs").glob("train-*"))[-1])
    assert (list_checkpoints(folder_of(project, "train-1").result)[0].path / KEPT).exists()
    wait_until(lambda: '"kind":"step"' in branch.events_file.read_text(), 120)
    command("runs", "stop", project, branch.job_id)
    wait_until(lambda: branch.status() == "stopped", 120)
    assert branch.job_id in refused("runs", "delete", project, "train-1")
    said = refused("train", "start", project, "--from", branch.job_id, "--decay=5")
    assert "no checkpoint" in said or "schedule decay" in said
    command("runs", "delete", project, branch.job_id)
    command("runs", "delete", project, "train-1")


def test_what_no_branch_can_be_made_of_is_refused(trunk: Path, refused: Command) -> None:
    start = ["train", "start", trunk, "--decay"]
    assert "--from RUN@STEP" in refused(*start, "5")
    assert "there are: 8, 16" in refused(*start, "5", "--from", "train-1@3")
    assert "at least 1" in refused(*start, "0", "--from", "train-1@8")
    assert "processes" in refused(*start, "5", "--from", "train-1@8", "--set", "processes=1")
    assert "mixture of its trunk" in refused(*start, "5", "--from", "train-1@8", "--mixture", "other")


def test_a_rate_that_falls_all_the_way_has_no_branches(trained_project: Path, refused: Command) -> None:
    assert "schedule cosine" in refused("train", "start", trained_project, "--from=train-1", "--decay=5")
