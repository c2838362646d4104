"""A trainer without torch: `python tests/fake_trainer.py JOB` speaks the job protocol as the real one does.

What it does and what it does wrong is read from `behaviour.json` in the job folder; without that file it is a
short, well-behaved run. Its curves are a pure function of the step, so that a run that was killed and resumed
must show the same points as one that was left alone. `command` puts it in the place of the real trainer:

    monkeypatch.setattr(process, "command", fake_trainer.command)
    fake_trainer.Behaviour(steps=50, die_at=20).write(folder)
    process.start(folder)
"""

import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    checkpoint_name,
    latest_checkpoint,
    remove_older,
    size_of,
)
from domainstudio.jobs.events import Checkpoint, Event, Probe, Step, encode
from domainstudio.jobs.folder import JobFolder, Request
from domainstudio.jobs.launch import Launch, read_launch
from domainstudio.jobs.spec import JobSpec
from domainstudio.jobs.worker import Stopped, Worker, adopt_process, conclude, turn_signals_into_requests
from domainstudio.paths import whole_folder
from domainstudio.problems import Problem, UserError

BEHAVIOUR = "behaviour.json"
TOKENS_PER_STEP = 1024
PROBED_TOKENS, PROBED_BYTES = 1000, 4000
_HELD: list[bytes] = []
SPLIT_TEXT = "déjà vu, 領域 🎓\n"


class Behaviour(BaseModel):
    """What a run does; the second half are misbehaviours, which only the first attempts show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = 10
    seconds_per_step: float = 0.0
    sources: dict[str, str] = {"general": "general", "domain": "domain"}
    """Names and roles of the sources to probe."""
    probe_every: int = 5
    checkpoint_every: int = 4
    keep_checkpoints: int | None = None
    """How many stay, None for all."""
    under_torchrun: bool = False
    """Run as torchrun runs a rank: a child of the started process, in a session of its own."""

    misbehaving_attempts: int = 1
    """How many attempts misbehave; later ones go well."""
    hold: bool = False
    """Do nothing, not even announce the process, until a file `go` is in the job folder."""
    stall_after: int | None = None
    """Report this step, then live on without doing or hearing anything."""
    die_at: int | None = None
    """SIGKILL itself in the middle of this step."""
    tear_at: int | None = None
    """SIGKILL itself when half of this step's event is written."""
    fail_at: int | None = None
    """Raise an error of the program at this step."""
    refuse_at: int | None = None
    """Raise an error that the person can mend at this step."""
    not_finite_from: int | None = None
    """From this step on the loss is NaN, -inf, inf, NaN…, and the gradient norm inf."""
    is_deaf: bool = False
    """Ignore requests to stop and SIGTERM."""
    children: int = 0
    """Leave so many sleeping child processes behind, every second one in a session of its own."""
    linger_seconds: float = 0.0
    """Live on for so long after the last word."""
    memory_megabytes: int = 0
    """Hold so much memory."""
    flood_megabytes: int = 0
    """Write so much to the log in the first step."""
    splits_characters: bool = False
    """Write text to the log in pieces that cut characters apart, and bytes that are no UTF-8."""
    unknown_kinds: bool = False
    """Write an event of a kind that nobody knows after each step."""

    def write(self, folder: JobFolder) -> None:
        """Leave this in the job folder."""
        (folder.path / BEHAVIOUR).write_text(self.model_dump_json(indent=1))

    @classmethod
    def of(cls, folder: JobFolder, attempt: int) -> "Behaviour":
        """Return what the job folder asks of this attempt."""
        file = folder.path / BEHAVIOUR
        asked = cls.model_validate_json(file.read_bytes()) if file.exists() else cls()
        if attempt <= asked.misbehaving_attempts:
            return asked
        good = ("steps", "seconds_per_step", "sources", "probe_every", "checkpoint_every", "keep_checkpoints")
        good += ("under_torchrun",)
        return cls(**asked.model_dump(include=set(good)))


@dataclass(frozen=True)
class Gossip:
    """An event of a kind that no reader knows."""

    kind: ClassVar[str] = "gossip"
    text: str


def command(spec: JobSpec, path: Path) -> list[str]:
    """Return the command line of a job, as `domainstudio.jobs.process.command` does for the real programs."""
    return [sys.executable, __file__, str(path)]


def main(path: Path) -> int:
    """Do the run in `path`; return the exit code."""
    folder = JobFolder(path)
    last = folder.last_event()
    behaviour = Behaviour.of(folder, last.attempt + 1 if last else 1)
    if behaviour.under_torchrun and "RANK" not in os.environ:
        return _launch(path)
    launch = read_launch(path)
    if launch.node:
        return _follow(folder, behaviour, launch)
    while behaviour.hold and not (path / "go").exists():
        time.sleep(0.01)
    turn_signals_into_requests(folder)
    if behaviour.is_deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    adopt_process(folder)
    worker = Worker(folder)
    checkpoint = latest_checkpoint(folder.result)
    worker.begin(checkpoint.step + 1 if checkpoint else 0)
    with _met(launch) as others:
        code = conclude(
            worker, lambda: train(behaviour, worker, checkpoint.step if checkpoint else 0, others)
        )
    time.sleep(behaviour.linger_seconds)
    return code


def _follow(folder: JobFolder, behaviour: Behaviour, launch: Launch) -> int:
    """Be a node above 0: it lives as long as node 0 does, unless it is deaf."""
    print(f"node {launch.node} of the fake trainer", flush=True)
    adopt_process(folder)
    worker = Worker(folder)
    worker.begin()
    with _meeting(launch) as line:
        line.recv(1)
    while behaviour.is_deaf:
        time.sleep(3600)
    worker.finish("done")
    return 0


def _meeting(launch: Launch) -> socket.socket:
    """Return a connection to node 0, which may not listen yet."""
    for _ in range(600):
        with suppress(OSError):
            return socket.create_connection((launch.address, launch.port))
        time.sleep(0.05)
    raise TimeoutError("node 0 never listened")


@contextmanager
def _met(launch: Launch) -> Iterator[list[socket.socket]]:
    """Yield a connection to each of the other nodes, once all are there."""
    with ExitStack() as stack:
        others = []
        if launch.nodes > 1:
            listening = stack.enter_context(socket.create_server((launch.address, launch.port)))
            listening.settimeout(30)
            others = [stack.enter_context(listening.accept()[0]) for _ in range(launch.nodes - 1)]
        yield others


def _check_nodes(others: Sequence[socket.socket]) -> None:
    """Fail as the real trainer does once a node has died."""
    readable, _, _ = select.select(others, [], [], 0) if others else ([], [], [])
    if readable:
        raise UserError(Problem("checkpoint.other_ranks", "processes", {"then": 2, "now": 1}))


def train(behaviour: Behaviour, worker: Worker, last: int, others: Sequence[socket.socket] = ()) -> None:
    """Go from step `last` to the end, in the order of the real loop: step, request, probes, checkpoint."""
    _leave_children(behaviour.children, worker.folder.path)
    _HELD.append(b"#" * (behaviour.memory_megabytes << 20))
    if last == 0:
        _probe(behaviour, worker, 0)
    for step in range(last + 1, behaviour.steps + 1):
        time.sleep(behaviour.seconds_per_step)
        _misbehave_before(behaviour, worker, step)
        if not behaviour.is_deaf:
            _check_nodes(others)
        worker.emit(point(behaviour, step))
        _misbehave_after(behaviour, worker, step)
        asked = Request() if behaviour.is_deaf else worker.folder.take_request()
        is_last = step == behaviour.steps or asked.stop == "keep"
        if asked.stop == "now" and not is_last:
            raise Stopped(step)
        if is_last or step % behaviour.probe_every == 0:
            _probe(behaviour, worker, step)
        if is_last or asked.stop or asked.checkpoint or step % behaviour.checkpoint_every == 0:
            _save(worker, step, behaviour.keep_checkpoints)
        if is_last:
            return
        if asked.stop:
            raise Stopped(step)


def point(behaviour: Behaviour, step: int) -> Step:
    """Return the point of a step, which depends on nothing else."""
    loss, norm = 2 + 4 * math.exp(-step / 40) + 0.05 * math.sin(step), 1 / step
    if behaviour.not_finite_from is not None and step >= behaviour.not_finite_from:
        loss, norm = (math.nan, -math.inf, math.inf)[(step - behaviour.not_finite_from) % 3], math.inf
    return Step(step, step * TOKENS_PER_STEP, loss, 1e-3, norm, 50_000.0, 2 << 30)


def _probe(behaviour: Behaviour, worker: Worker, step: int) -> None:
    """Report every source."""
    for probe in probes(behaviour, step):
        worker.emit(probe)


def probes(behaviour: Behaviour, step: int) -> Iterator[Probe]:
    """Yield the probes of a step: general text is slowly forgotten, the rest is learned."""
    for number, (source, role) in enumerate(behaviour.sources.items()):
        learned = 1 - math.exp(-step / 100)
        nats = 4 + 0.1 * number + (0.3 if role == "general" else -1.5) * learned
        bits = nats * PROBED_TOKENS / PROBED_BYTES / math.log(2)
        yield Probe(step, source, role, nats, bits, PROBED_TOKENS, PROBED_BYTES)


def _save(worker: Worker, step: int, keep: int | None) -> None:
    """Write a checkpoint that is whole or not there, say so, and remove older ones."""
    target = worker.folder.result / CHECKPOINTS / checkpoint_name(step)
    worker.folder.result.mkdir(exist_ok=True)
    with whole_folder(target) as draft:
        (draft / "position.json").write_text(f'{{"step": {step}}}')
    worker.emit(Checkpoint(step, str(target.relative_to(worker.folder.path)), size_of(target)))
    if keep is not None:
        remove_older(worker.folder.result, keep)


def _misbehave_before(behaviour: Behaviour, worker: Worker, step: int) -> None:
    """Do what a step does wrong before its event is written."""
    if step == behaviour.die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if step == behaviour.tear_at:
        line = encode(Event(10**6, worker.attempt, time.time(), point(behaviour, step)))
        with worker.folder.events_file.open("ab") as events:
            events.write(line[: len(line) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    if step == behaviour.fail_at:
        raise RuntimeError("the fake trainer was told to fail")
    if step == behaviour.refuse_at:
        raise UserError(Problem("run.ranks_uneven", "processes", {"ranks": 2, "possible": "1"}))


def _misbehave_after(behaviour: Behaviour, worker: Worker, step: int) -> None:
    """Do what a step does wrong once its event is written."""
    log = sys.stdout.fileno()
    for _ in range(behaviour.flood_megabytes if step == 1 else 0):
        os.write(log, (b"#" * 1023 + b"\n") * 1024)
    if behaviour.splits_characters:
        for byte in SPLIT_TEXT.encode():
            os.write(log, bytes([byte]))
        os.write(log, b"\xff\xfe\xc3\n")
    if behaviour.unknown_kinds:
        worker.emit(Gossip(f"after step {step}"))  # type: ignore[arg-type]
    while step == behaviour.stall_after:
        time.sleep(3600)


def _leave_children(number: int, path: Path) -> None:
    """Start processes that sleep and are never waited for; the job folder is in their command line."""
    for turn in range(number):
        sleep = [sys.executable, "-c", "import time; time.sleep(3600)", str(path)]
        subprocess.Popen(sleep, start_new_session=turn % 2 == 1)


def _launch(path: Path) -> int:
    """Start the one rank as torchrun does and hand signals on to it."""
    arguments = [sys.executable, __file__, str(path)]
    rank = subprocess.Popen(arguments, env=os.environ | {"RANK": "0"}, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: rank.terminate())
    return rank.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
