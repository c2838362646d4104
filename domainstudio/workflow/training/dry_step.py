"""A dry step: the real trainer makes a few steps of a planned run, is measured, and leaves nothing else.

It is a job of kind `dry_step` that has a run of kind `arm` done for it, as a laboratory has; that goes, with
its checkpoint, once it is measured.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.jobs import process
from domainstudio.jobs.events import Checkpoint, JobProblem
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.leftovers import discard
from domainstudio.jobs.link import read_link
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.machines import remote
from domainstudio.workflow.protection.laboratory_job import ARM, begun, follow_to_end, marked
from domainstudio.workflow.running import Kind, Room, start, work_of
from domainstudio.workflow.training.starting import TRAIN, curves_of

STEPS = 3
"""The first is slower than those after it, in which nothing is made ready any more."""
MEASURED = "measured.json"
_NEVER = 10**12


class DryStepWork(BaseModel):
    """The work of a job of kind dry_step: the run that is planned, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    machine: str = ""
    """Names of the person's machines with commas between, empty for this one."""


class DryStep(BaseModel):
    """What the steps of a planned run took."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens_per_second: float = Field(gt=0)
    memory_bytes: int = Field(gt=0)
    """The most that a device, or a process on a CPU, held."""
    checkpoint_bytes: int = Field(gt=0)


def trial_of(spec: RunSpec) -> RunSpec:
    """Return the first steps of a run with its full batch, measuring and guarding nothing."""
    stage = spec.recipe.stage
    short = {"batch_warmup_steps": 0, "importance_sequences": stage.micro_batch * spec.recipe.processes}
    recipe = spec.recipe.model_copy(
        update={
            "stages": (stage.model_copy(update=short),), "steps": 0, "probe_every": _NEVER,
            "checkpoint_every": _NEVER, "keep_checkpoints": 1, "on_budget": "alarm", "on_plateau": "off",
            "on_spike": "tell", "accepted_forgetting": None, "accepted_percent": None, "canaries": "off",
            "canaries_kept": None, "control": "never",
        }
    )  # fmt: skip
    steps = min(STEPS, spec.steps)
    return spec.model_copy(update={"recipe": recipe, "steps": steps, "held_out": (), "canaries": ()})


def start_dry_step(project: Project, spec: RunSpec, machine: str = "") -> JobFolder:
    """Start the first steps of a planned run, here or on machines, `A` or `A,B`.

    Raises:
        UserError: the disk has no room for its checkpoint, or there is no machine of a name.
    """
    if machine:
        remote.shared(machine, spec.recipe.processes)
    return start(project, DRY_STEP, DryStepWork(spec=spec, machine=machine))


def dry_steps(project: Project) -> Iterator[tuple[JobFolder, DryStepWork, DryStep]]:
    """Yield the dry steps that are done, newest first, with what each was of."""
    for folder in reversed(list(list_jobs(project.jobs, DRY_STEP.name))):
        file = folder.result / MEASURED
        if file.is_file():
            work: DryStepWork = work_of(folder.spec(), DRY_STEP)
            yield folder, work, parse_model(DryStep, read_small(file), str(file))


def _room(project: Project, work: DryStepWork) -> Room:
    if work.machine:
        return Room(project.path, 0, 0)
    assert TRAIN.room is not None
    return TRAIN.room(project, work.spec)


def _run(worker: Worker, work: DryStepWork, project: Path, result: Path) -> None:
    """Have the steps done, keep what they took, and remove the rest."""
    own = worker.folder
    _sweep(own)
    spec = marked(own, DRY_STEP.name, trial_of(work.spec))
    folder = begun(own.path.parent, ARM, spec)
    try:
        follow_to_end(
            worker,
            folder,
            lambda step: worker.progress(step, spec.steps, "steps", "training"),
            _beginning(project, work),
        )
        _require_done(folder)
        write_atomically(result / MEASURED, _measured(folder).model_dump_json().encode())
    finally:
        if folder.status() != "running":
            _discard(folder)


DRY_STEP = Kind("dry_step", DryStepWork, run=_run, room=_room)


def _beginning(project: Path, work: DryStepWork) -> Callable[[JobFolder], object]:
    """Return what starts the steps, or starts them again."""
    if not work.machine:
        return process.start
    with Project(project, read_only=True) as opened:
        names, key = remote.names_in(work.machine), remote.key_there(opened)

    def begin(folder: JobFolder) -> None:
        if remote.is_remote(folder):
            remote.resume_there(folder)
        else:
            remote.launch(folder, names, key, "none")

    return begin


def _discard(folder: JobFolder) -> None:
    """Remove the steps and all that they left, here and where they were made."""
    if remote.is_remote(folder):
        with suppress(UserError):  # not reached: a clean-up of that machine finds it
            remote.discard_there(folder)
    discard(folder)


def _require_done(folder: JobFolder) -> None:
    """Return if the steps were made.

    Raises:
        UserError: what they ended with, or that they ended without a word.
    """
    if folder.status() == "done":
        return
    link = read_link(folder.path)
    if link is not None and link.trouble is not None:
        raise UserError(link.trouble)
    said = [event.body.problem for event in read_events(folder) if isinstance(event.body, JobProblem)]
    raise UserError(said[-1] if said else Problem("dry_step.ended", None, {"run": folder.job_id}))


def _measured(folder: JobFolder) -> DryStep:
    steps = curves_of(folder).steps
    saved = [event.body for event in read_events(folder) if isinstance(event.body, Checkpoint)]
    speeds = steps.column("tokens_per_second").tolist()
    return DryStep(
        tokens_per_second=median(speeds[1:] or speeds),
        memory_bytes=int(steps.column("memory_bytes").max()),
        checkpoint_bytes=saved[-1].size_bytes,
    )


def _sweep(own: JobFolder) -> None:
    """Remove what dry steps left that were killed before they could."""
    for folder in list_jobs(own.path.parent, ARM.name):
        spec: RunSpec = work_of(folder.spec(), ARM)
        asked_by = JobFolder(own.path.parent / spec.laboratory)
        is_left = spec.method == DRY_STEP.name and asked_by.job_id != own.job_id
        if is_left and "running" not in (folder.status(), asked_by.status()):
            _discard(folder)
