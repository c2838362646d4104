"""Start a training run, and see what runs there are."""

import threading
import time
from dataclasses import dataclass
from statistics import median

from domainstudio.evaluation.forgetting import Outcome, SourceChange, changes, outcome
from domainstudio.jobs.checkpoints import CheckpointFolder, latest_checkpoint, list_checkpoints
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import Probe
from domainstudio.jobs.folder import JobFolder, Status, list_jobs
from domainstudio.jobs.follow import StatusWatch
from domainstudio.jobs.metrics import LONG_TAIL_BYTES, Metrics, read, save_elsewhere
from domainstudio.mixture.shares import Arm, arm_of, check, check_blocks, plan
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.base_model import read_base_model
from domainstudio.recipe.recipe import change
from domainstudio.recipe.run import HeldOutSource, ModelOrigin, RunSpec, TrainingSource, folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.workflow import planning
from domainstudio.workflow.running import Kind, relative_to_job, start, work_of
from domainstudio.workflow.tokenizer import current, packed

TRAIN = Kind("train", RunSpec, program="domainstudio.trainer")


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
    is_read: bool
    """False while the events of a long run that left no columns are being read."""


def start_run(
    project: Project,
    *,
    origin: str = "base",
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
    settings: dict[str, str] | None = None,
    arm: Arm = "treated",
) -> JobFolder:
    """Freeze mixture, recipe and token files into a run and start it.

    Args:
        project: where everything is read from.
        origin: `base`, or `RUN` or `RUN@STEP` of this project, whose weights the run starts from.
        mixture_name: a saved mixture.
        recipe_name: a saved recipe.
        settings: recipe settings replaced for this run alone.
        arm: treated takes the mixture as it is, control its general text alone, naive its other text alone.

    Raises:
        UserError: something is missing or contradicts; nothing is started.
    """
    return start(project, TRAIN, *freeze(project, origin, mixture_name, recipe_name, settings or {}, arm))


def freeze(
    project: Project,
    origin: str,
    mixture_name: str,
    recipe_name: str,
    settings: dict[str, str],
    arm: Arm,
) -> tuple[RunSpec, int]:
    """Return the run's frozen work and its number of processes; arguments and errors as in `start_run`."""
    recipe = change(planning.recipe_of(project, recipe_name), settings)
    offered = planning.offered(project)
    mixture = arm_of(planning.mixture_of(project, mixture_name), arm, offered)
    portions = plan(mixture, offered)
    check(mixture, portions)
    check_blocks(portions, recipe.stage.sequence_length)
    tokenizer = current(project)
    folders = {file.source: file.folder for file in packed(project, "training")}
    spec = RunSpec(
        recipe=recipe,
        steps=recipe.steps_for(mixture.tokens),
        model=_origin(project, origin, tokenizer.sha256),
        tokenizer=relative_to_job(project.inside(tokenizer.folder), project),
        tokenizer_sha256=tokenizer.sha256,
        vocabulary=tokenizer.vocabulary,
        sources=tuple(
            TrainingSource(
                name=portion.source,
                role=portion.role,
                share=portion.share,
                tokens=relative_to_job(project.inside(folders[portion.source]), project),
            )
            for portion in portions
        ),
        held_out=tuple(
            HeldOutSource(
                name=file.source, role=file.role, tokens=relative_to_job(project.inside(file.folder), project)
            )
            for file in packed(project, "held_out")
            if file.tokens
        ),
        arm=arm,
        mixture=mixture_name,
    )
    _require_fit(project, spec)
    _refuse_to_warm_up_again(project, spec)
    return spec, recipe.processes


def _require_fit(project: Project, spec: RunSpec) -> None:
    """Refuse a run that its model cannot take, which the trainer would find out after minutes of loading."""
    if spec.model.preset is not None:
        spec.require_fit(spec.vocabulary, SHAPES[spec.model.preset].positions)
        return
    base = read_base_model(folder_of(spec.model, project.jobs / "job"))
    spec.require_fit(base.vocabulary, base.positions)


def _refuse_to_warm_up_again(project: Project, spec: RunSpec) -> None:
    """Refuse a run that starts from an unfinished one on the same text: its schedule was to be resumed."""
    if spec.model.run is None:
        return
    before = run_spec(project, spec.model.run)
    checkpoint = find_checkpoint(project.job(spec.model.run))
    was_kept = project.job(spec.model.run).status() == "done"
    is_same_text = {source.tokens for source in spec.sources} == {source.tokens for source in before.sources}
    if is_same_text and checkpoint.step < before.steps and not was_kept:
        params = {"run": spec.model.run, "step": checkpoint.step, "steps": before.steps}
        raise UserError(Problem("run.same_text", "from", params))


def _origin(project: Project, origin: str, tokenizer_sha256: str) -> ModelOrigin:
    """Return where the weights of step 0 lie."""
    if origin == "base":
        return project.base
    run, _, step = origin.partition("@")
    spec = run_spec(project, run)
    if spec.tokenizer_sha256 != tokenizer_sha256:
        raise UserError(Problem("run.other_tokenizer", "from", {"run": run}))
    checkpoint = find_checkpoint(project.job(run), step)
    return ModelOrigin(folder=relative_to_job(checkpoint.model, project), run=run, step=checkpoint.step)


def run_spec(project: Project, run: str) -> RunSpec:
    """Return what a run was given.

    Raises:
        UserError: there is no such run.
    """
    spec = project.job(run).spec()
    if spec.kind != TRAIN.name:
        raise UserError(Problem("run.not_a_run", "run", {"job": run}))
    frozen: RunSpec = work_of(spec, TRAIN)
    return frozen


def find_checkpoint(folder: JobFolder, step: str = "") -> CheckpointFolder:
    """Return the newest checkpoint of a run, or that of one step.

    Raises:
        UserError: there is none.
    """
    found = list_checkpoints(folder.result)
    wanted = [checkpoint for checkpoint in found if not step or str(checkpoint.step) == step]
    if not wanted:
        steps = ", ".join(str(checkpoint.step) for checkpoint in found) or "-"
        raise UserError(
            Problem("run.no_checkpoint", "run", {"run": folder.job_id, "step": step or "-", "steps": steps})
        )
    return wanted[-1]


def curves_of(folder: JobFolder) -> Curves:
    """Return all points of a run."""
    return read(folder)


@dataclass(frozen=True)
class Resumption:
    """Where a run goes on: the position of schedule and data that its checkpoint restores."""

    step: int
    """The next step; 1 begins anew."""
    steps: int
    share_of_data: float
    learning_rate: float


def resumption(project: Project, run: str) -> Resumption:
    """Return where a run would go on."""
    spec, checkpoint = run_spec(project, run), latest_checkpoint(project.job(run).result)
    step = checkpoint.step + 1 if checkpoint else 1
    recipe = spec.recipe
    seen = recipe.tokens_before(step) / recipe.tokens_before(spec.steps + 1)
    return Resumption(step, spec.steps, seen, recipe.stage.learning_rate_at(step, spec.steps))


PACE_STEPS = 200
"""How many of the last steps tell how fast a run goes."""
_SPEED_STEPS = 20


class _KnownRun:
    """What a list of runs keeps of one run."""

    def __init__(self, spec: RunSpec, folder: JobFolder) -> None:
        self.spec = spec
        self.start = (spec.model, spec.recipe.as_trained(), spec.steps)
        self.metrics = Metrics(folder)
        self.watch = StatusWatch(folder)
        self.is_read = False
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
        self.watch.refresh()
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
            origin=spec.model.name,
            status=status,
            step=curves.step_reached(),
            steps=spec.steps,
            loss=float(losses[-1]) if len(losses) else None,
            outcome=outcome(known.changes(), spec.trained_on, of_control),
            control=control,
            last_event=known.last_event(),
            tokens_per_second=float(median(speeds[-_SPEED_STEPS:])) if len(speeds) else None,
            seconds_left=_seconds_left(curves, spec.steps) if status == "running" else None,
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
