"""What jobs that sized a vocabulary found, and where their largest one lies."""

from pathlib import Path

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import JOB_ID, parse_model
from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.tokenizer.training.sizing import SizeCurve

KIND = "size"
CURVE = "sizes.json"
LARGEST = "largest"
"""Folder of the vocabulary that was trained."""


def sizing_of(project: Project, job_id: str) -> SizeCurve:
    """Return what a job found.

    Raises:
        UserError: it is none that sized a vocabulary and is done, or its result is damaged.
    """
    file = _done(project, job_id).result / CURVE
    return parse_model(SizeCurve, read_small(file), str(file))


def largest_of(project: Project, job_id: str) -> Path:
    """Return the folder of the largest vocabulary that a job trained.

    Raises:
        UserError: it is none that sized a vocabulary and is done.
    """
    return _done(project, job_id).result / LARGEST


def newest_sizing(project: Project) -> tuple[str, SizeCurve] | None:
    """Return the last job that sized a vocabulary to the end, and what it found."""
    done = [folder.job_id for folder in list_jobs(project.jobs, KIND) if folder.status() == "done"]
    return (done[-1], sizing_of(project, done[-1])) if done else None


def _done(project: Project, job_id: str) -> JobFolder:
    if not JOB_ID.fullmatch(job_id) or job_id.rsplit("-", 1)[0] != KIND:
        raise UserError(Problem("tokenizer.no_sizing", "sizing", {"job": job_id}))
    folder = project.job(job_id)
    if folder.status() != "done":
        raise UserError(Problem("tokenizer.no_sizing", "sizing", {"job": job_id}))
    return folder
