"""The one way to start a job of a project, and the one way to commit what it made."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from domainstudio.disk import disk_problem, free_bytes, no_room
from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import size_of
from domainstudio.jobs.folder import PARTS, JobFolder, create_job, list_jobs
from domainstudio.jobs.launch import Launch, write_launch
from domainstudio.jobs.spec import JobSpec, Program
from domainstudio.jobs.worker import Worker
from domainstudio.paths import move_whole, remove_drafts, whole_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project import jobs as index
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.machines.remote import is_remote, machine_of, resume_there


@dataclass(frozen=True)
class Room:
    """What a job writes, and where."""

    place: Path
    needed_bytes: int
    """About."""
    least_bytes: int
    """Less is impossible: with less free the job is not begun."""


@dataclass(frozen=True)
class Kind:
    """A kind of job: the type of its work, what its process does, and how its result enters the index."""

    name: str
    work: type[BaseModel]
    program: Program = "domainstudio.workflow"
    run: Callable[[Worker, Any, Path, Path], None] | None = None
    """(worker, work, project folder, result folder): fill the result folder; None for a trainer."""
    commit: Callable[[Project, Any, JobFolder], Callable[[], None]] | None = None
    """Stage rows and return what makes them visible, called within the committing transaction."""
    room: Callable[[Project, Any], "Room"] | None = None
    """What it will write, where that may be much."""
    keeps_parts: bool = False
    """What an attempt that did not finish left is there for the next: `run` says which of it is whole."""


def start(
    project: Project,
    kind: Kind,
    work: BaseModel,
    processes: int = 1,
    launch: Callable[[JobFolder], object] | None = None,
) -> JobFolder:
    """Create a job and start its process; nothing is left of one that could not be started.

    Args:
        project: gets the job.
        kind: of the job.
        work: what it shall do.
        processes: ranks.
        launch: starts it elsewhere; None starts it here.

    Raises:
        UserError: what it will write cannot fit on the disk, or the disk refuses already now.
    """
    room = kind.room(project, work) if kind.room else None
    if room is not None and free_bytes(room.place) < room.least_bytes:
        raise UserError(no_room(room.place, room.needed_bytes))
    folder = create_job(
        project.jobs,
        kind.name,
        kind.program,
        work,
        processes=processes,
        first_free=index.first_free_number(project.connection, kind.name),
    )
    try:
        index.register(project.connection, folder.job_id, kind.name)
        (launch or process.start)(folder)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return folder


def resume(folder: JobFolder, processes: int | None = None) -> None:
    """Start a job again that stopped, failed or was interrupted: a run goes on, other work begins anew.

    Args:
        folder: of the job.
        processes: on how many a run goes on from now on; None leaves that as it is.

    Raises:
        UserError: it is running or done, or so many processes cannot share out its steps.
    """
    if folder.status() == "done":
        raise UserError(Problem("job.already_done", "run", {"job": folder.job_id}))
    if processes is not None:
        _go_on_with(folder, processes)
    if is_remote(folder):
        resume_there(folder)
    else:
        process.start(folder)


def _go_on_with(folder: JobFolder, processes: int) -> None:
    """Let the coming attempts of a run have so many processes."""
    spec = folder.spec()
    if spec.program != "domainstudio.trainer":
        raise UserError(Problem("run.not_a_run", "run", {"job": folder.job_id}))
    if "," in machine_of(folder.path):
        raise UserError(Problem("run.ranks_apart", "processes", {"run": folder.job_id}))
    if folder.status() in ("running", "unknown"):
        raise UserError(Problem("job.already_running", None, {"job": folder.job_id}))
    spec.work_as(RunSpec, f"{spec.job_id}/spec.json").recipe.require_ranks(processes)
    write_launch(folder.path, Launch(processes=processes))


def work_of(spec: JobSpec, kind: Kind) -> Any:
    """Return the typed work of a job."""
    return spec.work_as(kind.work, f"{spec.job_id}/spec.json")


def perform(worker: Worker, kind: Kind) -> None:
    """Do a job's work in its own process; its result takes its name only when it is whole."""
    folder = worker.folder
    if kind.run is None:
        raise ValueError(f"{kind.name} is not run here")
    work, project = work_of(folder.spec(), kind), folder.path.parents[1]
    parts = folder.path / PARTS
    try:
        if kind.keeps_parts:
            parts.mkdir(exist_ok=True)
            remove_drafts(parts)
            kind.run(worker, work, project, parts)
            move_whole(parts, folder.result)
        else:
            with whole_folder(folder.result) as result:
                kind.run(worker, work, project, result)
    except Exception as error:
        problem = _no_room_for(kind, work, folder, error)
        if problem is None:
            raise
        raise UserError(problem) from error


def _no_room_for(kind: Kind, work: Any, folder: JobFolder, error: Exception) -> Problem | None:
    """Return what a job that filled the disk needs beyond the parts it has; None if it failed otherwise."""
    problem = disk_problem(error, folder.path)
    is_full = problem is not None and problem.code in ("project.disk_full", "project.disk_filled")
    if problem is None or not is_full or kind.room is None:
        return None
    with Project(folder.path.parents[1], read_only=True) as project:
        needed = kind.room(project, work).needed_bytes - size_of(folder.path / PARTS)
    return no_room(Path(problem.params["file"]), needed)


def commit(project: Project, kind: Kind, folder: JobFolder) -> bool:
    """Commit a job that is done; return whether this call did it. Safe to repeat and to race.

    Raises:
        UserError: what it made is damaged or gone.
    """
    if folder.status() != "done" or index.is_committed(project.connection, folder.job_id):
        return False
    index.register(project.connection, folder.job_id, kind.name)
    try:
        make_visible = (
            kind.commit(project, work_of(folder.spec(), kind), folder) if kind.commit else lambda: None
        )
    except FileNotFoundError as error:
        project.check_in_place()  # else it is not the result that is gone
        params = {"job": folder.job_id, "file": str(error.filename)}
        raise UserError(Problem("job.result_missing", None, params)) from error
    return index.commit(project.connection, folder.job_id, make_visible)


def commit_finished(project: Project, kinds: dict[str, Kind]) -> list[str]:
    """Commit every finished job that nobody has committed yet; return their names.

    Raises:
        UserError, OSError: the first job that could not be committed; all others were.
    """
    done, errors = [], list[UserError | OSError]()
    for folder in list_jobs(project.jobs):
        kind = kinds.get(folder.job_id.rsplit("-", 1)[0])
        try:
            if kind is not None and commit(project, kind, folder):
                done.append(folder.job_id)
        except (UserError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return done


def adopt(source: Path, target: Path) -> None:
    """Move a result to its lasting place in the project; a repeat after a kill is a no-op."""
    if source.is_dir() and not target.exists():
        try:
            move_whole(source, target)
        except OSError:
            if not target.is_dir():  # else another committer was faster
                raise


def relative_to_job(path: Path, project: Project) -> str:
    """Return a path as a job folder sees it, so that a project may be moved."""
    return os.path.relpath(path, project.jobs / "job")
