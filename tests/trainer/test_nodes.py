"""One run on two nodes, each with its own disk: as on one, cut off in the middle, stopped, and resumed."""

import os
import resource
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from every_process import warm
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import latest_checkpoint, list_checkpoints
from domainstudio.jobs.events import JobProblem, Start, State, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.launch import Launch, write_launch
from domainstudio.problems import Problem, UserError
from domainstudio.trainer import nodes as meeting_module
from domainstudio.trainer.place import Place
from domainstudio.workflow.training.starting import curves_of

STEPS, SAVED = 60, 10
SETTINGS = [
    f"--set=steps={STEPS}", f"--set=checkpoint_every={SAVED}", "--set=processes=2", "--set=probe_every=30",
    "--set=spring=ewc", "--set=importance_sequences=4", "--set=keep_checkpoints=3",
]  # fmt: skip
NewMeeting = Callable[[int, str], meeting_module.Meeting]
ADDRESS = "127.0.0.2"
"""Of node 0: loopback has as many addresses as one wants."""


def free_port() -> int:
    with socket.create_server((ADDRESS, 0)) as server:
        return int(server.getsockname()[1])


def start(nodes: list[JobFolder]) -> None:
    port = free_port()
    for number, node in enumerate(nodes):
        write_launch(node.path, Launch(nodes=2, node=number, address=ADDRESS, port=port))
        process.start(node)


def wait_for_step(folder: JobFolder, step: int, attempt: int) -> None:
    def is_there() -> bool:
        assert folder.status() == "running", folder.log_file.read_text()[-3000:]
        found = (event for event in read_events(folder) if event.attempt == attempt)
        return any(isinstance(event.body, Step) and event.body.step >= step for event in found)

    wait_until(is_there, 120)


def assert_over(nodes: list[JobFolder], *states: str) -> None:
    """All nodes come to their end, and leave no process."""
    wait_until(lambda: all(node.status() != "running" for node in nodes), 120)
    told = [node.log_file.read_text()[-3000:] for node in nodes]
    assert [node.status() for node in nodes] == list(states), "\n=====\n".join(told)
    wait_until(lambda: not any(process.processes_of(node) for node in nodes))


def losses(folder: JobFolder) -> list[tuple[int, float]]:
    return [(point.step, point.loss) for point in curves_of(folder).steps.points()]


def weights(folder: JobFolder) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(folder.result)
    assert checkpoint is not None and checkpoint.step == STEPS
    return load_file(checkpoint.model / "model.safetensors")


@pytest.fixture(scope="module")
def on_one(packed_project: Path, warm_server: str, tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """The run on one node with two ranks."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("one") / "small"))
    with warm.started(warm_server):
        assert run_command(["train", "start", str(project), *SETTINGS]) == 0
    return JobFolder(project / "jobs" / "train-1")


@pytest.fixture
def forked(on_one: JobFolder, warm_server: str) -> Iterator[None]:
    """Fork the runs of one test; those of the others are started as a person starts them."""
    with warm.started(warm_server):
        yield


def on_two_disks(run: JobFolder, place: Path) -> list[JobFolder]:
    """Return a run twice, not begun yet, with all of its project."""
    found = []
    for name in ("node-0", "node-1"):
        project = Path(shutil.copytree(run.path.parents[1], place / name))
        folder = JobFolder(project / "jobs" / run.job_id)
        for entry in folder.path.iterdir():
            if entry.name not in ("spec.json", "creator.json"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        found.append(folder)
    return found


@pytest.fixture
def nodes(on_one: JobFolder, tmp_path: Path) -> Iterator[list[JobFolder]]:
    """The same run on two nodes."""
    found = on_two_disks(on_one, tmp_path)
    yield found
    for folder in found:
        process.kill(folder)


def test_a_run_on_two_nodes_equals_that_on_one_whatever_befalls_a_node(
    on_one: JobFolder, nodes: list[JobFolder], warm_server: str
) -> None:
    first, second = nodes
    start(nodes)
    wait_for_step(first, 2 * SAVED + 1, attempt=1)
    found = [one for each in process.processes_of(first) for one in each.net_connections("inet")]
    ports = {one.laddr.ip for one in found if one.status == "LISTEN"}
    assert ports <= {ADDRESS, "127.0.0.1"}, "the run listens where it was not told to"

    for each in process.processes_of(second):
        each.send_signal(signal.SIGKILL)
    assert_over(nodes, "failed", "interrupted")
    told = [event.body for event in read_events(first) if isinstance(event.body, JobProblem)]
    assert [(one.code, one.params) for one in told] == [("nodes.gone", {"node": 1})]

    saved = [[one.step for one in list_checkpoints(node.result)] for node in nodes]
    assert saved[0] == saved[1] and len(saved[0]) >= 2
    shutil.rmtree(list_checkpoints(second.result)[-1].path)  # as if killed before it had its name
    with warm.started(warm_server):
        start(nodes)
    wait_for_step(first, saved[0][-1], attempt=2)
    began = [event.body.step for event in read_events(first) if isinstance(event.body, Start)]
    assert began == [0, saved[0][-1] + 1]
    assert losses(first) == losses(on_one)[: len(losses(first))]

    first.ask_to_stop()
    assert_over(nodes, "stopped", "stopped")
    assert latest_checkpoint(second.result).step == latest_checkpoint(first.result).step
    with warm.started(warm_server):
        start(nodes)
    assert_over(nodes, "done", "done")
    assert losses(first) == losses(on_one)
    assert all(torch.equal(one, weights(first)[name]) for name, one in weights(on_one).items())
    bodies = [event.body for event in read_events(second)]
    assert {type(body) for body in bodies} == {Start, State}
    assert not (latest_checkpoint(second.result).path / "model").exists()
    kept = [[one.step for one in list_checkpoints(node.result)] for node in nodes]
    assert kept[0] == kept[1] and len(kept[0]) == 3


def rank_of(node: JobFolder, rank: int) -> int:
    """Return the process of a rank of a node."""
    return int((process.meeting_place(node.path) / f"rank-{rank}").read_bytes())


def saved_steps(node: JobFolder) -> list[int]:
    return [one.step for one in list_checkpoints(node.result)]


@pytest.fixture
def adapted(on_one: JobFolder, forked: None, tmp_path: Path, command: Command) -> JobFolder:
    """A run from the other one, with adapters and all that is kept beside a run, on one node."""
    project = Path(shutil.copytree(on_one.path.parents[1], tmp_path / "one"))
    settings = ["steps=70", "checkpoint_every=1000", "probe_every=1000", "processes=2", "zero_stage=2",
                "method=lora", "lora_rank=4", "kl_strength=0.1", "record_importance=true"]  # fmt: skip
    command("train", "start", project, "--from=train-1", *(f"--set={one}" for one in settings))
    return JobFolder(project / "jobs" / "train-2")


def test_a_disk_that_refuses_on_one_node_leaves_nothing_on_any(adapted: JobFolder, tmp_path: Path) -> None:
    nodes = on_two_disks(adapted, tmp_path)
    first, second = nodes
    start(nodes)
    wait_for_step(first, 2, attempt=1)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(rank_of(second, 1), resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
    first.ask_for_checkpoint()

    def problems() -> list[str]:
        return [event.body.code for event in read_events(first) if isinstance(event.body, JobProblem)]

    wait_until(lambda: bool(problems()))
    assert problems() == ["project.disk_limit"]
    for node in nodes:
        wait_until(lambda node=node: not list(node.result.glob("checkpoints/*")))
    resource.prlimit(rank_of(second, 1), resource.RLIMIT_FSIZE, unlimited)
    first.ask_to_stop()
    wait_until(lambda: all(node.status() == "stopped" for node in nodes), 120)
    assert saved_steps(first) == saved_steps(second) and len(saved_steps(first)) == 1
    start(nodes)
    wait_until(lambda: all(node.status() == "done" for node in nodes), 120)
    assert losses(first) == losses(adapted)
    ours, theirs = (load_file(run.result / "importance.safetensors") for run in (first, adapted))
    assert all(torch.equal(ours[name], values) for name, values in theirs.items())


@pytest.mark.long
def test_a_rank_that_dies_on_another_node_ends_all(
    on_one: JobFolder, forked: None, tmp_path: Path, command: Command
) -> None:
    project = Path(shutil.copytree(on_one.path.parents[1], tmp_path / "one"))
    settings = ["steps=30", "checkpoint_every=1000", "probe_every=1000", "processes=4", "zero_stage=3"]
    command("train", "start", project, *(f"--set={one}" for one in settings))
    nodes = on_two_disks(JobFolder(project / "jobs" / "train-2"), tmp_path)
    start(nodes)
    wait_for_step(nodes[0], 2, attempt=1)
    os.kill(rank_of(nodes[1], 3), signal.SIGKILL)
    wait_until(lambda: all(node.status() == "failed" for node in nodes), 120)
    told = [
        [event.body for event in read_events(node) if isinstance(event.body, JobProblem)] for node in nodes
    ]
    assert [(one.code, one.params) for one in told[0]] == [("nodes.gone", {"node": 1})]
    assert [(one.code, one.params) for one in told[1]] == [("run.rank_died", {"rank": 3})]
    start(nodes)
    wait_until(lambda: all(node.status() == "done" for node in nodes), 120)
    assert losses(nodes[0]) == losses(JobFolder(project / "jobs" / "train-2"))


@pytest.fixture
def meetings(monkeypatch: pytest.MonkeyPatch) -> NewMeeting:
    """Meetings of two leaders in this process, by node and what it is to do."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    port = free_port()

    def meeting(node: int, identity: str) -> meeting_module.Meeting:
        launch = Launch(nodes=2, node=node, address=ADDRESS, port=port)
        return meeting_module.Meeting(Place(launch, node, 2), identity, lambda: None)

    return meeting


def refusal(meeting: meeting_module.Meeting) -> Problem:
    with pytest.raises(UserError) as told:
        meeting_module.meet(meeting)
    return told.value.problem


def test_nodes_that_meet_hear_which_one_is_gone(
    meetings: NewMeeting,
) -> None:
    with ThreadPoolExecutor() as pool:
        found = [pool.submit(meeting_module.meet, meetings(node, "one run")) for node in (0, 1)]
        (_, first), (_, second) = (one.result(60) for one in found)
    assert first is not None and second is not None
    assert (first.gone(), second.gone()) == (None, None)
    first.tell(7)
    wait_until(lambda: second.gone() == 7)
    second.leave()
    wait_until(lambda: first.gone() == 1)
    first.leave()


def test_nodes_that_shall_do_something_else_are_refused(
    meetings: NewMeeting,
) -> None:
    with ThreadPoolExecutor() as pool:
        told = [pool.submit(refusal, meetings(node, f"run {node}")) for node in (0, 1)]
        assert {one.result(60).code for one in told} == {"nodes.differ"}


def test_a_node_that_does_not_come_and_a_port_that_is_taken_are_told(
    meetings: NewMeeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting_module, "MEETING_SECONDS", 0.2)
    first, second = meetings(0, "run"), meetings(1, "run")
    with socket.create_server((ADDRESS, first.place.launch.port)):
        assert refusal(first).code == "nodes.no_address"
    assert refusal(second).params["node"] == 0
    assert refusal(first).params["node"] == 1


def test_a_node_that_waits_for_others_can_be_stopped(forked: None, nodes: list[JobFolder]) -> None:
    port = free_port()
    for number, node in enumerate(nodes):
        write_launch(node.path, Launch(nodes=2, node=number, address=ADDRESS, port=port))
    process.start(nodes[1])
    wait_until(nodes[1].events_file.exists)
    nodes[1].ask_to_stop()
    assert_over(nodes[1:], "stopped")
