"""The job of a laboratory: each method with each seed, trained as a run of its own and measured.

A run is a job of kind `arm` that goes once it is measured. What is measured is whole after each: a laboratory
that was stopped or killed goes on with the next, and one with more methods takes over what an earlier one
measured of the same runs.
"""

import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from domainstudio.evaluation.forgetting import changes
from domainstudio.jobs import process
from domainstudio.jobs.events import JobProblem, Step
from domainstudio.jobs.folder import PARTS, JobFolder, create_job, list_jobs
from domainstudio.jobs.follow import follow, read_events
from domainstudio.jobs.leftovers import discard
from domainstudio.jobs.spec import JobSpec
from domainstudio.jobs.worker import Stopped, Worker
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.blend import Blend, BlendPoint, BlendWork
from domainstudio.recipe.laboratory import (
    MEASURED,
    LaboratoryWork,
    Measured,
    SourceLoss,
    interpolation,
    read_measured,
    write_measured,
)
from domainstudio.recipe.methods import INTERPOLATION, NAIVE
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.export.blending import BLEND, points_of
from domainstudio.workflow.running import Kind, Room, work_of
from domainstudio.workflow.training.starting import TRAIN, curves_of, find_checkpoint


def _room(project: Project, work: LaboratoryWork) -> Room:
    assert TRAIN.room is not None
    return max((TRAIN.room(project, one.run) for one in work.runs), key=lambda room: room.needed_bytes)


def _run(worker: Worker, work: LaboratoryWork, project: Path, parts: Path) -> None:
    """Train and measure whatever is not measured yet."""
    done = list(read_measured(parts / MEASURED)) or _measured_elsewhere(worker.folder, work)
    known, own = _complete(work, done), worker.folder
    wanted = [(method, seed, marked(own, method, spec)) for method, seed, spec in work.wanted()]
    _sweep(own, [spec for method, seed, spec in wanted if (method, seed) not in known])
    done = [one for one in done if (one.method, one.seed) in known or one.method.startswith(INTERPOLATION)]
    total = sum(spec.steps for _method, _seed, spec in wanted)
    past = sum(spec.steps for method, seed, spec in wanted if (method, seed) in known)
    for method, seed, spec in wanted:
        if (method, seed) in known:
            continue
        worker.check_stop()

        def tell(step: int, past: int = past, method: str = method) -> None:
            worker.progress(past + step, total, "steps", method)

        folder = begun(own.path.parent, ARM, spec)
        follow_to_end(worker, folder, tell)
        found = _measured(folder, method, seed)
        blends = _interpolated(worker, work, folder, found) if method == NAIVE else []
        done = [one for one in done if (one.method, one.seed) not in {(each.method, seed) for each in blends}]
        done += [found, *blends]
        write_measured(parts / MEASURED, done)
        discard(folder)
        past += spec.steps


LABORATORY = Kind("laboratory", LaboratoryWork, run=_run, room=_room, keeps_parts=True)
ARM = Kind("arm", RunSpec, program="domainstudio.trainer")


def is_of_laboratory(spec: JobSpec) -> bool:
    """Return whether a job is one of those that a laboratory has done for it."""
    return spec.kind == ARM.name or str(spec.work.get("run")).startswith(f"{ARM.name}-")


def unfinished_from(folder: JobFolder, run: str) -> bool:
    """Return whether a laboratory that may go on starts its runs from a run."""
    if folder.status() == "done":
        return False
    work: LaboratoryWork = work_of(folder.spec(), LABORATORY)
    return work.runs[0].run.model.run == run


def measured(folder: JobFolder) -> tuple[Measured, ...]:
    """Return what a laboratory has measured so far, in the order it was.

    Raises:
        UserError: its file is damaged.
    """
    whole = folder.result / MEASURED
    return read_measured(whole if whole.is_file() else folder.path / PARTS / MEASURED)


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


def begun(jobs: Path, kind: Kind, work: RunSpec | BlendWork) -> JobFolder:
    """Return the job that does this very work: the one an earlier attempt began, or a new one."""
    alike = (folder for folder in list_jobs(jobs, kind.name) if work_of(folder.spec(), kind) == work)
    processes = work.recipe.processes if isinstance(work, RunSpec) else 1
    return next(alike, None) or create_job(jobs, kind.name, kind.program, work, processes=processes)


def marked(laboratory: JobFolder, method: str, spec: RunSpec) -> RunSpec:
    """Return a run that says whose it is."""
    return spec.model_copy(update={"laboratory": laboratory.job_id, "method": method})


def _sweep(laboratory: JobFolder, wanted: Sequence[RunSpec]) -> None:
    """Remove runs of this laboratory that are measured: an attempt was killed before it could."""
    for folder in list_jobs(laboratory.path.parent, ARM.name):
        spec: RunSpec = work_of(folder.spec(), ARM)
        if spec.laboratory == laboratory.job_id and spec not in wanted:
            discard(folder)


def follow_to_end(
    worker: Worker,
    folder: JobFolder,
    tell: Callable[[int], None],
    begin: Callable[[JobFolder], object] = process.start,
) -> None:
    """Have a job of this laboratory done, or stopped when the laboratory is asked to stop.

    Args:
        worker: of the laboratory.
        folder: of the job.
        tell: told each step.
        begin: starts it.

    Raises:
        Stopped: it was asked to.
    """
    if folder.status() not in ("running", "done"):
        begin(folder)
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
    job = begun(folder.path.parent, BLEND, asked)
    follow_to_end(worker, job, lambda _step: None)
    names = [interpolation(share) for share in work.interpolated]
    failed = failure(job, naive.seed, names)
    found = failed or [_of_blend(naive, point) for point in points_of(job)]
    discard(job)
    return found


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
    failed = failure(folder, seed, [method])
    if failed:
        return failed[0]
    curves = curves_of(folder)
    seconds = curves.steps.column("seconds").tolist()
    return Measured(
        method=method,
        seed=seed,
        losses=tuple(SourceLoss(**vars(change)) for change in changes(curves.probes)),
        step_seconds=median(late - early for early, late in pairwise(seconds)) if seconds[1:] else 0.0,
        preparation_seconds=seconds[0],
        memory_bytes=int(curves.steps.column("memory_bytes").max()),
    )


def failure(folder: JobFolder, seed: int, methods: Sequence[str]) -> list[Measured]:
    """Return why a job brought nothing, for each method it was to measure; nothing of one that is done.

    Raises:
        UserError: it died without a word, so that doing it again is the remedy.
    """
    status = folder.status()
    if status == "done":
        return []
    if status != "failed":
        raise UserError(Problem("laboratory.run_ended", None, {"method": methods[0], "job": folder.job_id}))
    bug = Problem("job.bug", None, {"error": "-", "job": folder.job_id})
    said = [event.body.problem for event in read_events(folder) if isinstance(event.body, JobProblem)] or [
        bug
    ]
    why = {"problem": said[-1].code, "params": dict(said[-1].params)}
    return [Measured(method=method, seed=seed, **why) for method in methods]
