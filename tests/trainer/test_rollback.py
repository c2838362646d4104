"""A batch of garbage makes the loss spike: the run goes back, skips it, and is resumed bit for bit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.jobs.checkpoints import CheckpointFolder, latest_checkpoint
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import RollBack
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.problems import Problem
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.trainer.data import TrainingData
from domainstudio.trainer.position import Position
from domainstudio.workflow.training.starting import curves_of, freeze

pytestmark = pytest.mark.usefixtures("warm_start")

SAVED, SPIKE, STEPS = 60, 64, 74
SETTINGS = {
    "schedule": "constant", "learning_rate": "3e-3", "steps": str(STEPS), "probe_every": "99",
    "checkpoint_every": str(SAVED), "processes": "2", "record_importance": "true", "on_spike": "roll-back",
}  # fmt: skip
OPTIONS = [f"--set={key}={value}" for key, value in SETTINGS.items()]


def spoil(project: Path, step: int) -> None:
    """Write random tokens over the text that every rank draws at a step."""
    with Project(project) as opened:
        spec: RunSpec = freeze(opened, "base", "default", "default", SETTINGS, "treated")[0]
    length, random = spec.recipe.stage.sequence_length, np.random.default_rng(0)
    data = TrainingData(spec, project / "jobs" / "train-1", 0, 2)
    first, beyond = data.first_draw(step), data.first_draw(step + 1)
    for draw in map(data._sampler.draw, range(first, beyond)):
        folder = (project / "jobs" / "train-1" / spec.sources[draw.source].tokens).resolve()
        packed = PackedTokens(folder)
        assert packed.meta.dtype == "uint16" and len(packed.meta.parts) == 1
        tokens = np.memmap(folder / f"{packed.meta.parts[0].name}.bin", "<u2", "r+")
        tokens[draw.block * length : (draw.block + 1) * length] = random.integers(
            100, spec.vocabulary, length
        )
        tokens.flush()


@pytest.fixture(scope="module")
def spoilt(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose text of one step is garbage."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("spoilt") / "small"))
    (project / "jobs" / "train-1").mkdir(parents=True)
    spoil(project, SPIKE)
    (project / "jobs" / "train-1").rmdir()
    return project


@pytest.fixture(scope="module")
def whole(spoilt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a finished run, train-1."""
    from domainstudio.cli.main import run_command

    project = Path(shutil.copytree(spoilt, tmp_path_factory.mktemp("whole") / "small"))
    assert run_command(["train", "start", str(project), *OPTIONS]) == 0
    return project


def run_of(project: Path) -> JobFolder:
    return JobFolder(project / "jobs" / "train-1")


def last_checkpoint(project: Path) -> CheckpointFolder:
    found = latest_checkpoint(run_of(project).result)
    assert found is not None and found.step == STEPS
    return found


def losses(curves: Curves) -> list[tuple[int, float, int]]:
    return [(point.step, point.loss, point.tokens) for point in curves.steps.points()]


def of_spikes(curves: Curves) -> list[Problem]:
    """Return what was told of spikes; at this rate a gradient may be told of too."""
    told = [mark.problem for mark in curves.marks if mark.problem is not None]
    return [problem for problem in told if problem.field == "on_spike"]


def test_a_run_goes_back_behind_a_spike_and_skips_the_text_that_led_to_it(whole: Path) -> None:
    curves = curves_of(run_of(whole))
    assert [step for step, *_ in losses(curves)] == list(range(1, STEPS + 1))
    (abandoned,) = curves.superseded
    assert abandoned.column("step").tolist() == list(range(SAVED + 1, SPIKE + 1))
    spike = float(abandoned.column("loss")[-1])
    assert spike > 1 + max(loss for step, loss, _ in losses(curves) if step > SAVED)
    (problem,) = of_spikes(curves)
    assert problem.code == "training.rolled_back" and curves.attempts == 1
    assert (problem.params["step"], problem.params["checkpoint"]) == (SPIKE, SAVED)
    position = Position.model_validate_json((last_checkpoint(whole).path / "position.json").read_bytes())
    (skip,) = position.spikes.skips
    assert skip.after == SAVED and skip.draws == 2 * (SPIKE - SAVED) * 2 * 2
    assert position.next_draw == STEPS * 2 * 2 + skip.draws


@pytest.mark.parametrize("ending", ["pause", "stop"])
def test_a_run_that_went_back_is_resumed_bit_for_bit(
    whole: Path, spoilt: Path, tmp_path: Path, command: Command, ending: str
) -> None:
    """Paused it remembers what it skips; stopped without a checkpoint it comes to the spike once more."""
    project = Path(shutil.copytree(spoilt, tmp_path / "small"))
    command("train", "start", project, *OPTIONS, "--detach")
    folder = run_of(project)
    wait_until(
        lambda: '"kind":"rollback"' in folder.log_file.read_text() + folder.events_file.read_text(), 300
    )
    command("runs", ending, project, "train-1")
    wait_until(lambda: folder.status() == "stopped", 300)
    halfway = latest_checkpoint(folder.result)
    assert halfway is not None and (halfway.step == SAVED) == (ending == "stop")
    command("runs", "resume", project, "train-1")
    went_back = [event for event in read_events(folder) if isinstance(event.body, RollBack)]
    assert len(went_back) == (2 if ending == "stop" else 1)
    assert losses(curves_of(folder)) == losses(curves_of(run_of(whole)))
    for file in (
        last_checkpoint(whole).model / "model.safetensors",
        run_of(whole).result / "importance.safetensors",
    ):
        expected, found = load_file(file), load_file(project / file.relative_to(whole))
        assert expected and all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_branch_without_a_checkpoint_of_its_own_goes_back_to_its_trunks(
    whole: Path, tmp_path: Path, command: Command
) -> None:
    """At the trunk's rate it comes to the same spike and does as the trunk did."""
    project = Path(shutil.copytree(whole, tmp_path / "small"))
    start = ["train", "start", project, f"--from=train-1@{SAVED}", f"--decay={STEPS - SAVED}"]
    command(*start, "--set=floor=1", "--set=checkpoint_every=1000")
    branch = JobFolder(project / "jobs" / "train-2")
    after = [point for point in losses(curves_of(run_of(whole))) if point[0] > SAVED]
    assert losses(curves_of(branch)) == after
    assert sum(isinstance(event.body, RollBack) for event in read_events(branch)) == 1
    expected, found = (
        load_file(one.result / "checkpoints" / f"step-{STEPS:08d}" / "model" / "model.safetensors")
        for one in (run_of(whole), branch)
    )
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("zero", [2, 3])
def test_it_goes_back_however_the_optimizer_is_spread(
    whole: Path, spoilt: Path, tmp_path: Path, command: Command, zero: int
) -> None:
    """In the place of a restart: the losses after going back are those of a resumed run."""
    project = Path(shutil.copytree(spoilt, tmp_path / "small"))
    command("train", "start", project, *OPTIONS, f"--set=zero_stage={zero}")
    found, expected = losses(curves_of(run_of(project))), losses(curves_of(run_of(whole)))
    assert [step for step, *_ in found] == list(range(1, STEPS + 1))
    assert [loss for _, loss, _ in found] == pytest.approx([loss for _, loss, _ in expected], abs=2e-3)


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("checkpoint_every=1000", "training.spike_unsaved"),
        ("on_spike=tell", "training.loss_spike"),
    ],
)
def test_without_a_checkpoint_or_a_wish_a_spike_is_only_told_of(
    spoilt: Path, tmp_path: Path, command: Command, setting: str, code: str
) -> None:
    project = Path(shutil.copytree(spoilt, tmp_path / "small"))
    command("train", "start", project, *OPTIONS, "--set=steps=66", f"--set={setting}")
    curves = curves_of(run_of(project))
    assert [problem.code for problem in of_spikes(curves)] == [code]
    assert not curves.superseded and curves.step_reached() == 66
