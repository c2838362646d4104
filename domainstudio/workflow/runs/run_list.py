"""The runs of a project as a list shows them: each look reads only what was written since the one before."""

import threading
import time
from dataclasses import dataclass
from statistics import median

from domainstudio.evaluation.forgetting import Outcome, SourceChange, changes, outcome
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import Intervention, Probe
from domainstudio.jobs.folder import JobFolder, Status, list_jobs
from domainstudio.jobs.follow import StatusWatch
from domainstudio.jobs.link import Link, read_link
from domainstudio.jobs.metrics import LONG_TAIL_BYTES, Metrics, save_elsewhere
from domainstudio.machines.assignment import read_assignment
from domainstudio.mixture.shares import Arm
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.recipe.schedules import WITH_PLATEAU
from domainstudio.workflow.training.starting import TRAIN, run_spec


@dataclass(frozen=True)
class RunRow:
    """One run as a list shows it."""

    run: str
    arm: Arm
    origin: str
    status: Status
    step: int
    steps: int
    loss: float | None
    outcome: Outcome
    control: str | None
    """The finished run that serves as its equal-token control."""
    last_event: float
    """Unix seconds of the last event, 0 before the first; never later than now, whatever clock wrote it."""
    tokens_per_second: float | None
    """The median of the last steps."""
    seconds_left: float | None
    """From the pace of the last steps, probes and checkpoints among them; of a running run alone."""
    canaries: "KnownFacts | None"
    """None without canary facts."""
    interventions: tuple[Intervention, ...]
    """What the guard did."""
    may_branch: bool
    """Whether its schedule holds a rate, so that a decay may branch off its checkpoints."""
    machines: tuple[str, ...]
    """Names of the machines that it runs on, none for this one."""
    link: Link | None
    """How well they are heard of."""
    is_read: bool
    """False while the events of a long run that left no columns are being read."""

    @property
    def machine(self) -> str:
        """Their names, empty for this one."""
        return ", ".join(self.machines)


@dataclass(frozen=True)
class KnownFacts:
    """Canary facts at step 0 and at the last probe."""

    right_before: int
    right: int
    total: int
    needed: int
    """With fewer right at step 0 the base may have guessed."""
    kept: float | None
    """Share of those right at step 0 that are still right; None where the base knew too few to tell."""


def known_facts(curves: Curves) -> KnownFacts | None:
    """Return what is known of the canary facts of a run, None without any."""
    if not curves.canaries:
        return None
    first, last = curves.canaries[0], curves.canaries[-1]
    tells = first.right >= first.needed
    return KnownFacts(first.right, last.right, last.total, first.needed, last.kept if tells else None)


PACE_STEPS = 200
"""How many of the last steps tell how fast a run goes."""

_SPEED_STEPS = 20


class _KnownRun:
    """What a list of runs keeps of one run."""

    def __init__(self, spec: RunSpec, folder: JobFolder) -> None:
        self.spec = spec
        self.start = spec.start
        self.metrics = Metrics(folder)
        self.watch = StatusWatch(folder)
        self.is_read = False
        self.machines: tuple[str, ...] = ()
        self.link: Link | None = None
        self._folder = folder
        self._saving: threading.Thread | None = None
        self._was_saved = False
        self._probes: list[Probe] = []
        self._seen, self._changes = -1, list[SourceChange]()
        self._written_at = self._seen_at = 0.0

    @property
    def curves(self) -> Curves:
        return self.metrics.curves

    def refresh(self, most_bytes: int | None) -> None:
        """Read what is new; if only so much may be read at once, a process of its own reads a long file."""
        if self.watch.refresh():
            self._look_where_it_runs()
        if self._saving is not None:
            if self._saving.is_alive():
                return
            self._saving, self.metrics = None, Metrics(self._folder)
        if most_bytes is not None and not self._was_saved and self.metrics.unread_bytes > LONG_TAIL_BYTES:
            self._was_saved, self._saving = True, save_elsewhere(self._folder)
            return
        self.metrics.poll(most_bytes)
        self.metrics.save_long_tail()
        self.is_read = self.is_read or most_bytes is None or self.metrics.unread_bytes < most_bytes

    def _look_where_it_runs(self) -> None:
        """Read the link anew; a job is given to a machine just after it is created."""
        if not self.machines:
            assignment = read_assignment(self._folder.path)
            self.machines = assignment.machines if assignment else ()
        if self.machines:
            self.link = read_link(self._folder.path)

    def changes(self) -> list[SourceChange]:
        """Return the change of held-out loss per source, worked out again only after a new probe."""
        probes = self.curves.probes
        if probes is not self._probes or len(probes) != self._seen:
            self._probes, self._seen = probes, len(probes)
            self._changes = changes(probes)
        return self._changes

    def changes_at(self, step: int) -> list[SourceChange]:
        """Return the changes as they were at a step, of the sources probed at that very step."""
        if self.curves.probes and self.curves.probes[-1].step == step:
            return self.changes()
        found = changes(probe for probe in self.curves.probes if probe.step <= step)
        return [change for change in found if change.step == step]

    def last_event(self) -> float:
        """Return when the last event came; if the clock was set back since, when that was first seen."""
        if self.curves.last_time != self._written_at:
            self._written_at = self._seen_at = self.curves.last_time
        self._seen_at = min(self._seen_at, time.time())
        return self._seen_at

    def is_finished(self) -> bool:
        return self.curves.step_reached() == self.spec.steps


class RunList:
    """The runs of a project; each refresh reads only what was written since the one before.

    One thread refreshes; another may read `curves` and `spec` meanwhile.
    """

    def __init__(self, project: Project, most_bytes: int | None = None) -> None:
        """Read nothing yet; `most_bytes` of a run's events with each refresh, None for all there are."""
        self._project, self._most_bytes = project, most_bytes
        self._known: dict[str, _KnownRun] = {}
        self._refused: dict[str, Problem] = {}
        self.refused: dict[str, Problem] = {}
        """Runs that the last refresh could not read, and why."""

    def refresh(self) -> list[RunRow]:
        """Return every run that can be read, oldest first."""
        self._refused = {}
        runs = [
            folder.job_id for folder in list_jobs(self._project.jobs, TRAIN.name) if self._refresh(folder)
        ]
        self._known, self.refused = {run: self._known[run] for run in runs}, self._refused
        return [self._row(run) for run in runs]

    def row(self, run: str) -> RunRow:
        """Return one run as it was at the last refresh.

        Raises:
            UserError: why it could not be read.
        """
        if run not in self._known:
            gone = Problem("job.missing", "run", {"job": run, "folder": str(self._project.jobs)})
            raise UserError(self.refused.get(run, gone))
        return self._row(run)

    def curves(self, run: str) -> Curves | None:
        """Return the curves of a run that was refreshed; they grow with later refreshes."""
        known = self._known.get(run)
        return known.curves if known else None

    def spec(self, run: str) -> RunSpec | None:
        """Return what a run that was refreshed was given."""
        known = self._known.get(run)
        return known.spec if known else None

    def comparable(self, run: str) -> list[str]:
        """Return the refreshed runs with the same start, recipe and steps as a run, itself among them."""
        alike = self._known[run].start
        return [name for name, known in self._known.items() if known.start == alike]

    def changes_of(self, run: str, step: int | None = None) -> list[SourceChange]:
        """Return the change of held-out loss per source of a refreshed run, up to now or at a step."""
        return self._known[run].changes() if step is None else self._known[run].changes_at(step)

    def _refresh(self, folder: JobFolder) -> bool:
        """Read what is new of a run, all of it on first sight; return whether it can be read."""
        try:
            if not (folder.path / "spec.json").is_file():
                return False
            known = self._known.get(folder.job_id)
            known = known or _KnownRun(run_spec(self._project, folder.job_id), folder)
            known.refresh(self._most_bytes)
        except FileNotFoundError:  # deleted just now
            return False
        except UserError as error:  # of a newer program, or damaged
            self._refused[folder.job_id] = error.problem
            return False
        except OSError as error:
            params = {"job": folder.job_id, "reason": error.strerror, "folder": str(folder.path)}
            self._refused[folder.job_id] = Problem("job.unreadable", None, params)
            return False
        self._known[folder.job_id] = known
        return True

    def _row(self, run: str) -> RunRow:
        known = self._known[run]
        spec, curves, status = known.spec, known.curves, known.watch.status
        control = self._control_of(run, spec)
        # A run under way, or kept early, has seen fewer tokens than its control: compared where it stands.
        last = curves.probes[-1].step if curves.probes else 0
        of_control = self.changes_of(control, last) if control else None
        losses, speeds = curves.steps.column("loss"), curves.steps.column("tokens_per_second")
        return RunRow(
            run=run,
            arm=spec.arm,
            origin=spec.origin,
            status=status,
            step=curves.step_reached(),
            steps=spec.steps,
            loss=float(losses[-1]) if len(losses) else None,
            outcome=outcome(known.changes(), spec.trained_on, of_control),
            control=control,
            last_event=known.last_event(),
            tokens_per_second=float(median(speeds[-_SPEED_STEPS:])) if len(speeds) else None,
            seconds_left=_seconds_left(curves, spec.steps) if status == "running" else None,
            canaries=known_facts(curves),
            interventions=tuple(curves.interventions),
            may_branch=spec.branch is None and spec.recipe.stage.schedule in WITH_PLATEAU,
            machines=known.machines,
            link=known.link,
            is_read=known.is_read,
        )

    def _control_of(self, run: str, spec: RunSpec) -> str | None:
        """Return the newest finished control of a run: same start, tokens, schedule and seed."""
        for name in reversed(self.comparable(run)):
            other = self._known[name]
            if name != run and other.spec.arm == "control" and other.is_finished():
                return name
        return None


def _seconds_left(curves: Curves, steps: int) -> float | None:
    """Return the time to the last step at the pace of the last ones; None before the second step."""
    length = len(curves.steps)
    done = curves.steps.column("step", length)[-PACE_STEPS:]
    seconds = curves.steps.column("seconds", length)[-PACE_STEPS:]
    if length < 2 or done[-1] <= done[0]:
        return None
    return float((steps - done[-1]) * (seconds[-1] - seconds[0]) / (done[-1] - done[0]))
