"""General text where nobody has any: written by the base model itself."""

from pathlib import Path

from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.generation import FILE, GenerateWork
from domainstudio.workflow.corpus.importing import IMPORT, start_import
from domainstudio.workflow.running import Kind, relative_to_job, start, work_of
from domainstudio.workflow.tokenizer.train import current
from domainstudio.workflow.training.starting import find_checkpoint

GENERATE = Kind("generate", GenerateWork, program="domainstudio.model")


def start_generation(project: Project, tokens: int, *, origin: str = "base", seed: int = 0) -> JobFolder:
    """Start writing text with the base model, or with RUN or RUN@STEP of this project.

    Raises:
        UserError: the base has random weights, or there is no such checkpoint or no tokenizer.
    """
    return start(project, GENERATE, _work(project, tokens, origin, seed))


def written_already(
    project: Project, tokens: int, *, origin: str = "base", seed: int = 0
) -> JobFolder | None:
    """Return a finished job that wrote this very text, which no import has read: its command was killed.

    Arguments and errors as in `start_generation`.
    """
    wanted = _work(project, tokens, origin, seed)
    waiting = map(project.job, generated_waiting(project))
    return next((folder for folder in waiting if work_of(folder.spec(), GENERATE) == wanted), None)


def _work(project: Project, tokens: int, origin: str, seed: int) -> GenerateWork:
    tokenizer = project.inside(current(project).folder)
    return GenerateWork(
        model=_model_folder(project, origin),
        tokenizer=relative_to_job(tokenizer, project),
        tokens=tokens,
        seed=seed,
    )


def generated_file(folder: JobFolder) -> Path:
    """Return the documents that a finished job wrote."""
    return folder.result / FILE


def import_generated(project: Project, job_id: str, source: str) -> JobFolder:
    """Start importing what a finished job wrote, as general text labelled as written by a model.

    Raises:
        UserError: the source holds text of another role or origin.
    """
    files = [generated_file(project.job(job_id))]
    return start_import(project, files, source, "general", ReaderSettings(), "written by a model")


def generated_waiting(project: Project) -> list[str]:
    """Return the finished jobs that wrote text which no import has read, nor is reading."""
    ended = ("stopped", "failed", "interrupted")
    imports = [folder for folder in list_jobs(project.jobs, IMPORT.name) if folder.status() not in ended]
    # By the end of the path: the project may have been moved since.
    read = {Path(path).parts[-4:] for folder in imports for path in work_of(folder.spec(), IMPORT).paths}
    return [
        folder.job_id
        for folder in list_jobs(project.jobs, GENERATE.name)
        if folder.status() == "done" and generated_file(folder).parts[-4:] not in read
    ]


def _model_folder(project: Project, origin: str) -> str:
    if origin != "base":
        run, _, step = origin.partition("@")
        return relative_to_job(find_checkpoint(project.job(run), step).model, project)
    if project.base.folder is None:
        raise UserError(Problem("model.random", "from", {"preset": str(project.base.preset)}))
    return project.base.folder
