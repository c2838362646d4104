"""The real trainer on other machines: killed, stopped and resumed there; no process of it is ever left."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from far_environment import key_of, machines_of_person
from remote_machine import RemoteMachine
from support import Command, wait_until

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import chosen_checkpoint, list_checkpoints
from domainstudio.jobs.events import JobProblem, Start
from domainstudio.jobs.far_side import job_of_node
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.link import read_link
from domainstudio.project.project import Project
from domainstudio.workflow.running import resume
from domainstudio.workflow.runs import asking
from domainstudio.workflow.training.starting import curves_of

PATIENCE = 180.0
STEPS = 4000
TORCHRUN = "domainstudio.trainer.torchrun"
LONG = [f"--set=steps={STEPS}", "--set=probe_every=2000", "--set=checkpoint_every=20", "--set=processes=2"]
pytestmark = pytest.mark.long


@pytest.fixture
def project(packed_project: Path, tmp_path: Path, command: Command) -> Iterator[Project]:
    """A project whose mixture lasts as long as the run."""
    folder = Path(shutil.copytree(packed_project, tmp_path / "small"))
    mixture = ["--share", "domain=1", "--tokens", STEPS * 256, "--max-epochs", 99]
    command("mixture", "set", folder, *mixture)
    with Project(folder) as opened:
        yield opened


@pytest.fixture
def far(tmp_path: Path) -> Iterator[list[RemoteMachine]]:
    """Two machines with this program and the real trainer."""
    with machines_of_person(tmp_path, 2, is_fake=False) as machines:
        yield machines


def there(machine: RemoteMachine, project: Project, node: int = 0) -> JobFolder:
    projects = machine.home / machine.machine.folder / "projects"
    return JobFolder(projects / key_of(project.path) / "jobs" / job_of_node("train-1", node))


def begin(project: Project, machines: str, command: Command) -> JobFolder:
    command("train", "start", project.path, *LONG, "--on", machines, "--detach")
    return JobFolder(project.jobs / "train-1")


def wait_for_step(folder: JobFolder, step: int) -> None:
    wait_until(lambda: curves_of(folder).step_reached() >= step, PATIENCE)


def wait_until_over(folder: JobFolder) -> None:
    def is_over() -> bool:
        link = read_link(folder.path)
        return link is not None and link.phase == "over" and not folder.is_carried()

    wait_until(is_over, PATIENCE)


def kill_torchrun(folder: JobFolder) -> None:
    (found,) = [
        one for one in process.processes_of(folder) if "domainstudio.trainer.torchrun" in one.cmdline()
    ]
    found.kill()


def kill_one_rank(folder: JobFolder) -> None:
    """Kill another than the one that tells what the run does, if there is another."""
    ranks = [
        one for one in process.processes_of(folder) if "domainstudio.trainer.torchrun" not in one.cmdline()
    ]
    record = folder.run_record()
    assert record is not None
    next((one for one in ranks if one.pid != record.pid), ranks[0]).kill()


def test_killed_on_its_machine_it_leaves_nothing_and_goes_on(
    project: Project, far: list[RemoteMachine], command: Command
) -> None:
    folder, part = begin(project, "node-1", command), there(far[0], project)
    wait_for_step(folder, 25)
    kill_torchrun(part)
    step = curves_of(folder).step_reached()
    wait_for_step(folder, step + 10)  # nobody needs it before the end

    kill_one_rank(part)
    wait_until_over(folder)
    assert folder.status() == "failed" and process.processes_of(part) == []
    assert [event for event in read_events(folder) if isinstance(event.body, JobProblem)]
    resume(folder)
    wait_for_step(folder, step + 30)
    asking.stop_and_keep(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "done" and process.processes_of(part) == []
    starts = [event.body.step for event in read_events(folder) if isinstance(event.body, Start)]
    assert starts[0] == 0 and starts[1] > 20
    assert curves_of(folder).steps.column("step").tolist() == list(
        range(1, curves_of(folder).step_reached() + 1)
    )


def test_on_two_machines_it_is_trained_killed_stopped_resumed_and_fetched(
    project: Project, far: list[RemoteMachine], command: Command
) -> None:
    folder = begin(project, "node-1,node-2", command)
    parts = [there(machine, project, node) for node, machine in enumerate(far)]
    wait_for_step(folder, 30)
    assert all(process.processes_of(part) for part in parts)
    kill_one_rank(parts[1])
    wait_until_over(folder)
    assert folder.status() == "failed" and [process.processes_of(part) for part in parts] == [[], []]

    resume(folder)
    wait_for_step(folder, 60)
    asking.pause(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "stopped" and [process.processes_of(part) for part in parts] == [[], []]
    saved = [[one.step for one in list_checkpoints(part.result)] for part in parts]
    assert saved[0] == saved[1] and saved[0][-1] >= 60

    resume(folder)
    wait_for_step(folder, saved[0][-1] + 10)
    asking.stop_and_keep(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "done" and [process.processes_of(part) for part in parts] == [[], []]
    checkpoint = chosen_checkpoint(folder.result)
    assert checkpoint is not None and (checkpoint.model / "model.safetensors").stat().st_size > 0
    steps = curves_of(folder).steps.column("step").tolist()
    assert steps == list(range(1, len(steps) + 1))
