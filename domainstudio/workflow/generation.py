"""General text where nobody has any: written by the base model itself."""

from pathlib import Path

from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.generation import FILE, GenerateWork
from domainstudio.workflow.running import Kind, relative_to_job, start
from domainstudio.workflow.tokenizer import current
from domainstudio.workflow.training import find_checkpoint

GENERATE = Kind("generate", GenerateWork, program="domainstudio.model")


def start_generation(project: Project, tokens: int, *, origin: str = "base", seed: int = 0) -> JobFolder:
    """Start writing text with the base model, or with RUN or RUN@STEP of this project.

    Raises:
        UserError: the base has random weights, or there is no such checkpoint or no tokenizer.
    """
    tokenizer = project.inside(current(project).folder)
    work = GenerateWork(
        model=_model_folder(project, origin),
        tokenizer=relative_to_job(tokenizer, project),
        tokens=tokens,
        seed=seed,
    )
    return start(project, GENERATE, work)


def generated_file(folder: JobFolder) -> Path:
    """Return the documents that a finished job wrote."""
    return folder.result / FILE


def _model_folder(project: Project, origin: str) -> str:
    if origin != "base":
        run, _, step = origin.partition("@")
        return relative_to_job(find_checkpoint(project.job(run), step).model, project)
    if project.base.folder is None:
        raise UserError(Problem("model.random", "from", {"preset": str(project.base.preset)}))
    return project.base.folder
