"""What is at work in a project: the newest state of every job, as a status strip shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from statistics import median

from domainstudio.jobs.events import Event, JobProblem, Progress, Start, Step
from domainstudio.jobs.folder import JobFolder, Status, list_jobs
from domainstudio.jobs.follow import StatusWatch, Tail, end_of
from domainstudio.jobs.link import Link, read_link
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.protection.laboratory_job import is_of_laboratory
from domainstudio.workflow.running import work_of
from domainstudio.workflow.training.starting import TRAIN

_SUBJECTS = ("source", "run", "name")
"""What of a job's work says what it is about."""
_WINDOWS, _WINDOW_SECONDS = 20, 0.25
_HIDDEN_SECONDS, _HIDDEN_SHARE = 5.0, 0.02
"""A time left is not told before this much time and share of the work have passed: it would mislead."""


@dataclass(frozen=True)
class JobRow:
    """A job's newest state; `done` of `total` `unit`s, total 0 if not known."""

    job_id: str
    kind: str
    subject: str
    """What it is about: the source that is imported, the run that is exported, the items that are looked
    for; empty if nothing."""
    status: Status
    phase: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    rate: float | None = None
    """Units a second; tokens a second of a training run."""
    seconds_left: float | None = None
    problem: Problem | None = None
    """What it said last that a person should know."""
    link: Link | None = None
    """How well the machine is heard of that it runs on, None of this one."""


@dataclass
class Pace:
    """Measures how fast a count grows: the median over the last windows, so that a pause does not mislead."""

    first: tuple[float, int] = (0.0, 0)
    last: tuple[float, int] = (0.0, 0)
    _points: list[tuple[float, int]] = field(default_factory=list)

    def add(self, seconds: float, done: int) -> None:
        """Take in a count at a time; a count that falls begins anew."""
        if done < self.last[1]:
            self._points.clear()
        self.last = (seconds, done)
        if not self._points:
            self.first = self.last
        if not self._points or abs(seconds - self._points[-1][0]) >= _WINDOW_SECONDS:
            self._points.append(self.last)
            del self._points[: -_WINDOWS - 1]

    def rate(self) -> float | None:
        """Return units a second, None if nothing was measured."""
        pairs = zip(self._points, self._points[1:], strict=False)
        rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs if b[0] > a[0]]
        return median(rates) if rates else None

    def seconds_left(self, total: int) -> float | None:
        """Return the time left of `total` units, None while it would mislead."""
        rate = self.rate()
        if not rate or rate <= 0 or not total:
            return None
        last, done = self.last
        if last - self.first[0] < _HIDDEN_SECONDS or done < total * _HIDDEN_SHARE:
            return None
        return max(0.0, (total - done) / rate)


class JobList:
    """The jobs of a project; each refresh reads only what was written since the one before."""

    def __init__(self, project: Project) -> None:
        """Read nothing yet."""
        self._project = project
        self._known: dict[str, _Followed] = {}

    def refresh(self) -> list[JobRow]:
        """Return every job that a person began, the newest last; one that cannot be read is left out."""
        rows, present = list[JobRow](), set[str]()
        for folder in list_jobs(self._project.jobs):
            try:
                followed = self._known.get(folder.job_id) or _Followed(folder)
                if not followed.is_hidden:
                    rows.append(followed.refresh())
            except (UserError, OSError):  # of a newer program, or damaged: opening it by name says so
                continue
            self._known[folder.job_id] = followed
            present.add(folder.job_id)
        self._known = {job_id: one for job_id, one in self._known.items() if job_id in present}
        return rows


class _Followed:
    """One job with what was read of it so far."""

    def __init__(self, folder: JobFolder) -> None:
        spec = folder.spec()
        kind = KINDS.get(spec.kind)
        work = work_of(spec, kind) if kind else None
        self.is_hidden = is_of_laboratory(spec)
        """Whether another job stands for it."""
        subject = next((str(found) for part in _SUBJECTS if (found := getattr(work, part, ""))), "")
        self._row = JobRow(folder.job_id, spec.kind, subject, "created")
        self._folder = folder
        self._steps = work.steps if isinstance(work, RunSpec) else 0
        # Of a run its newest state is all that is shown.
        self._tail = end_of(folder) if spec.kind == TRAIN.name else Tail(folder)
        self._pace = Pace()
        self._watch = StatusWatch(folder)

    def refresh(self) -> JobRow:
        """Read what is new, if anything is."""
        if not self._watch.refresh():
            return self._row
        status = self._watch.status
        for event in self._tail.poll():
            self._take(event)
        link = read_link(self._folder.path) if self._steps else None
        self._row = replace(self._row, status=status, link=link)
        if status != "running":
            self._row = replace(self._row, rate=None, seconds_left=None)
        return self._row

    def _take(self, event: Event) -> None:
        match event.body:
            case Start():
                self._pace = Pace()
                self._row = replace(self._row, problem=None, phase="")
            case Progress(done=done) if self._steps and done:
                return  # the step itself told as much, with its tokens a second
            case Progress(done=done, total=total, unit=unit, phase=phase):
                if phase != self._row.phase:
                    self._pace = Pace()
                self._pace.add(_seconds(event), done)
                self._row = replace(
                    self._row, phase=phase, done=done, total=total, unit=unit,
                    rate=self._pace.rate(), seconds_left=self._pace.seconds_left(total),
                )  # fmt: skip
            case Step(step=step, tokens_per_second=rate):
                self._pace.add(_seconds(event), step)
                self._row = replace(
                    self._row, phase="training", done=step, total=self._steps, unit="steps", rate=rate,
                    seconds_left=self._pace.seconds_left(self._steps),
                )  # fmt: skip
            case JobProblem() as found:
                self._row = replace(self._row, problem=found.problem)
            case _:
                return


def _seconds(event: Event) -> float:
    """Return when an event of an attempt was, by the clock that nobody sets if it was written down."""
    return event.time if event.elapsed is None else event.elapsed


def running(rows: list[JobRow]) -> Iterator[JobRow]:
    """Yield the jobs at work, training first."""
    for is_training in (True, False):
        for row in rows:
            if row.status == "running" and (row.kind == TRAIN.name) == is_training:
                yield row
