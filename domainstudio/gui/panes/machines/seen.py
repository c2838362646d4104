"""What is known of a machine: what it answered when, what runs there, and how it stands in few words."""

import time
from dataclasses import dataclass

from domainstudio.language import translate as _
from domainstudio.machines.carrier import PASSING
from domainstudio.machines.machine import Machine
from domainstudio.machines.probe import Missing, Probe, RemoteProcess, missing, probe
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, format_size
from domainstudio.workflow.runs.run_list import RunRow

UNKNOWN = "–"
GB = 1e9
UNDER_WAY = ("created", "running", "unknown")


@dataclass(frozen=True)
class Answer:
    """What a machine said when it was asked, or why it said nothing."""

    machine: Machine
    at: float
    """Unix seconds."""
    found: Probe | None = None
    lacks: tuple[Missing, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Seen:
    """A machine of the list."""

    machine: Machine
    answer: Answer | None = None
    is_asked: bool = False
    """Whether an answer is awaited."""
    runs: tuple[RunRow, ...] = ()
    """Of this project, the newest last."""

    @property
    def found(self) -> Probe | None:
        """What there is, as it was told last."""
        return self.answer.found if self.answer else None

    @property
    def under_way(self) -> list[RunRow]:
        """The runs that go on there, as far as is known."""
        return [run for run in self.runs if run.status in UNDER_WAY]


def ask(machine: Machine) -> Answer:
    """Ask a machine what there is; blocks for as long as ssh takes."""
    try:
        found = probe(Connection(machine))
        lacks = tuple(missing(machine.name, found))
    except UserError as error:
        return Answer(machine, time.time(), problem=error.problem)
    return Answer(machine, time.time(), found, lacks)


def state_of(seen: Seen) -> str:
    """Return the state of `icons.STATE_ICONS`: a silent machine is no problem of the runs there."""
    answer = seen.answer
    if answer is None:
        return "todo"
    if answer.problem is not None:
        return "attention" if answer.problem.code in PASSING else "problem"
    if any(lack.is_needed for lack in answer.lacks):
        return "attention"
    return "running" if seen.under_way else "ready"


def state_words(seen: Seen) -> str:
    """Return how a machine stands."""
    answer = seen.answer
    if seen.is_asked:
        return _("Asking…")
    if answer is None:
        return _("Not asked yet")
    if answer.problem is not None:
        return _("Not reached") if answer.problem.code in PASSING else _("Refused")
    lacking = sum(lack.is_needed for lack in answer.lacks)
    if lacking:
        return _("1 thing missing") if lacking == 1 else _("{n} things missing").format(n=lacking)
    return _("At work") if seen.under_way else _("Ready")


def runs_words(seen: Seen) -> str:
    """Return which runs of this project go on there, or how many ended there."""
    if seen.under_way:
        return ", ".join(
            _("{run}, {share:.0f} %").format(run=run.run, share=100 * run.step / run.steps)
            for run in seen.under_way
        )
    return _("{n} ended").format(n=len(seen.runs)) if seen.runs else UNKNOWN


def gpus_words(seen: Seen) -> str:
    """Return how many GPUs there are."""
    return UNKNOWN if seen.found is None else format_count(len(seen.found.gpus))


def free_gpu_memory(seen: Seen) -> int | None:
    """Return the free memory of all GPUs together, in bytes; None if any does not tell."""
    free = [gpu.free_bytes for gpu in seen.found.gpus] if seen.found else []
    known = [one for one in free if one is not None]
    return sum(known) if free and len(known) == len(free) else None


def in_gb(size_bytes: int | None) -> str:
    """Return a size without its unit."""
    return UNKNOWN if size_bytes is None else f"{size_bytes / GB:,.1f}"


def free_of(free: int | None, total: int | None) -> tuple[str, str, str]:
    """Return number, unit and fact of a key number: what is free, and of how much."""
    if free is None:
        return UNKNOWN, "", ""
    number, unit = format_size(free).split(" ")
    return number, unit, _("free of {total}").format(total=format_size(total)) if total else _("free")


def foreign_processes(found: Probe, project: str) -> list[RemoteProcess]:
    """Return the processes of this program there that do not belong to the project of this name there."""
    return [one for one in found.processes if f"/projects/{project}/" not in f"/{one.command}"]
