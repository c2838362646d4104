"""Start a training run, and see what runs there are."""

from dataclasses import dataclass

from domainstudio.evaluation.forgetting import Outcome, SourceChange, changes, outcome
from domainstudio.jobs.checkpoints import CheckpointFolder, latest_checkpoint, list_checkpoints
from domainstudio.jobs.curves import Curves, gather
from domainstudio.jobs.folder import JobFolder, Status, list_jobs
from domainstudio.jobs.follow import Tail, read_events
from domainstudio.mixture.shares import Arm, arm_of, check, plan
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import change
from domainstudio.recipe.run import HeldOutSource, ModelOrigin, RunSpec, TrainingSource
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
    _refuse_to_warm_up_again(project, spec)
    return spec, recipe.processes


def _refuse_to_warm_up_again(project: Project, spec: RunSpec) -> None:
    """Refuse a run that starts from an unfinished one on the same text: its schedule was to be resumed."""
    if spec.model.run is None:
        return
    before = run_spec(project, spec.model.run)
    checkpoint = find_checkpoint(project.job(spec.model.run))
    is_same_text = {source.tokens for source in spec.sources} == {source.tokens for source in before.sources}
    if is_same_text and checkpoint.step < before.steps:
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
    return gather(read_events(folder))


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


class RunList:
    """The runs of a project; each refresh reads only what was written since the one before."""

    def __init__(self, project: Project) -> None:
        """Read nothing yet."""
        self._project = project
        self._known: dict[str, tuple[RunSpec, Tail, Curves]] = {}

    def refresh(self) -> list[RunRow]:
        """Return every run, oldest first."""
        folders = list(list_jobs(self._project.jobs, TRAIN.name))
        for folder in folders:
            if folder.job_id not in self._known:
                self._known[folder.job_id] = (run_spec(self._project, folder.job_id), Tail(folder), Curves())
            _, tail, curves = self._known[folder.job_id]
            for event in tail.poll():
                curves.add(event)
        return [self._row(folder) for folder in folders]

    def _row(self, folder: JobFolder) -> RunRow:
        spec, _, curves = self._known[folder.job_id]
        last = curves.steps[-1] if curves.steps else None
        control = self._control_of(folder.job_id, spec)
        return RunRow(
            run=folder.job_id,
            arm=spec.arm,
            origin=spec.model.name,
            status=folder.status(),
            step=last.step if last else 0,
            steps=spec.steps,
            loss=last.loss if last else None,
            outcome=outcome(
                changes(curves.probes), spec.trained_on, self.changes_of(control) if control else None
            ),
            control=control,
        )

    def comparable(self, run: str) -> list[str]:
        """Return the refreshed runs with the same start, recipe and steps as a run, itself among them."""
        spec = self._known[run][0]
        alike = (spec.model, spec.recipe, spec.steps)
        return [name for name, (s, _, _) in self._known.items() if (s.model, s.recipe, s.steps) == alike]

    def changes_of(self, run: str) -> list[SourceChange]:
        """Return the change of held-out loss per source of a run that was refreshed."""
        return changes(self._known[run][2].probes)

    def _control_of(self, run: str, spec: RunSpec) -> str | None:
        """Return the newest finished control of a run: same start, tokens, schedule and seed."""
        for name in reversed(self.comparable(run)):
            other, _, curves = self._known[name]
            is_done = curves.steps and curves.steps[-1].step == spec.steps
            if name != run and other.arm == "control" and is_done:
                return name
        return None
