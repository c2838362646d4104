"""What a run's events say once attempts are put in order: the points that stand and those superseded."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domainstudio.jobs.events import Checkpoint, Event, Probe, Start, Step


@dataclass
class Curves:
    """The points of a run in the order written; `superseded_*` are tails that a later attempt did again."""

    steps: list[Step] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    superseded_steps: list[Step] = field(default_factory=list)
    superseded_probes: list[Probe] = field(default_factory=list)
    attempts: int = 0

    def add(self, event: Event) -> None:
        """Take in one event; the start of an attempt supersedes every point at or after its step."""
        match event.body:
            case Start(step=first):
                self.attempts += 1
                self.superseded_steps += [point for point in self.steps if point.step >= first]
                self.superseded_probes += [point for point in self.probes if point.step >= first]
                self.steps = [point for point in self.steps if point.step < first]
                self.probes = [point for point in self.probes if point.step < first]
                self.checkpoints = [point for point in self.checkpoints if point.step < first]
            case Step() as point:
                self.steps.append(point)
            case Probe() as point:
                self.probes.append(point)
            case Checkpoint() as point:
                self.checkpoints.append(point)
            case _:
                return


def gather(events: Iterable[Event]) -> Curves:
    """Return the curves of a run from all its events."""
    curves = Curves()
    for event in events:
        curves.add(event)
    return curves
