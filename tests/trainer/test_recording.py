"""Importance recorded in passing: on any run, through a pause, and taken by the springs of a later one."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Progress
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events

pytestmark = pytest.mark.usefixtures("warm_start")

FAST = [
    "--set=steps=16",
    "--set=checkpoint_every=1000",
    "--set=probe_every=1000",
    "--set=record_importance=true",
]


@pytest.fixture(scope="module")
def project(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one recorded run on two processes, train-1."""
    path = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("recording") / "small"))
    assert run_command(["train", "start", str(path), *FAST, "--set=processes=2", "--set=zero_stage=3"]) == 0
    return path


def importance_of(project: Path, run: str) -> dict[str, torch.Tensor]:
    return load_file(project / "jobs" / run / "result" / "importance.safetensors")


def test_what_is_recorded_is_whole_and_normalised(project: Path) -> None:
    found = importance_of(project, "train-1")
    anchor = load_file(project / "jobs" / "train-1" / "result" / "anchor.safetensors")
    assert {name: values.shape for name, values in found.items()} == {
        name: values.shape for name, values in anchor.items()
    }
    everything = torch.cat([values.reshape(-1) for values in found.values()]).double()
    assert float(everything.mean()) == pytest.approx(1, rel=1e-3)
    assert float(everything.min()) >= 0 and float((everything > 0).float().mean()) > 0.2


def test_a_pause_changes_nothing_of_what_is_recorded(project: Path, command: Command) -> None:
    command("train", "start", project, *FAST, "--set=processes=2", "--set=zero_stage=3", "--detach")
    folder = JobFolder(project / "jobs" / "train-2")
    wait_until(lambda: '"kind":"step"' in folder.events_file.read_text(), 120)
    command("runs", "pause", project, "train-2")
    wait_until(lambda: folder.status() in ("stopped", "done"), 120)
    if folder.status() == "stopped":
        command("runs", "resume", project, "train-2")
    whole, resumed = importance_of(project, "train-1"), importance_of(project, "train-2")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_springs_of_a_later_run_take_it_without_measuring(project: Path, command: Command) -> None:
    plain = [setting for setting in FAST if "record" not in setting]
    command("train", "start", project, "--from=train-1", *plain, "--set=spring=si",
            "--set=importance_from=train-1")  # fmt: skip
    run = sorted((project / "jobs").glob("train-*"), key=lambda job: int(job.name[6:]))[-1]
    phases = {event.body.phase for event in read_events(JobFolder(run)) if isinstance(event.body, Progress)}
    assert "measuring importance" not in phases
    taken, given = importance_of(project, run.name), importance_of(project, "train-1")
    assert all(torch.equal(taken[name], given[name]) for name in given)


def test_a_run_that_recorded_nothing_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "start", str(project), "--set=spring=si", "--set=importance_from=train-9"]
    assert run_command(words) == 2
    assert run_command([*words[:3], "--set=record_importance=true", "--set=spring=l2-sp"]) == 2
    assert "record_importance goes without a spring" in capsys.readouterr().err
