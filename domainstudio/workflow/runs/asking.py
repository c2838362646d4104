"""What a person asks of a run: pause, stop, keep, a checkpoint now; and deleting it with what it made."""

from collections.abc import Iterator

from domainstudio.jobs import checkpoints, process
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.leftovers import discard
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.workflow.machines.remote import is_remote, kill_there
from domainstudio.workflow.protection.laboratory_job import LABORATORY, unfinished_from
from domainstudio.workflow.training.starting import TRAIN, Resumption, run_spec

_ACTIVE = ("running", "unknown")


def resumption_words(run: str, found: Resumption) -> str:
    """Say where a run goes on, before it does."""
    if found.step == 1:
        words = _("{run} has no checkpoint: it begins anew, with the same text in the same order.")
        return words.format(run=run)
    words = _(
        "{run} goes on at step {step} of {steps} ({share:.1%} of its text seen), at rate {rate:.3g} with its "
        "optimizer's memory; nothing is warmed up again."
    )
    return words.format(
        run=run, step=found.step, steps=found.steps, share=found.share_of_data, rate=found.learning_rate
    )


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


def kill(project: Project, job: str) -> JobFolder:
    """End all processes of a job at once, wherever it runs, and return it; once a person agreed.

    Raises:
        UserError: there is no such job, or its machine is not reached.
    """
    folder = project.job(job)
    if is_remote(folder):
        kill_there(folder)
    else:
        process.kill(folder)
    return folder


def size_of(project: Project, run: str) -> int:
    """Return the bytes of everything in a run's folder."""
    return checkpoints.size_of(project.job(run).path)


def delete(project: Project, run: str) -> int:
    """Remove a run with its checkpoints and its curves; return the bytes that became free.

    It vanishes by one rename, so that a kill meanwhile leaves no half of it. Its number is not given again.
    Finished runs that started from it keep their own weights; those it served as control are compared with
    the base alone from then on.

    Raises:
        UserError: it is no run, it is running, or something that is not finished still needs it.
    """
    run_spec(project, run)
    folder = project.job(run)
    with folder.held():
        if folder.status() in _ACTIVE:
            raise UserError(Problem("run.still_running", "run", {"run": run}))
        for other in _in_need_of(project, run):
            raise UserError(Problem("run.still_needed", "run", {"run": run, "other": other}))
        size_bytes = size_of(project, run)
        discard(folder)
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
        try:
            spec = folder.spec()
        except UserError as error:
            if error.problem.code == "job.missing":
                continue  # deleted just now
            raise
        origin = spec.work.get("model")
        if spec.kind == TRAIN.name:
            begun_from = (origin, spec.work.get("branch"))
            is_from = any(isinstance(one, dict) and one.get("run") == run for one in begun_from)
            if is_from and folder.status() != "done":
                yield folder.job_id
        elif spec.kind == LABORATORY.name:
            if unfinished_from(folder, run):
                yield folder.job_id
        elif folder.status() in ("created", *_ACTIVE):
            reads_weights = isinstance(origin, str) and f"/{run}/" in origin
            if reads_weights or spec.work.get("run") == run:
                yield folder.job_id
