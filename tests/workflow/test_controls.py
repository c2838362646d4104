"""The control that follows a run by itself: after which runs, with what, once."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import Command

from domainstudio.cli.main import run_command
from domainstudio.jobs import process
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.worker import Worker
from domainstudio.machines import store
from domainstudio.machines.assignment import Assignment, write_assignment
from domainstudio.machines.machine import Machine
from domainstudio.mixture.shares import Arm
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.machines import remote
from domainstudio.workflow.planning import mixture_of, set_mixture, set_recipe
from domainstudio.workflow.training.advice import advice
from domainstudio.workflow.training.controls import SHORT_SECONDS, start_control
from domainstudio.workflow.training.planned import RunChoice, planned, speed_of
from domainstudio.workflow.training.starting import TRAIN, freeze, run_spec

pytestmark = pytest.mark.usefixtures("warm_start")

QUICK = ["--set=steps=4", "--set=probe_every=4", "--set=checkpoint_every=4"]


@pytest.fixture
def path(trained_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_project, tmp_path / "trained"))


@pytest.fixture
def project(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project where a run that is started does nothing."""
    monkeypatch.setattr(process, "start", lambda _folder: None)
    with Project(path) as opened:
        yield opened


def ended(
    project: Project, wish: str, origin: str = "train-1", arm: Arm = "treated", seconds: float = 60
) -> str:
    """Leave a run that is done, at a speed that makes its control take so many seconds."""
    spec, _processes = freeze(project, origin, "default", "default", {"control": wish, "steps": "4"}, arm)
    tokens = spec.recipe.tokens_before(spec.steps + 1)
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    worker = Worker(folder)
    for step in range(1, 5):
        worker.emit(Step(step, step * tokens // 4, 5.0, 1e-3, 1.0, tokens / seconds, 1))
    worker.finish("done")
    return folder.job_id


def control_of(project: Project, run: str) -> RunSpec | None:
    folder = start_control(project, run)
    return run_spec(project, folder.job_id) if folder else None


def test_by_command_a_short_run_is_followed_by_its_control_and_set_against_it(
    path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    started = command("train", "start", path, "--from=train-1", *QUICK, "--set=control=short")
    row = started["result"]
    assert (row["run"], row["control"]) == ("train-2", "train-3")
    assert None not in (
        row["outcome"]["gain_against_control"],
        row["outcome"]["forgetting_against_control"],
    )
    runs = {run["run"]: run for run in command("runs", "list", path)}
    assert (runs["train-3"]["arm"], runs["train-3"]["status"]) == ("control", "done")
    assert run_command(["train", "start", str(path), "--from=train-1", *QUICK, "--set=control=short"]) == 0
    assert "train-5" not in {run["run"] for run in command("runs", "list", path)}, "it has one already"


def test_it_differs_in_its_text_and_protection_alone(project: Project) -> None:
    set_recipe(project, {"spring": "l2-sp", "seed": "7"})
    run = ended(project, "short")
    set_recipe(project, {"spring": "none", "seed": "8"})  # what is saved by then is another recipe
    found, treated = control_of(project, run), run_spec(project, run)
    assert found is not None and found.start == treated.start and found.arm == "control"
    assert [(source.name, source.share) for source in found.sources] == [("general", 1.0)]
    assert found.recipe.seed == 7 and found.recipe.stage.spring == "none"


@pytest.mark.parametrize(
    ("wish", "origin", "arm", "seconds", "follows"),
    [
        ("short", "train-1", "treated", SHORT_SECONDS - 1, True),
        ("short", "train-1", "naive", 60, True),
        ("short", "train-1", "treated", SHORT_SECONDS + 1, False),
        ("always", "train-1", "treated", SHORT_SECONDS + 1, True),
        ("never", "train-1", "treated", 60, False),
        ("always", "train-1", "control", 60, False),
        ("always", "base", "treated", 60, False),
    ],
    ids=["short", "naive", "long", "always", "never", "control", "random"],
)
def test_which_runs_are_followed(
    project: Project, wish: str, origin: str, arm: Arm, seconds: float, follows: bool
) -> None:
    assert (control_of(project, ended(project, wish, origin, arm, seconds)) is not None) is follows


def test_of_two_who_see_a_run_end_one_starts_its_control(project: Project) -> None:
    run = ended(project, "short")

    def begin(_number: int) -> JobFolder | None:
        with Project(project.path) as opened:
            return start_control(opened, run)

    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(begin, range(4)))
    assert len([folder for folder in started if folder is not None]) == 1
    assert start_control(project, run) is None


def test_too_little_general_text_is_said_and_nothing_started(project: Project) -> None:
    run = ended(project, "short")
    before = list(project.jobs.iterdir())
    set_mixture(
        project, mixture_of(project, "default").model_copy(update={"max_epochs": 1e-6}), allow_shortfall=True
    )
    with pytest.raises(UserError) as caught:
        start_control(project, run)
    assert caught.value.problem.code == "mixture.shortfall"
    assert list(project.jobs.iterdir()) == before


def test_a_run_that_has_not_ended_has_none_yet(project: Project) -> None:
    spec, _processes = freeze(project, "train-1", "default", "default", {"control": "always"}, "treated")
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    assert start_control(project, folder.job_id) is None


def test_a_plan_says_that_none_follows_only_where_none_does(project: Project) -> None:
    def codes() -> list[str]:
        found = advice(project, planned(project, RunChoice(origin="train-1")))
        return [one.problem.code for one in found]

    set_recipe(project, {"control": "never"})
    assert "advice.no_control" in codes()
    set_recipe(project, {"control": "short"})
    assert "advice.no_control" not in codes()


def test_the_control_of_a_run_on_a_machine_is_trained_there(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    store.add(Machine(name="gpu-1", destination="gpu-1"))
    launched: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(
        remote, "launch", lambda folder, machines, key: launched.append((folder.job_id, machines))
    )
    run = ended(project, "short")
    write_assignment(project.job(run).path, Assignment(machine="gpu-1", project="law"))
    assert start_control(project, run) is not None
    assert launched == [("train-3", ("gpu-1",))]
    spec = run_spec(project, run)
    assert speed_of(project, spec) is None, "what a machine did says nothing of this one"
    assert speed_of(project, spec, "gpu-1") is not None
