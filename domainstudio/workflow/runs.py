"""What a person asks of a run: pause, stop, keep, a checkpoint now; and deleting it with what it made."""

import shutil
from collections.abc import Iterator
from uuid import uuid4

from domainstudio.jobs import checkpoints
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.paths import locked, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.workflow.training import TRAIN, run_spec

_ACTIVE = ("running", "unknown")
_DELETED = ".deleted-"


def pause(project: Project, run: str) -> None:
    """Ask a run, or another job, to end at its next step with a checkpoint from which it may go on.

    Raises:
        UserError: there is no such job, or it is not running.
    """
    _active(project, run).ask_to_stop("checkpoint")


def stop(project: Project, run: str) -> None:
    """Ask a run, or another job, to end at its next step without a checkpoint of that step.

    Raises:
        UserError: there is no such job, or it is not running.
    """
    _active(project, run).ask_to_stop("now")


def stop_and_keep(project: Project, run: str) -> None:
    """Ask a run to take its next step for its last: probes and a checkpoint, and it counts as done.

    Raises:
        UserError: there is no such run, or it is not running.
    """
    _active_run(project, run).ask_to_stop("keep")


def checkpoint_now(project: Project, run: str) -> None:
    """Ask a run to write a checkpoint at its next step and to go on.

    Raises:
        UserError: there is no such run, or it is not running.
    """
    _active_run(project, run).ask_for_checkpoint()


def size_of(project: Project, run: str) -> int:
    """Return the bytes of everything in a run's folder."""
    return checkpoints.size_of(project.job(run).path)


def delete(project: Project, run: str) -> int:
    """Remove a run with its checkpoints and its curves; return the bytes that became free.

    It vanishes by one rename, so that a kill meanwhile leaves no half of it; the next deletion sweeps up. Its
    number is not given again. Finished runs that started from it keep their own weights; those it served as
    control are compared with the base alone from then on.

    Raises:
        UserError: it is no run, it is running, or something that is not finished still needs it.
    """
    run_spec(project, run)
    folder = project.job(run)
    with locked(folder.path / ".start.lock"):
        if folder.status() in _ACTIVE:
            raise UserError(Problem("run.still_running", "run", {"run": run}))
        for other in _in_need_of(project, run):
            raise UserError(Problem("run.still_needed", "run", {"run": run, "other": other}))
        size_bytes = size_of(project, run)
        folder.path.rename(project.jobs / f"{_DELETED}{run}-{uuid4().hex}")
    sync_folder(project.jobs)
    for left in project.jobs.glob(f"{_DELETED}*"):
        shutil.rmtree(left)
    return size_bytes


def _active(project: Project, job: str) -> JobFolder:
    folder = project.job(job)
    if folder.status() not in _ACTIVE:
        raise UserError(Problem("job.not_running", "run", {"job": job, "status": folder.status()}))
    return folder


def _active_run(project: Project, run: str) -> JobFolder:
    run_spec(project, run)
    return _active(project, run)


def _in_need_of(project: Project, run: str) -> Iterator[str]:
    """Yield jobs that could not go on without a run: runs from it that may be resumed, jobs reading it."""
    for folder in list_jobs(project.jobs):
        if folder.job_id == run:
            continue
        spec = folder.spec()
        origin = spec.work.get("model")
        if spec.kind == TRAIN.name:
            may_go_on = folder.status() != "done"
            if may_go_on and isinstance(origin, dict) and origin.get("run") == run:
                yield folder.job_id
        elif folder.status() in ("created", *_ACTIVE):
            reads_weights = isinstance(origin, str) and f"/{run}/" in origin
            if reads_weights or spec.work.get("run") == run:
                yield folder.job_id
