"""The laboratory: methods against forgetting at equal tokens; what it takes, and what it came to."""

from collections.abc import Sequence

from pydantic import ValidationError

from domainstudio.evaluation.comparison import MethodResult
from domainstudio.evaluation.forgetting import SourceChange, outcome
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import invalid_field
from domainstudio.mixture.shares import Arm, Mixture, arm_of
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.estimate import state_bytes
from domainstudio.recipe.laboratory import LaboratoryRun, LaboratoryWork, Measured
from domainstudio.recipe.methods import CONTROL, Method, interpolations, methods_of
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.workflow import planning
from domainstudio.workflow.protection.laboratory_job import LABORATORY
from domainstudio.workflow.running import start, work_of
from domainstudio.workflow.training.starting import freeze_plan, size_of_run

FEWEST_STEPS = 100
"""Steps of each run by default if a twentieth of the mixture gives less: a rule of ours, without a source."""
_SHARE = 0.05


def start_laboratory(project: Project, work: LaboratoryWork) -> JobFolder:
    """Start what was planned.

    Raises:
        UserError: the disk has no room for it.
    """
    return start(project, LABORATORY, work)


def plan_laboratory(
    project: Project,
    methods: Sequence[str],
    *,
    seeds: int,
    tokens: int = 0,
    origin: str = "base",
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
) -> LaboratoryWork:
    """Return what a comparison would train; the control is always among it.

    Args:
        project: where everything is read from.
        methods: names as `recipe.methods` takes them.
        seeds: runs of each method; at least 3 for an interval that means much.
        tokens: of each run; 0 takes a twentieth of the mixture's, at least 100 steps.
        origin: `base`, or `RUN` or `RUN@STEP`: it must know something that it may forget.
        mixture_name: a saved mixture: its domain text, in the proportions it has there.
        recipe_name: a saved recipe, whose protection is left aside.

    Raises:
        UserError: a method is unknown, the base is random, or general text is missing.
    """
    if origin == "base" and project.base.folder is None:
        raise UserError(Problem("laboratory.random_base", "from", {"preset": str(project.base.preset)}))
    blind = planning.blindness(project)
    if blind is not None:
        raise UserError(blind)
    trained, interpolated = interpolations(methods)
    runs = freeze_methods(project, trained, tokens, origin, mixture_name, recipe_name)
    budget = planning.recipe_of(project, recipe_name).accepted_forgetting
    try:
        return LaboratoryWork(runs=runs, seeds=seeds, interpolated=interpolated, budget=budget)
    except ValidationError as error:
        raise invalid_field(error, "laboratory") from None


def freeze_methods(
    project: Project,
    methods: Sequence[str],
    tokens: int,
    origin: str,
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
) -> tuple[LaboratoryRun, ...]:
    """Return the run of every method and of the control; arguments as in `plan_laboratory`."""
    mixture = planning.mixture_of(project, mixture_name)
    short = _shortened(planning.recipe_of(project, recipe_name), mixture, tokens)
    runs = []
    for method in methods_of(methods, short):
        recipe, text = change(short, method.settings), _mixture(project, mixture, method, short)
        run = freeze_plan(project, origin, text, recipe, _arm_name(method), mixture_name)
        held = state_bytes(size_of_run(project, run), recipe)
        runs.append(LaboratoryRun(method=method.name, run=run, state_bytes=held))
    return tuple(runs)


def _shortened(recipe: Recipe, mixture: Mixture, tokens: int) -> Recipe:
    """Return the recipe of every run but for its method: short, its schedule's proportions kept."""
    stage = recipe.stage
    length = recipe.steps_for(mixture.tokens)
    least = recipe.tokens_before(FEWEST_STEPS + 1)
    steps = recipe.model_copy(update={"steps": 0}).steps_for(
        tokens or max(least, round(_SHARE * mixture.tokens))
    )
    warmup = min(0.5, stage.warmup_in_steps(length) / length)
    calm = {"warmup_steps": 0, "warmup_share": warmup}
    plain = recipe.unprotected()
    return plain.model_copy(
        update={
            "stages": (plain.stage.model_copy(update=calm),),
            "steps": steps,
            "probe_every": steps,
            "checkpoint_every": steps,
            "keep_checkpoints": 1,
        }
    )


def _mixture(project: Project, mixture: Mixture, method: Method, recipe: Recipe) -> Mixture:
    """Return the mixture of a method: its share of general text, the rest as the person's mixture has it."""
    tokens = {"tokens": recipe.tokens_before(recipe.steps + 1), "locked": ()}
    found, offered = mixture.model_copy(update=tokens), planning.offered(project)
    if method.replay == 1:
        return arm_of(found, "control", offered)
    if method.replay == 0:
        return arm_of(found, "naive", offered)
    shares = planning.balance_of(offered, found).with_replay(method.replay).shares
    return found.model_copy(update={"shares": dict(shares)})


def _arm_name(method: Method) -> Arm:
    return "control" if method.name == CONTROL else "naive" if method.replay == 0 else "treated"


def work_of_laboratory(project: Project, job: str) -> LaboratoryWork:
    """Return what a laboratory was given.

    Raises:
        UserError: there is no such job, or it is another.
    """
    spec = project.job(job).spec()
    if spec.kind != LABORATORY.name:
        raise UserError(Problem("laboratory.other_job", "laboratory", {"job": job}))
    found: LaboratoryWork = work_of(spec, LABORATORY)
    return found


def results(work: LaboratoryWork, found: Sequence[Measured]) -> list[MethodResult]:
    """Return gain and forgetting of every method against the control of the same seed, over whole seeds.

    A seed counts for a method once its own run and its control are measured.
    """
    by_place = {(one.method, one.seed): one for one in found if one.losses}
    trained = {source for one in work.runs for source in one.run.trained_on}
    made = []
    for method in work.methods:
        pairs = [
            (by_place[method, seed], by_place[CONTROL, seed])
            for seed in range(work.seeds)
            if (method, seed) in by_place and (CONTROL, seed) in by_place
        ]
        outcomes = [outcome(_changes(own), trained, _changes(control)) for own, control in pairs]
        gains = tuple(one.gain_against_control for one in outcomes)
        losses = tuple(one.forgetting_against_control for one in outcomes)
        if gains and None not in gains and None not in losses:
            made.append(MethodResult(method, gains, losses))  # type: ignore[arg-type]
    return made


def _changes(one: Measured) -> list[SourceChange]:
    return [SourceChange(**loss.model_dump()) for loss in one.losses]


def laboratories(project: Project) -> list[JobFolder]:
    """Return the laboratories of a project, oldest first."""
    return list(list_jobs(project.jobs, LABORATORY.name))
