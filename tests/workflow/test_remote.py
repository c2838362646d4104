"""A run on another machine, reached by a real ssh: sent, started, cut off, followed again, asked, fetched."""

import random
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import psutil
import pytest
from far_environment import key_of, machines_of_person
from faults.small_disk import can_mount, small_disk
from remote_machine import RemoteMachine
from support import Command, wait_until

from domainstudio.jobs.checkpoints import chosen_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.frames import size_of
from domainstudio.jobs.launch import read_launch
from domainstudio.jobs.link import read_link
from domainstudio.machines import store
from domainstudio.project.project import Project
from domainstudio.workflow.machines import remote as workflow
from domainstudio.workflow.planning import set_recipe
from domainstudio.workflow.running import resume
from domainstudio.workflow.runs import asking
from domainstudio.workflow.training.starting import start_run

PATIENCE = 60.0


@pytest.fixture
def far(tmp_path: Path) -> Iterator[RemoteMachine]:
    """A machine of this person, with this program and the fake trainer."""
    with machines_of_person(tmp_path, is_fake=True) as (machine,):
        yield machine


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


def job_there(far: RemoteMachine, project: Project, job: str = "train-1") -> JobFolder:
    folder = far.home / far.machine.folder / "projects" / key_of(project.path)
    return JobFolder(folder / "jobs" / job)


def begin(far: RemoteMachine, project: Project, **behaviour: object) -> JobFolder:
    """Start a run there that behaves so."""
    there = job_there(far, project)
    there.path.mkdir(parents=True)
    fake_trainer.Behaviour(**behaviour).write(there)  # type: ignore[arg-type]
    return start_run(project, machine=far.machine.name)


def carriers(folder: JobFolder) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "domainstudio.machines" in words and str(folder.path.resolve()) in words:
            found.append(process)
    return found


def wait_until_over(folder: JobFolder) -> None:
    def is_over() -> bool:
        link = read_link(folder.path)
        return link is not None and link.phase == "over" and not folder.is_carried()

    wait_until(is_over, PATIENCE)


def assert_same(folder: JobFolder, there: JobFolder) -> None:
    for name in ("events.jsonl", "job.log", "run.json"):
        assert (folder.path / name).read_bytes() == (there.path / name).read_bytes(), name


def test_a_run_there_is_as_one_here_and_its_model_comes_back(far: RemoteMachine, project: Project) -> None:
    folder = begin(far, project, steps=20)
    wait_until_over(folder)
    there = job_there(far, project)
    assert folder.status() == "done"
    assert_same(folder, there)
    here, made = chosen_checkpoint(folder.result), chosen_checkpoint(there.result)
    assert here is not None and made is not None and here.step == made.step == 20
    sent = {path.relative_to(there.path.parents[1]) for path in there.path.parents[1].rglob("*.bin")}
    assert sent and all((project.path / name).read_bytes() == (there.path.parents[1] / name).read_bytes()
                        for name in sent)  # fmt: skip


@pytest.mark.parametrize(("most", "steps"), [(8, 600), pytest.param(50, 60_000, marks=pytest.mark.long)])
def test_cut_off_at_random_it_loses_and_doubles_nothing(
    far: RemoteMachine, project: Project, most: int, steps: int
) -> None:
    folder, dice, cuts = begin(far, project, steps=steps, seconds_per_step=0.01), random.Random(3), 0
    there = job_there(far, project)
    wait_until(lambda: size_of(folder.events_file) > 0, PATIENCE)
    while there.status() == "running" and cuts < most:
        size = size_of(folder.events_file)
        for process in psutil.process_iter(["cmdline", "name"]):  # the connection, or whoever carries
            words = process.info["cmdline"] or []
            is_ssh = process.info["name"] == "ssh" and str(far.config) in words
            if is_ssh and dice.random() < 0.8:
                process.kill()
        if dice.random() < 0.3:
            for carrier in carriers(folder):
                carrier.kill()
            wait_until(lambda: not folder.is_carried(), 10)
            assert folder.status() in ("running", "done"), "silence is no death"
            assert workflow.follow_again(project) == ["train-1"]
        cuts += 1
        wait_until(
            lambda size=size: size_of(folder.events_file) > size or there.status() != "running", PATIENCE
        )  # type: ignore[misc]
    if steps > 600:
        assert cuts == most
        there.ask_to_stop()
    wait_until_over(folder)
    assert cuts >= 3 and folder.status() == ("done" if steps == 600 else "stopped")
    assert_same(folder, there)
    numbers = [event.seq for event in read_events(folder) if event.seq]
    assert numbers == list(range(1, len(numbers) + 1))


def test_it_is_paused_and_resumed_from_here_on_fewer_processes(far: RemoteMachine, project: Project) -> None:
    set_recipe(project, {"processes": "2"})
    folder = begin(far, project, steps=2000, seconds_per_step=0.01)
    wait_until(lambda: size_of(folder.events_file) > 2000, PATIENCE)
    asking.pause(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "stopped"
    fake_trainer.Behaviour(steps=20).write(job_there(far, project))
    resume(folder, processes=1)
    assert folder.status() == "running"
    wait_until_over(folder)
    assert folder.status() == "done"
    assert_same(folder, job_there(far, project))
    assert read_launch(job_there(far, project).path).processes == 1


def test_a_death_there_is_told_and_it_can_go_on(far: RemoteMachine, project: Project) -> None:
    folder = begin(far, project, steps=30, die_at=9)
    wait_until_over(folder)
    assert folder.status() == "interrupted"
    resume(folder)
    wait_until_over(folder)
    assert folder.status() == "done"
    assert_same(folder, job_there(far, project))


def test_a_machine_without_the_program_is_told_of(
    far: RemoteMachine, project: Project, command: Command
) -> None:
    (far.home / far.machine.folder / "env" / "bin" / "python").unlink()
    folder = start_run(project, machine=far.machine.name)

    def is_refused() -> bool:
        link = read_link(folder.path)
        return link is not None and link.phase == "refused"

    wait_until(is_refused, PATIENCE)
    wait_until(lambda: folder.status() == "interrupted", PATIENCE)


def test_what_lies_there_is_told_with_sizes_and_removed_once_nothing_runs(
    far: RemoteMachine, project: Project, command: Command, refused: Command
) -> None:
    folder = begin(far, project, steps=100_000, seconds_per_step=0.01)
    wait_until(lambda: size_of(folder.events_file) > 1000, PATIENCE)
    (found,) = command("machines", "clean", far.machine.name)["projects"]
    there = job_there(far, project).path.parents[1]
    assert (found["name"], found["running"]) == (there.name, ["train-1"]) and found["size_bytes"] > 100_000
    assert "train-1" in refused("machines", "clean", far.machine.name, "--remove", there.name)
    bundles = there.parents[1].glob("bundle-*")
    (current,) = [bundle.name for bundle in bundles]
    (there.parents[1] / "bundle-0123456789abcdef").mkdir()
    gone = command("machines", "clean", far.machine.name, "--old-versions")["removed"]
    assert gone == ["bundle-0123456789abcdef"] and (there.parents[1] / current).is_dir()
    for hostile in ("../..", "law", ".."):
        assert "keeps nothing" in refused("machines", "clean", far.machine.name, "--remove", hostile)
    asking.stop(project, "train-1")
    wait_until_over(folder)
    assert command("machines", "clean", far.machine.name, "--remove", there.name)["freed_bytes"] > 100_000
    assert not there.exists() and command("machines", "clean", far.machine.name)["projects"] == []


@pytest.mark.skipif(not can_mount(), reason="needs root")
def test_a_disk_that_is_full_there_is_waited_for_and_what_arrived_is_kept(
    far: RemoteMachine, project: Project
) -> None:
    with small_disk(64 << 20) as disk:
        (far.home / far.machine.folder / "projects").symlink_to(disk.path)
        disk.leave(300_000)
        folder = begin(far, project, steps=20)

        def is_waiting() -> bool:
            link = read_link(folder.path)
            return link is not None and link.phase == "reconnecting" and link.problem == "machine.no_room"

        wait_until(is_waiting, PATIENCE)
        assert folder.status() == "running" and size_of(folder.events_file) == 0
        disk.release()
        wait_until_over(folder)
        assert folder.status() == "done"
        assert_same(folder, job_there(far, project))


def test_a_machine_that_was_removed_from_the_list_is_named_and_not_tried_for_ever(
    far: RemoteMachine, project: Project
) -> None:
    folder = begin(far, project, steps=100_000, seconds_per_step=0.01)
    wait_until(lambda: size_of(folder.events_file) > 1000, PATIENCE)
    store.remove(far.machine.name)
    for carrier in carriers(folder):
        carrier.kill()
    wait_until(lambda: not folder.is_carried(), 10)
    assert workflow.follow_again(project) == ["train-1"]

    def is_refused() -> bool:
        link = read_link(folder.path)
        return link is not None and link.phase == "refused" and link.problem == "machine.unknown"

    wait_until(is_refused, PATIENCE)
    wait_until(lambda: not folder.is_carried(), 10)
    assert workflow.follow_again(project, also_refused=False) == []
    store.add(far.machine)
    assert workflow.follow_again(project) == ["train-1"]
    asking.stop(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "stopped"


def test_a_run_whose_machine_is_not_reached_can_be_given_up_and_started_later(
    far: RemoteMachine, project: Project
) -> None:
    far.stop()
    folder = begin(far, project, steps=20)

    def is_waiting() -> bool:
        link = read_link(folder.path)
        return link is not None and link.problem == "machine.refused"

    wait_until(is_waiting, PATIENCE)
    assert folder.status() == "running"
    asking.stop(project, "train-1")
    wait_until(lambda: not folder.is_carried(), PATIENCE)
    assert folder.status() == "interrupted" and workflow.follow_again(project) == []
    far.start()
    resume(folder)
    wait_until_over(folder)
    assert folder.status() == "done"


def test_a_plan_rests_on_what_the_machine_has_and_a_dry_step_there_replaces_the_estimate(
    far: RemoteMachine, project: Project, command: Command
) -> None:
    far.program("nvidia-smi", "echo 'NVIDIA H200, 143771, 140000, 560.1, 3, 41'")
    on = ["--on", far.machine.name]
    fit = command("recipe", "plan", project.path, *on)["fit"]
    assert (fit["hardware"]["name"], fit["hardware"]["devices"]) == ("H200-141GB", 1)
    assert not fit["memory_from"] and not fit["speed_is_measured"] and fit["seconds"] > 0
    tried = command("recipe", "plan", project.path, *on, "--dry-step")
    fit, plan = tried["fit"], tried["plan"]
    assert (fit["memory_from"], fit["speed_from"]) == ("dry_step-1", "dry_step-1")
    assert fit["tokens_per_second"] == 50_000 and plan["checkpoint_is_measured"]
    jobs = job_there(far, project).path.parent
    assert jobs.is_dir() and not list(jobs.iterdir()), "nothing of it stays there"
    assert not list(project.jobs.glob("arm-*")) and (project.jobs / "dry_step-1").is_dir()
    here = command("recipe", "plan", project.path)
    assert not here["fit"]["memory_from"] and not here["plan"]["checkpoint_is_measured"]
