"""One run on two machines, each reached by a real ssh: started, asked, ended and told of as one."""

import json
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import psutil
import pytest
from far_environment import key_of, machines_of_person
from pydantic import ValidationError
from remote_machine import RemoteMachine
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.far_side import job_of_node
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.frames import size_of
from domainstudio.jobs.launch import read_launch
from domainstudio.jobs.link import Link, read_link
from domainstudio.machines import carrier, store
from domainstudio.machines.assignment import read_assignment
from domainstudio.machines.machine import Machine
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.workflow.machines.remote import link_words
from domainstudio.workflow.planning import set_recipe
from domainstudio.workflow.running import resume
from domainstudio.workflow.runs import asking
from domainstudio.workflow.training.starting import start_run

PATIENCE = 60.0


@pytest.fixture
def far(tmp_path: Path) -> Iterator[list[RemoteMachine]]:
    """Two machines of this person, with this program and the fake trainer."""
    with machines_of_person(tmp_path, 2, is_fake=True) as machines:
        yield machines


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        set_recipe(opened, {"processes": "2"})
        yield opened


def parts(far: list[RemoteMachine], project: Project) -> list[JobFolder]:
    """Return the job's folder on each machine."""
    return [
        JobFolder(
            machine.home / machine.machine.folder / "projects" / key_of(project.path) / "jobs"
            / job_of_node("train-1", node)
        )
        for node, machine in enumerate(far)
    ]  # fmt: skip


def begin(far: list[RemoteMachine], project: Project, **behaviour: object) -> JobFolder:
    """Start a run on both that behaves so."""
    for part in parts(far, project):
        part.path.mkdir(parents=True, exist_ok=True)
        fake_trainer.Behaviour(**behaviour).write(part)  # type: ignore[arg-type]
    return start_run(project, machine=",".join(one.machine.name for one in far))


def link_of(folder: JobFolder) -> Link:
    link = read_link(folder.path)
    assert link is not None
    return link


def wait_until_over(folder: JobFolder) -> None:
    wait_until(lambda: link_of(folder).phase == "over" and not folder.is_carried(), PATIENCE)


def assert_nothing_left(far: list[RemoteMachine], project: Project) -> None:
    assert [process.processes_of(part) for part in parts(far, project)] == [[], []]


def test_a_run_on_two_is_told_by_the_first_stopped_on_both_and_resumed(
    far: list[RemoteMachine], project: Project
) -> None:
    folder = begin(far, project, steps=2000, seconds_per_step=0.01, children=2)
    first, second = parts(far, project)
    wait_until(lambda: size_of(folder.events_file) > 2000, PATIENCE)
    assert process.processes_of(second) and second.status() == "running"
    there = [read_launch(part.path) for part in (first, second)]
    assert [(one.nodes, one.node) for one in there] == [(2, 0), (2, 1)]
    assert {(one.address, one.port) for one in there} == {(far[0].address, there[0].port)}
    wait_until(lambda: link_of(folder).nodes[0].status == "running", PATIENCE)
    assert link_words(link_of(folder)) == "live on node-1, node-2"

    asking.pause(project, "train-1")
    wait_until_over(folder)
    assert folder.status() == "stopped"
    assert_nothing_left(far, project)
    with pytest.raises(UserError) as refused:
        resume(folder, processes=4)
    assert refused.value.problem.code == "run.ranks_apart"
    for part in (first, second):
        fake_trainer.Behaviour(steps=20).write(part)
    resume(folder)
    wait_until_over(folder)
    assert folder.status() == "done" and second.status() == "done"
    numbers = [event.seq for event in read_events(folder) if event.seq]
    assert numbers == list(range(1, len(numbers) + 1))
    assert folder.events_file.read_bytes() == first.events_file.read_bytes()
    assert (folder.path / "node-1.log").read_bytes() == second.log_file.read_bytes()
    assert (folder.result / "checkpoints").is_dir() and not (second.path / "result").exists()
    assert_nothing_left(far, project)


def test_when_the_second_is_killed_the_run_fails_and_nothing_is_left(
    far: list[RemoteMachine], project: Project
) -> None:
    folder = begin(far, project, steps=100_000, seconds_per_step=0.01)
    second = parts(far, project)[1]
    wait_until(lambda: size_of(folder.events_file) > 1000, PATIENCE)
    process.kill(second)
    wait_until_over(folder)
    assert folder.status() == "failed"
    assert_nothing_left(far, project)


def test_one_that_is_not_reached_goes_on_and_is_ended_once_it_is_reached(
    far: list[RemoteMachine], project: Project
) -> None:
    folder = begin(far, project, steps=100_000, seconds_per_step=0.01, is_deaf=True)
    first, second = parts(far, project)
    fake_trainer.Behaviour(steps=100_000, seconds_per_step=0.01).write(first)
    wait_until(lambda: folder.status() == "running" and bool(process.processes_of(second)), PATIENCE)
    wait_until(lambda: link_of(folder).nodes[0].last_seen is not None, PATIENCE)
    far[1].stop()
    for ssh in psutil.process_iter(["name", "cmdline"]):
        if ssh.info["name"] == "ssh" and str(far[1].config) in (ssh.info["cmdline"] or []):
            ssh.kill()
    wait_until(lambda: link_of(folder).nodes[0].trouble is not None, PATIENCE)
    assert "node-2 was last seen" in link_words(link_of(folder)) and link_of(folder).standing == "live"
    size = size_of(folder.events_file)
    wait_until(lambda: size_of(folder.events_file) > size, PATIENCE)

    asking.stop(project, "train-1")
    wait_until(lambda: link_of(folder).at == "node-2", PATIENCE)
    assert folder.status() == "stopped" and process.processes_of(second) and folder.is_carried()
    assert link_words(link_of(folder)).startswith("reconnecting to node-2, where what is left")
    far[1].start()
    wait_until_over(folder)
    assert_nothing_left(far, project)


def test_a_start_that_one_cannot_follow_leaves_the_other_free(
    far: list[RemoteMachine], project: Project
) -> None:
    far[1].stop()
    folder, second = begin(far, project, steps=100_000, seconds_per_step=0.01), parts(far, project)[1]
    wait_until(lambda: link_of(folder).problem == "machine.refused", PATIENCE)
    assert link_words(link_of(folder)).startswith("not connected to node-2: node-2")
    assert_nothing_left(far, project)
    assert folder.status() == "running"
    asking.stop(project, "train-1")
    wait_until(lambda: not folder.is_carried(), PATIENCE)
    assert folder.status() == "interrupted"
    far[1].start()
    (second.path / "job.log").symlink_to("/dev/null")
    resume(folder)
    wait_until(lambda: link_of(folder).problem == "path.link_in_folder", PATIENCE)
    wait_until(lambda: not folder.is_carried(), PATIENCE)
    assert folder.status() == "interrupted"
    assert_nothing_left(far, project)


def test_machines_that_do_not_go_together_are_refused_before_anything_is_made(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("a", "b", "c"):
        store.add(Machine(name=name, destination=name))
    codes = {
        "a,a": "machine.named_twice",
        "a,": "machine.unknown",
        "a,-oProxyCommand=touch x": "machine.unknown",
        "a,../b": "machine.unknown",
        "a,b,c": "launch.uneven",
    }
    for machines, code in codes.items():
        with pytest.raises(UserError) as refused:
            start_run(project, machine=machines)
        assert refused.value.problem.code == code
    assert not list(project.jobs.glob("train-*"))


@pytest.mark.parametrize("others", [["a"], ["b", "b"], ["../b"], ["-oX"], ["B"], [""], "b"])
def test_an_assignment_of_a_hostile_project_is_refused(tmp_path: Path, others: object) -> None:
    told = {"machine": "a", "others": others, "project": "law"}
    (tmp_path / "remote.json").write_text(json.dumps(told))
    with pytest.raises(UserError):
        read_assignment(tmp_path)


@pytest.mark.parametrize("address", ["-oX", "a b", "a;reboot", "a\n", "a/b"])
def test_the_address_of_a_machine_is_plain(address: str) -> None:
    with pytest.raises(ValidationError):
        Machine(name="a", destination="a", address=address)


@pytest.mark.long
def test_a_run_that_does_not_notice_that_one_has_ended_is_ended(
    far: list[RemoteMachine], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begin(far, project, steps=100_000, seconds_per_step=0.01, is_deaf=True)
    second = parts(far, project)[1]
    wait_until(lambda: size_of(folder.events_file) > 1000, PATIENCE)
    for one in psutil.process_iter(["cmdline"]):
        words = one.info["cmdline"] or []
        if "domainstudio.machines" in words and str(folder.path.resolve()) in words:
            one.kill()
    wait_until(lambda: not folder.is_carried(), PATIENCE)
    process.kill(second)
    monkeypatch.setattr(carrier, "LONE_SECONDS", 3.0)
    carrier.Carrier(folder, [one.machine for one in far]).run()
    assert folder.status() == "interrupted" and link_of(folder).problem == "machine.node_ended"
    assert "node 1 of the fake trainer" in link_words(link_of(folder))
    assert_nothing_left(far, project)
