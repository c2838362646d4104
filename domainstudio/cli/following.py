"""Following a job from the command line: progress, Ctrl-C as a request to stop, and the commit."""

import argparse
import signal
import sys
import time
from types import FrameType

from domainstudio.cli.output import Output
from domainstudio.jobs.events import Event, Intervention, JobProblem, Probe, Progress, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import follow
from domainstudio.jobs.leftovers import sweep
from domainstudio.jobs.link import read_link
from domainstudio.language import one_line, visible
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.database import known_errors
from domainstudio.project.project import DATABASE, Project
from domainstudio.units import format_change, format_count, format_duration
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.machines.remote import follow_again, link_words
from domainstudio.workflow.overview import Pace
from domainstudio.workflow.planning import blindness
from domainstudio.workflow.running import commit_finished
from domainstudio.workflow.runs.interventions import intervention_words

_BAR_WIDTH = 24
_DRAW_SECONDS = 0.1


class ProgressLine:
    """One line of progress, redrawn in place on a terminal, silent elsewhere."""

    def __init__(self, label: str) -> None:
        """Begin with the name of what is done."""
        self._label = label
        self._phase, self._pace, self._drawn_at = "", Pace(), float("-inf")
        self._is_terminal = sys.stderr.isatty()
        self._is_drawn = False

    def show(self, progress: Progress, seconds: float) -> None:
        """Draw how far the job was at a time (Unix seconds); a long past is passed through quickly."""
        if progress.phase != self._phase:
            self._phase, self._pace, self._drawn_at = progress.phase, Pace(), float("-inf")
        self._pace.add(seconds, progress.done)
        now = time.monotonic()
        if self._is_terminal and (now - self._drawn_at >= _DRAW_SECONDS or progress.done == progress.total):
            self._drawn_at = now
            sys.stderr.write(f"\r\x1b[2K{self._label}: {one_line(self._words(progress))}")
            sys.stderr.flush()
            self._is_drawn = True

    def note(self, text: str) -> None:
        """Write a line that stays, above the progress."""
        self.clear()
        print(visible(text), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the progress from the screen."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._is_drawn = False

    def _words(self, progress: Progress) -> str:
        if not progress.total:
            return _(progress.phase)
        filled = _BAR_WIDTH * progress.done // progress.total
        words = f"{_(progress.phase)} [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] "
        words += f"{format_count(progress.done)}/{format_count(progress.total)} {_(progress.unit)}"
        rate, left = self._pace.rate(), self._pace.seconds_left(progress.total)
        if rate and left is not None:
            words += f", {rate:,.1f} {_(progress.unit)}/s, {format_duration(left)}"
        return words


def run_job(project: Project, folder: JobFolder, options: argparse.Namespace) -> bool:
    """Follow a job that was just started, unless it shall be left alone; return whether it is done.

    Raises:
        UserError: the job failed for a reason the person can mend, or its process died.
    """
    if getattr(options, "detach", False):
        print(_("{job} goes on in the background.").format(job=folder.job_id), file=sys.stderr)
        return False
    return follow_job(project, folder, folder.job_id)


def run_control(project: Project, folder: JobFolder) -> None:
    """Start and follow the control of a run that is done, if one follows by itself; Ctrl-C stops it alone."""
    from domainstudio.workflow.training.controls import follow_control

    control, words = follow_control(project, folder.job_id)
    if words:
        print(words, file=sys.stderr, flush=True)
    if control is not None:
        follow_job(project, control, control.job_id)


def follow_job(project: Project, folder: JobFolder, label: str, *, owns: bool = True) -> bool:
    """Follow a job to its end and commit it; return whether it is done.

    Args:
        project: commits the result.
        folder: the job.
        label: what the progress line calls it.
        owns: Ctrl-C asks the job to stop; otherwise it only ends the watching.

    Raises:
        UserError: see `run_job`.
    """
    line = ProgressLine(label)
    with _Interrupt(folder, line, owns) as interrupt:
        trouble = _follow(folder, line, interrupt)
    line.clear()
    if interrupt.leaves:
        return False
    project.check_in_place()
    match project.job(folder.job_id).status():
        case "done":
            _take_in(project, folder)
            return True
        case "stopped":
            print(_("{job} stopped; go on with: domainstudio runs resume {project} {job}").format(
                job=folder.job_id, project=project.path), file=sys.stderr)  # fmt: skip
            return False
        case "failed":
            raise UserError(trouble or Problem("job.bug", None, {"error": "-", "job": folder.job_id}))
        case _:
            link = read_link(folder.path)
            if link is not None and link.trouble is not None:
                raise UserError(link.trouble)
            raise UserError(
                Problem("job.interrupted", None, {"job": folder.job_id, "project": str(project.path)})
            )


def _take_in(project: Project, folder: JobFolder) -> None:
    """Commit what a job made, over a new connection: a full disk may have had the other opened unwritable.

    Raises:
        UserError: it cannot be committed now; it is not lost.
    """
    try:
        with Project(project.path) as opened, known_errors(project.path / DATABASE):
            commit_finished(opened, KINDS)
    except UserError as error:
        if error.problem.code != "project.disk_full":
            raise
        raise UserError(
            Problem("job.not_taken_in", None, {**error.problem.params, "job": folder.job_id})
        ) from None


def _follow(folder: JobFolder, line: ProgressLine, interrupt: "_Interrupt") -> Problem | None:
    """Show events until the job ends or the person leaves; return its last problem."""
    trouble, bases, steps = None, dict[str, float](), int(folder.spec().work.get("steps", 0))
    heard = _Heard(folder)
    told = set[Intervention]()
    for event in follow(folder):
        if interrupt.leaves:
            break
        match event:
            case None if words := heard.news():
                line.note(words)
            case Event(body=Progress() as progress, time=time):
                line.show(progress, time)
            case Event(body=Step(step=step), time=time):
                line.show(Progress(step, steps, "steps", "training"), time)
            case Event(body=Probe() as probe):
                line.note(_probe_words(probe, bases))
            case Event(body=Intervention() as done) if done not in told:
                told.add(done)  # an attempt names those it goes on with once more
                line.note(intervention_words(done))
            case Event(body=JobProblem() as problem):
                trouble = problem.problem
                if folder.status() == "running":
                    line.note(sentence(trouble))
    return trouble


class _Heard:
    """How a job on another machine is heard of, told whenever that changes."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder, self._told = folder, ""

    def news(self) -> str:
        link = read_link(self._folder.path)
        if link is None or link.phase == self._told:
            return ""
        self._told = link.phase
        return link_words(link)


def _probe_words(probe: Probe, bases: dict[str, float]) -> str:
    """Return a probe in words, against the base once that is known."""
    base = bases.setdefault(probe.source, probe.nats_per_token)
    first = _("step {step}: held-out {source} ({role}) {nats:.3f} nats a token, {bits:.3f} bits a byte")
    later = _(
        "step {step}: held-out {source} ({role}) {nats:.3f} nats a token, {bits:.3f} bits a byte, "
        "{change} against the base"
    )
    return (later if probe.step else first).format(
        step=probe.step,
        source=probe.source,
        role=_(probe.role),
        nats=probe.nats_per_token,
        bits=probe.bits_per_byte,
        change=format_change(probe.nats_per_token - base),
    )


class _Interrupt:
    """While entered: the first Ctrl-C asks the job to stop, the second leaves it running."""

    def __init__(self, folder: JobFolder, line: ProgressLine, owns: bool) -> None:
        self._folder, self._line, self._asks = folder, line, owns
        self.leaves = False

    def __enter__(self) -> "_Interrupt":
        self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._asks:
            self._asks = False
            self._folder.ask_to_stop()
            self._line.note(
                _("Stopping at the next safe point; Ctrl-C again ends the watching, not the job.")
            )
        else:
            self.leaves = True


def finished(folder: JobFolder, is_done: bool, text: str, document: object = None) -> Output:
    """Return a job command's output: its name and state, and what it made if it is done."""
    state = {"job": folder.job_id, "status": folder.status()}
    return Output(
        {**state, "result": document}, text if is_done else f"{folder.job_id}: {_(folder.status())}"
    )


def open_project(options: argparse.Namespace) -> Project:
    """Open the command's project, commit what finished while nobody watched, remove what kills left there."""
    project = Project(options.project)
    sweep(project.jobs)
    try:
        commit_finished(project, KINDS)
        follow_again(project)
    except UserError as error:  # of one job: it does not keep the command from what it is about
        print(sentence(error.problem), file=sys.stderr, flush=True)
    follow_again(project)
    return project


def warn_if_blind(project: Project) -> None:
    """Say on stderr when forgetting cannot be measured, and what would help."""
    problem = blindness(project)
    if problem is not None:
        print(sentence(problem), file=sys.stderr, flush=True)
