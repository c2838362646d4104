"""What a run's events say once attempts are put in order: the points that stand and those superseded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from domainstudio.jobs.columns import DTYPES, Array, Columns
from domainstudio.jobs.events import (
    Canaries,
    Checkpoint,
    Event,
    Intervention,
    JobProblem,
    Log,
    Probe,
    RollBack,
    Start,
    State,
    Step,
)
from domainstudio.problems import Problem

MarkKind = Literal["start", "done", "stopped", "failed", "problem"]
_STEP_FIELDS = tuple(name for name in DTYPES if name != "seconds")


@dataclass(frozen=True)
class Mark:
    """What happened beside the steps: an attempt began or ended, or something was amiss."""

    kind: MarkKind
    step: int
    """The last step before it; of a start, the first point it will write."""
    time: float
    """Unix seconds."""
    problem: Problem | None = None


@dataclass
class Curves:
    """The points of a run in the order written; `superseded…` are tails that were done again later.

    One thread adds, others may read meanwhile: lists only grow, and what is cut is replaced as a whole.
    """

    steps: Columns = field(default_factory=Columns)
    probes: list[Probe] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    canaries: list[Canaries] = field(default_factory=list)
    superseded: list[Columns] = field(default_factory=list)
    superseded_probes: list[Probe] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    attempts: int = 0
    last_time: float = 0.0
    """Unix seconds of the last event, 0 before the first."""
    worked_seconds: float = 0.0
    """What the attempts have worked so far for the points that stand, pauses left out."""
    last_elapsed: float | None = None
    """`elapsed` of the last event."""

    def extend(self, events: Iterable[Event]) -> int:
        """Take in events and return their number."""
        waiting: list[tuple[float | int, ...]] = []
        number, last = 0, self._last_step()
        for event in events:
            number += 1
            body = event.body
            if isinstance(body, Start | RollBack):
                self._append(waiting)
                if isinstance(body, Start):
                    self._begin(body.step, event)
                else:
                    self._supersede(body.step, event)
                last = self._last_step()
                continue
            if isinstance(body, Log):
                continue
            self._advance(event)
            if isinstance(body, Step):
                if last is not None and body.step <= last:
                    continue  # no attempt goes back: columns must ascend to be searched and drawn
                last = body.step
                waiting.append((*(getattr(body, name) for name in _STEP_FIELDS), self.worked_seconds))
            else:
                self._take(body, event.time, waiting)
            if len(waiting) >= 4096:
                self._append(waiting)
        self._append(waiting)
        return number

    def step_reached(self) -> int:
        """Return the last step that stands, 0 before the first."""
        return self._last_step() or 0

    def _last_step(self) -> int | None:
        return int(self.steps.column("step")[-1]) if len(self.steps) else None

    def at_steps(self, axis: str, steps: Iterable[int]) -> Array:
        """Return where steps, 0 among them, lie on an x axis: `step`, `tokens` or `seconds`."""
        wanted = np.fromiter(steps, "i8")
        length = len(self.steps)
        if axis == "step" or not length:
            return wanted.astype("f8")
        known, values = self.steps.column("step", length), self.steps.column(axis, length)
        places = np.searchsorted(known, wanted, side="right") - 1
        # The steps before a branch are its trunk's: their tokens count, their time was not this run's.
        earlier = values[0] * wanted / known[0] if axis == "tokens" else np.zeros(len(wanted))
        return np.where(places < 0, earlier, values[np.maximum(places, 0)].astype("f8"))

    def _take(self, body: object, time: float, waiting: list[tuple[float | int, ...]]) -> None:
        """Take in what is no step and no start."""
        last = int(waiting[-1][0]) if waiting else self.step_reached()
        match body:
            case Probe():
                self.probes.append(body)
            case Checkpoint():
                if not self.checkpoints or body.step > self.checkpoints[-1].step:
                    self.checkpoints.append(body)  # an attempt names the one it goes on from once more
            case Intervention():
                if body not in self.interventions:
                    self.interventions.append(body)  # an attempt names those it goes on with once more
            case Canaries():
                self.canaries.append(body)
            case State(state=state):
                self.marks.append(Mark(state, last, time))
            case JobProblem():
                self.marks.append(Mark("problem", last, time, body.problem))
            case _:
                return

    def _begin(self, first: int, event: Event) -> None:
        """Begin an attempt, which supersedes every point at or after its step."""
        self.attempts += 1
        self._supersede(first, event)
        self.marks.append(Mark("start", first, event.time))

    def _supersede(self, first: int, event: Event) -> None:
        """Put every point at or after a step aside: they are done again."""
        keep = self.steps.before(first)
        if keep < len(self.steps):
            self.superseded = [*self.superseded, self.steps.rows(keep, len(self.steps))]
            self.steps = self.steps.rows(0, keep)
        self.superseded_probes = [*self.superseded_probes, *(p for p in self.probes if p.step >= first)]
        self.probes = [point for point in self.probes if point.step < first]
        self.checkpoints = [point for point in self.checkpoints if point.step < first]
        self.interventions = [one for one in self.interventions if one.step < first]
        self.canaries = [one for one in self.canaries if one.step < first]
        self.last_time, self.last_elapsed = event.time, event.elapsed
        self.worked_seconds = float(self.steps.column("seconds")[-1]) if keep else 0.0

    def _advance(self, event: Event) -> None:
        """Let the clock of the attempt run on; one that can be set stands still when it is set back."""
        if self.last_elapsed is not None and event.elapsed is not None:
            self.worked_seconds += max(0.0, event.elapsed - self.last_elapsed)
        elif self.last_time:
            self.worked_seconds += max(0.0, event.time - self.last_time)
        self.last_time, self.last_elapsed = event.time, event.elapsed

    def _append(self, waiting: list[tuple[float | int, ...]]) -> None:
        """Put the rows that wait into the columns."""
        if waiting:
            names = (*_STEP_FIELDS, "seconds")
            self.steps.extend(dict(zip(names, zip(*waiting, strict=True), strict=True)))
            waiting.clear()


def gather(events: Iterable[Event]) -> Curves:
    """Return the curves of a run from all its events."""
    curves = Curves()
    curves.extend(events)
    return curves
