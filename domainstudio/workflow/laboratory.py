"""The laboratory: methods against forgetting, trained in turn on equal tokens and shown on the same axes.

One job trains every method with every seed, each as a run of its own (a job of kind `arm`) that goes once it
is measured. What is measured is whole after each: a laboratory that was stopped goes on with the next, and
one with more methods takes over what an earlier one measured of the same runs.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domainstudio.evaluation.comparison import MethodResult
from domainstudio.evaluation.forgetting import SourceChange, changes, outcome
from domainstudio.jobs import process
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import PARTS, JobFolder, create_job, list_jobs
from domainstudio.jobs.follow import follow
from domainstudio.jobs.leftovers import discard
from domainstudio.jobs.spec import invalid_field
from domainstudio.jobs.worker import Stopped, Worker
from domainstudio.mixture.shares import Arm, Mixture, arm_of
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.methods import CONTROL, Method, methods_of
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow import planning
from domainstudio.workflow.running import Kind, Room, start, work_of
from domainstudio.workflow.training import TRAIN, curves_of, freeze_plan

FEWEST_STEPS = 100
"""Steps of each run by default if a twentieth of the mixture gives less: a rule of ours, without a source."""
_SHARE = 0.05
_MEASURED = "measured.json"
_MOST_BYTES = 64 << 20


class LaboratoryRun(BaseModel):
    """One method's run; the seed is added to that of its recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    run: RunSpec


class LaboratoryWork(BaseModel):
    """The work of a job of kind laboratory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[LaboratoryRun, ...] = Field(min_length=1, max_length=256)
    seeds: int = Field(ge=1, le=100)
    budget: float | None
    """The forgetting that was accepted when it began, nats a token."""


class SourceLoss(BaseModel):
    """Held-out loss of one source at step 0 and after the last step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: str
    step: int
    base_nats: float
    nats: float
    base_bits: float
    bits: float


class Measured(BaseModel):
    """What one method with one seed came to; without losses it failed, and `problem` says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    seed: int
    losses: tuple[SourceLoss, ...] = ()
    step_seconds: float = 0.0
    """The median step."""
    preparation_seconds: float = 0.0
    """Before the first step: loading, measuring importance, the first probe."""
    memory_bytes: int = 0
    """The most that a device, or a process on a CPU, held."""
    problem: str = ""
    """The code of what ended it."""
    params: dict[str, Any] = {}
    """What its sentence names."""

    def changes(self) -> list[SourceChange]:
        """Return its losses as the arithmetic of forgetting takes them."""
        return [SourceChange(**loss.model_dump()) for loss in self.losses]


_MANY = TypeAdapter(tuple[Measured, ...])


def _room(project: Project, work: LaboratoryWork) -> Room:
    assert TRAIN.room is not None
    return max((TRAIN.room(project, one.run) for one in work.runs), key=lambda room: room.needed_bytes)


def _run(worker: Worker, work: LaboratoryWork, project: Path, parts: Path) -> None:
    """Train and measure whatever is not measured yet."""
    done = list(_read(parts / _MEASURED))
    known = {(one.method, one.seed) for one in done}
    total = work.seeds * sum(one.run.steps for one in work.runs)
    past = sum(
        one.run.steps for one in work.runs for seed in range(work.seeds) if (one.method, seed) in known
    )
    for method, seed, spec in _wanted(work):
        if (method, seed) in known:
            continue
        worker.check_stop()

        def tell(step: int, past: int = past, method: str = method) -> None:
            worker.progress(past + step, total, "steps", method)

        folder = _arm(worker.folder, method, spec)
        _train(worker, folder, tell)
        done.append(_measured(folder, method, seed))
        write_atomically(parts / _MEASURED, _MANY.dump_json(tuple(done)))
        discard(folder)
        past += spec.steps


LABORATORY = Kind("laboratory", LaboratoryWork, run=_run, room=_room, keeps_parts=True)
ARM = Kind("arm", RunSpec, program="domainstudio.trainer")


def start_laboratory(
    project: Project,
    methods: Sequence[str],
    *,
    seeds: int,
    tokens: int = 0,
    origin: str = "base",
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
) -> JobFolder:
    """Start comparing methods at equal tokens; arguments and errors as in `plan_laboratory`."""
    work = plan_laboratory(
        project, methods, seeds=seeds, tokens=tokens, origin=origin, mixture_name=mixture_name,
        recipe_name=recipe_name,
    )  # fmt: skip
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
    runs = freeze_methods(project, methods, tokens, origin, mixture_name, recipe_name)
    budget = planning.recipe_of(project, recipe_name).accepted_forgetting
    try:
        return LaboratoryWork(runs=runs, seeds=seeds, budget=budget)
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
    return tuple(
        LaboratoryRun(
            method=method.name,
            run=freeze_plan(
                project,
                origin,
                _mixture(project, mixture, method, short),
                change(short, method.settings),
                _arm_name(method),
                mixture_name,
            ),
        )
        for method in methods_of(methods, short)
    )


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


def measured(folder: JobFolder) -> tuple[Measured, ...]:
    """Return what a laboratory has measured so far, in the order it was.

    Raises:
        UserError: its file is damaged.
    """
    whole = folder.result / _MEASURED
    return _read(whole if whole.is_file() else folder.path / PARTS / _MEASURED)


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
    for one in work.runs:
        if one.method == CONTROL:
            continue
        pairs = [
            (by_place[one.method, seed], by_place[CONTROL, seed])
            for seed in range(work.seeds)
            if (one.method, seed) in by_place and (CONTROL, seed) in by_place
        ]
        outcomes = [outcome(own.changes(), trained, control.changes()) for own, control in pairs]
        gains = tuple(one.gain_against_control for one in outcomes)
        losses = tuple(one.forgetting_against_control for one in outcomes)
        if gains and None not in gains and None not in losses:
            made.append(MethodResult(one.method, gains, losses))  # type: ignore[arg-type]
    return made


def laboratories(project: Project) -> list[JobFolder]:
    """Return the laboratories of a project, oldest first."""
    return list(list_jobs(project.jobs, LABORATORY.name))


def _wanted(work: LaboratoryWork) -> Iterator[tuple[str, int, RunSpec]]:
    """Yield method, seed and run, seed by seed, so that whole seeds can be compared early."""
    for seed in range(work.seeds):
        for one in work.runs:
            recipe = one.run.recipe.model_copy(update={"seed": one.run.recipe.seed + seed})
            yield one.method, seed, one.run.model_copy(update={"recipe": recipe})


def _measured_elsewhere(laboratory: JobFolder, wanted: Sequence[tuple[str, int, RunSpec]]) -> list[Measured]:
    """Return what other laboratories of the project measured of the very same runs."""
    found = dict[str, Measured]()
    for folder in list_jobs(laboratory.path.parent, LABORATORY.name):
        if folder.job_id == laboratory.job_id:
            continue
        other: LaboratoryWork = work_of(folder.spec(), LABORATORY)
        specs = {(method, seed): spec.model_dump_json() for method, seed, spec in _wanted(other)}
        found |= {specs[one.method, one.seed]: one for one in measured(folder) if one.losses}
    return [
        found[text].model_copy(update={"method": method, "seed": seed})
        for method, seed, spec in wanted
        if (text := spec.model_dump_json()) in found
    ]


def _arm(laboratory: JobFolder, method: str, spec: RunSpec) -> JobFolder:
    """Return the folder of a run of this laboratory: the one an earlier attempt began, or a new one."""
    spec = spec.model_copy(update={"laboratory": laboratory.job_id, "method": method})
    jobs = laboratory.path.parent
    begun = (folder for folder in list_jobs(jobs, ARM.name) if work_of(folder.spec(), ARM) == spec)
    found = next(begun, None)
    return found or create_job(jobs, ARM.name, ARM.program, spec, processes=spec.recipe.processes)


def _train(worker: Worker, folder: JobFolder, tell: Callable[[int], None]) -> None:
    """Train to the end, or until this job is asked to stop, which the run is asked then too.

    Raises:
        Stopped: it was asked to.
    """
    if folder.status() not in ("running", "done"):
        process.start(folder)
    for event in follow(folder):
        if event is not None and isinstance(event.body, Step):
            tell(event.body.step)
        if worker.folder.stop_is_asked() and not folder.stop_is_asked():
            folder.ask_to_stop()
    if worker.folder.stop_is_asked() and folder.status() != "done":
        raise Stopped


def _measured(folder: JobFolder, method: str, seed: int) -> Measured:
    """Return what a run that has ended came to.

    Raises:
        UserError: it died without a word, so that doing it again is the remedy.
    """
    status, curves = folder.status(), curves_of(folder)
    if status == "failed":
        bug = Problem("job.bug", None, {"error": "-", "job": folder.job_id})
        said = [mark.problem for mark in curves.marks if mark.problem is not None] or [bug]
        return Measured(method=method, seed=seed, problem=said[-1].code, params=dict(said[-1].params))
    if status != "done":
        raise UserError(Problem("laboratory.run_ended", None, {"method": method, "job": folder.job_id}))
    seconds = curves.steps.column("seconds").tolist()
    return Measured(
        method=method,
        seed=seed,
        losses=tuple(SourceLoss(**vars(change)) for change in changes(curves.probes)),
        step_seconds=median(late - early for early, late in pairwise(seconds)) if seconds[1:] else seconds[0],
        preparation_seconds=seconds[0],
        memory_bytes=int(curves.steps.column("memory_bytes").max()),
    )


def _read(file: Path) -> tuple[Measured, ...]:
    try:
        return _MANY.validate_python(orjson.loads(read_small(file, _MOST_BYTES)))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        params = {"where": str(file), "name": "-", "reason": str(error).splitlines()[0]}
        raise UserError(Problem("document.invalid_field", None, params)) from None
