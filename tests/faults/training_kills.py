"""SIGKILL during training: `.venv/bin/python tests/faults/training_kills.py --kills 30 --seed 1`.

Every cell of 1 and 2 processes, ZeRO 1, 2, 3, fp32 and bf16, dropout on, is trained undisturbed. Then runs of
cells drawn at random are killed, up to three times each: all their processes, one rank, or torchrun alone, at
one of `MOMENTS`. Each run is resumed until it is done and must then be, byte for byte, what the undisturbed
run of its cell is: weights, optimizer and random state, losses, probes. Nothing half-written may be left.

The undisturbed runs are forked by `forked_ranks`, ten times as fast as torchrun; with --forked all are.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from faults import forked_ranks
from faults.forked_ranks import Attempt
from support import wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import CHECKPOINTS, list_checkpoints
from domainstudio.jobs.columns import DTYPES
from domainstudio.jobs.curves import gather
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.metrics import METRICS
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.workflow.training.starting import TRAIN, freeze

SETTINGS = {"dropout": "0.1", "sequence_length": "64", "micro_batch": "1", "probe_tokens": "256"}
SETTINGS |= {"steps": "8", "probe_every": "4", "checkpoint_every": "3", "keep_checkpoints": "2"}
SECONDS = 600.0
"""For what a machine that has other things to do may take its time for."""
TIMED = ("tokens_per_second", "memory_bytes", "seconds")
"""Columns that no two runs share."""


@dataclass(frozen=True)
class Cell:
    """How a run spreads its work."""

    processes: int
    zero_stage: int
    precision: str

    def __str__(self) -> str:
        return f"{self.processes} x ZeRO-{self.zero_stage} {self.precision}"


CELLS = [Cell(*values) for values in product((1, 2), (1, 2, 3), ("fp32", "bf16"))]


def new_run(project: Path, cell: Cell, **settings: str) -> JobFolder:
    """Make the job of a run in a packed project, as `train start` does, without starting it."""
    spread = {
        "processes": str(cell.processes), "zero_stage": str(cell.zero_stage), "precision": cell.precision
    }  # fmt: skip
    with Project(project) as opened:
        work, processes = freeze(
            opened, "base", DEFAULT_NAME, DEFAULT_NAME, SETTINGS | spread | settings, "treated"
        )
        return create_job(opened.jobs, TRAIN.name, TRAIN.program, work, processes=processes)


def outcome(folder: JobFolder) -> dict[str, Any]:
    """Return what a run left, to be compared: each file of its checkpoints, its curves and its probes."""
    curves, found = gather(read_events(folder)), dict[str, Any]()
    for checkpoint in list_checkpoints(folder.result):
        for file in sorted(path for path in checkpoint.path.rglob("*") if path.is_file()):
            found[str(file.relative_to(folder.result))] = hashlib.sha256(file.read_bytes()).hexdigest()
    for name in DTYPES:
        if name not in TIMED:
            found[f"column {name}"] = curves.steps.column(name).tobytes()  # NaN equals NaN by its bits
    return found | {
        "probes": curves.probes,
        "checkpoints": [(point.step, point.size_bytes) for point in curves.checkpoints],
        "status": folder.status(),
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of what differs between two outcomes."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def drafts(folder: JobFolder) -> list[Path]:
    """Return the checkpoints that are being written, by their half-written folders that hold something."""
    checkpoints = folder.result / CHECKPOINTS
    names = os.listdir(checkpoints) if checkpoints.is_dir() else []
    found = [checkpoints / name for name in names if name.startswith(".tmp-")]
    return [draft for draft in found if any(_files(draft))]


def freeze_in_save(attempt: Attempt, after_step: int) -> None:
    """Return with every rank halted while a checkpoint of a step after `after_step` is half written."""
    first = f".tmp-step-{after_step + 1:08d}"

    def is_saving() -> bool:
        return any(draft.name >= first for draft in drafts(attempt.folder))

    while True:
        wait_until(is_saving, SECONDS)
        attempt.signal(signal.SIGSTOP)
        wait_until(attempt.is_frozen, SECONDS)
        if is_saving():
            return
        attempt.signal(signal.SIGCONT)


def _files(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return [path for path in folder.rglob("*") if path.is_file()]
    return []


def lines(folder: JobFolder) -> int:
    """Return how many lines the events of a run have so far."""
    with suppress(FileNotFoundError):
        return folder.events_file.read_bytes().count(b"\n")
    return 0


def halves(folder: JobFolder) -> list[str]:
    """Return the names in a run's result that stand for something half-written or half-removed."""
    return [path.name for path in folder.result.rglob(".*")]


# A moment is made for a run's next attempt and then asked, again and again, whether it has come.
Moment = Callable[[JobFolder, random.Random, float], Callable[[], bool]]


def starting(_: JobFolder, chance: random.Random, start_seconds: float) -> Callable[[], bool]:
    """While torchrun and the ranks import, before or after the first event."""
    when = time.monotonic() + chance.random() * start_seconds
    return lambda: time.monotonic() >= when


def loading(folder: JobFolder, chance: random.Random, _: float) -> Callable[[], bool]:
    """Between the first event of the attempt and the first step: the model, the checkpoint, the probes."""
    before, wanted = lines(folder), chance.randrange(2, 5)
    return lambda: lines(folder) >= before + wanted


def training(folder: JobFolder, chance: random.Random, _: float) -> Callable[[], bool]:
    """Anywhere between two events of the attempt."""
    before, wanted = lines(folder), chance.randrange(4, 24)
    return lambda: lines(folder) >= before + wanted


def saving(folder: JobFolder, chance: random.Random, _: float) -> Callable[[], bool]:
    """A checkpoint is half written."""
    wanted = chance.randrange(1, 8)
    return lambda: any(len(_files(draft)) >= wanted for draft in drafts(folder))


def removing(folder: JobFolder, _chance: random.Random, _: float) -> Callable[[], bool]:
    """An old checkpoint is half removed."""
    return lambda: any(".old-" in name for name in _names(folder.result / CHECKPOINTS))


def closing(folder: JobFolder, _chance: random.Random, _: float) -> Callable[[], bool]:
    """The curves are being written, the last deed of an attempt."""
    return lambda: any(".tmp-" in name for name in _names(folder.result / METRICS))


MOMENTS: list[Moment] = [starting, loading, training, saving, removing, closing]


def _names(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


class Forked:
    """One attempt whose ranks are forked."""

    start_seconds = 0.2
    victims = ("all", "rank 0", "rank 1")

    def __init__(self, folder: JobFolder) -> None:
        self._attempt = forked_ranks.start(folder)

    def is_over(self) -> bool:
        return not any(rank.is_alive() for rank in self._attempt.ranks)

    def kill(self, victim: str) -> None:
        ranks = () if victim == "all" else (int(victim[-1]) % len(self._attempt.ranks),)
        self._attempt.signal(signal.SIGKILL, *ranks)

    def wait(self) -> None:
        self._attempt.wait()
        self._attempt.end()


class UnderTorchrun:
    """One attempt as the program starts it."""

    start_seconds = 12.0
    victims = ("all", "rank 0", "rank 1", "torchrun")

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        process.start(folder)

    def is_over(self) -> bool:
        return not process.processes_of(self._folder)

    def kill(self, victim: str) -> None:
        processes = process.processes_of(self._folder)
        names = [self._name(each) for each in processes]
        for each, name in zip(processes, names, strict=True):
            # A rank that is not there yet falls with all: so does the second where there is but one.
            if victim == "all" or victim not in names or victim == name:
                with suppress(psutil.NoSuchProcess):
                    each.kill()

    def wait(self) -> None:
        wait_until(self.is_over, SECONDS)

    @staticmethod
    def _name(each: psutil.Process) -> str:
        with suppress(psutil.Error):
            rank = each.environ().get("RANK")
            return "torchrun" if rank is None else f"rank {rank}"
        return "gone"


@dataclass
class Account:
    """What was tried and what came of it."""

    aimed: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    victims: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    different: list[str] = field(default_factory=list)


def disturb(
    folder: JobFolder, launcher: type[Forked] | type[UnderTorchrun], chance: random.Random, account: Account
) -> None:
    """Start a run and kill it at a moment drawn at random, unless it was over before that came."""
    moment, victim = chance.choice(MOMENTS), chance.choice(launcher.victims)
    has_come = moment(folder, chance, launcher.start_seconds)
    attempt = launcher(folder)
    account.aimed[moment.__name__] += 1
    looked = time.monotonic()
    while not has_come():
        if time.monotonic() - looked > 0.5:  # to look for processes takes long
            looked = time.monotonic()
            if attempt.is_over():
                break
    attempt.kill(victim)
    attempt.wait()
    if folder.status() != "done":
        account.hit[moment.__name__] += 1
        account.victims[victim] += 1
        account.states[folder.status()] += 1
        account.left[moment.__name__] += bool(halves(folder))


def campaign(project: Path, kills: int, seed: int, launcher: type[Forked] | type[UnderTorchrun]) -> Account:
    """Kill and resume runs until so many kills have hit; every run is compared once it is done."""
    chance, account, references = random.Random(seed), Account(), dict[Cell, dict[str, Any]]()
    cells: list[Cell] = []
    while account.hit.total() < kills:
        cells = cells or chance.sample(CELLS, len(CELLS))
        cell = cells.pop()
        if cell not in references:
            undisturbed = new_run(project, cell)
            Forked(undisturbed).wait()
            assert undisturbed.status() == "done", undisturbed.log_file.read_text()[-3000:]
            references[cell] = outcome(undisturbed)
        folder = new_run(project, cell)
        for _ in range(chance.randrange(1, 4)):
            if folder.status() != "done":
                disturb(folder, launcher, chance, account)
        if folder.status() != "done":
            launcher(folder).wait()
            assert folder.status() == "done", folder.log_file.read_text()[-3000:]
        account.runs += 1
        wrong = differences(outcome(folder), references[cell]) + halves(folder)
        numbers = [event.seq for event in read_events(folder) if event.seq]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong.append("events are missing")
        account.different += [f"{folder.job_id} ({cell}): {', '.join(wrong)}"] if wrong else []
        print(f"{account.hit.total()} kills, {account.runs} runs", file=sys.stderr, flush=True)
    return account


def _pack(project: Path) -> None:
    """Make a project of the docstrings of a few packages of the standard library."""
    library = Path(argparse.__file__).parent
    reading = ["--reader", "docstrings"]
    for arguments in (
        ["project", "new", project, "--from-scratch", "tiny"],
        ["corpus", "import", project, library / "email", *reading, "--role", "general", "--name", "general"],
        ["corpus", "import", project, library / "asyncio", *reading, "--role", "domain", "--name", "domain"],
        ["tokenizer", "train", project, "--size", "512"],
        ["tokenizer", "pack", project],
        ["mixture", "set", project, "--share", "general=0.25", "--share", "domain=0.75", "--tokens", "4096"],
    ):
        with redirect_stdout(sys.stderr):
            assert run_command([str(argument) for argument in arguments]) == 0, arguments


def main() -> None:
    """Run the campaign and print the account."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forked", action="store_true")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        _pack(project)
        launcher = Forked if options.forked else UnderTorchrun
        account = campaign(project, options.kills, options.seed, launcher)
    print(f"{account.hit.total()} kills of {account.runs} runs, {'forked' if options.forked else 'torchrun'}")
    print(f"{'moment':10} {'aimed at':>9} {'hit':>5} {'left a half':>12}")
    for moment in MOMENTS:
        name = moment.__name__
        print(f"{name:10} {account.aimed[name]:9} {account.hit[name]:5} {account.left[name]:12}")
    print("killed:", ", ".join(f"{name} {count}" for name, count in sorted(account.victims.items())))
    print("then:", ", ".join(f"{name} {count}" for name, count in sorted(account.states.items())))
    print(f"runs byte for byte as the undisturbed: {account.runs - len(account.different)} of {account.runs}")
    print(*account.different, sep="\n")


if __name__ == "__main__":
    main()
