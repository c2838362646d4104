"""The laboratory: methods against forgetting, trained in turn on equal tokens and shown on the same axes.

One job trains every method with every seed, each as a run of its own (a job of kind `arm`) that goes once it
is measured. What is measured is whole after each: a laboratory that was stopped goes on with the next, and
one with more methods takes over what an earlier one measured of the same runs.
"""

import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from pydantic import ValidationError

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
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.blend import Blend, BlendPoint, BlendWork
from domainstudio.recipe.laboratory import (
    MEASURED,
    LaboratoryRun,
    LaboratoryWork,
    Measured,
    SourceLoss,
    interpolation,
    read_measured,
    write_measured,
)
from domainstudio.recipe.methods import CONTROL, INTERPOLATION, NAIVE, Method, interpolations, methods_of
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow import planning
from domainstudio.workflow.blending import BLEND, points_of
from domainstudio.workflow.running import Kind, Room, start, work_of
from domainstudio.workflow.training import TRAIN, curves_of, find_checkpoint, freeze_plan

FEWEST_STEPS = 100
"""Steps of each run by default if a twentieth of the mixture gives less: a rule of ours, without a source."""
_SHARE = 0.05


def _room(project: Project, work: LaboratoryWork) -> Room:
    assert TRAIN.room is not None
    return max((TRAIN.room(project, one.run) for one in work.runs), key=lambda room: room.needed_bytes)


def _run(worker: Worker, work: LaboratoryWork, project: Path, parts: Path) -> None:
    """Train and measure whatever is not measured yet."""
    done = list(read_measured(parts / MEASURED)) or _measured_elsewhere(worker.folder, work)
    known, wanted = _complete(work, done), list(work.wanted())
    done = [one for one in done if (one.method, one.seed) in known or one.method.startswith(INTERPOLATION)]
    total = sum(spec.steps for _method, _seed, spec in wanted)
    past = sum(spec.steps for method, seed, spec in wanted if (method, seed) in known)
    for method, seed, spec in wanted:
        if (method, seed) in known:
            continue
        worker.check_stop()

        def tell(step: int, past: int = past, method: str = method) -> None:
            worker.progress(past + step, total, "steps", method)

        folder = _arm(worker.folder, method, spec)
        _train(worker, folder, tell)
        found = _measured(folder, method, seed)
        blends = _interpolated(worker, work, folder, found) if method == NAIVE else []
        done = [one for one in done if (one.method, one.seed) not in {(each.method, seed) for each in blends}]
        done += [found, *blends]
        write_measured(parts / MEASURED, done)
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
    whole = folder.result / MEASURED
    return read_measured(whole if whole.is_file() else folder.path / PARTS / MEASURED)


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


def _measured_elsewhere(laboratory: JobFolder, work: LaboratoryWork) -> list[Measured]:
    """Return what other laboratories of the project measured of the very same runs."""
    found = dict[str, Measured]()
    for folder in list_jobs(laboratory.path.parent, LABORATORY.name):
        if folder.job_id != laboratory.job_id:
            keys = _keys(work_of(folder.spec(), LABORATORY))
            found |= {keys[one.method, one.seed]: one for one in measured(folder) if one.losses}
    return [
        found[key].model_copy(update={"method": method, "seed": seed})
        for (method, seed), key in _keys(work).items()
        if key in found
    ]


def _keys(work: LaboratoryWork) -> dict[tuple[str, int], str]:
    """Return for method and seed what decides the outcome: the run, and what is made of it afterwards."""
    keys = {(method, seed): spec.model_dump_json() for method, seed, spec in work.wanted()}
    for name in map(interpolation, work.interpolated):
        keys |= {(name, seed): f"{name} {keys[NAIVE, seed]}" for seed in range(work.seeds)}
    return keys


def _complete(work: LaboratoryWork, done: Sequence[Measured]) -> set[tuple[str, int]]:
    """Return methods and seeds that need no run any more: the naive one, once its blends are measured too."""
    known = {(one.method, one.seed) for one in done}
    failed = {(one.method, one.seed) for one in done if one.problem}
    blends = [interpolation(share) for share in work.interpolated]
    return {
        (method, seed)
        for method, seed in known
        if method != NAIVE or (method, seed) in failed or all((blend, seed) in known for blend in blends)
    }


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


def _interpolated(worker: Worker, work: LaboratoryWork, folder: JobFolder, naive: Measured) -> list[Measured]:
    """Return what blends of the base and a naive run that has just ended come to."""
    if not (work.interpolated and naive.losses):
        return []
    checkpoint = find_checkpoint(folder)
    blends = [Blend(kind="interpolation", amount=share) for share in work.interpolated]
    model = os.path.relpath(checkpoint.model, folder.path)
    asked = BlendWork(
        run=folder.job_id, step=checkpoint.step, spec=work_of(folder.spec(), ARM), blends=tuple(blends),
        at_steps=(checkpoint.step,), trained=(f"../{folder.job_id}/{model}",),
    )  # fmt: skip
    job = create_job(folder.path.parent, BLEND.name, BLEND.program, asked)
    try:
        _train(worker, job, lambda _step: None)
        return [_of_blend(naive, point) for point in points_of(job)]
    finally:
        discard(job)


def _of_blend(naive: Measured, point: BlendPoint) -> Measured:
    """Return a blend as a method: its base is that of the naive run."""
    base = {loss.source: loss for loss in naive.losses}
    losses = tuple(
        base[loss.source].model_copy(update={"nats": loss.nats_per_token, "bits": loss.bits_per_byte})
        for loss in point.losses
    )
    return naive.model_copy(update={"method": interpolation(point.blend.amount), "losses": losses})


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
