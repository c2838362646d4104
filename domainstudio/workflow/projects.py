"""Make a project, and say what is in it."""

from dataclasses import dataclass
from pathlib import Path

from domainstudio.paths import whole_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project import tokens
from domainstudio.project.project import Project, create, making
from domainstudio.project.tokens import TokenizerRow
from domainstudio.recipe.base_model import read_base_model
from domainstudio.recipe.run import ModelOrigin
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer import vocabulary

_BASE_TOKENIZER = "models/base-tokenizer"


@dataclass(frozen=True)
class ProjectInfo:
    """What a project is made of so far."""

    path: str
    base: str
    sources: int
    training_documents: int
    vocabulary: int | None
    runs: int


def new_project(path: Path, *, preset: str | None = None, base: Path | None = None) -> Project:
    """Make a project for a model from scratch (`preset`) or for a local base model (`base`), and open it.

    A base model brings its tokenizer.

    Raises:
        UserError: the folder is taken, the preset unknown, or the base model refused.
    """
    if base is None:
        if preset not in SHAPES:
            params = {"preset": str(preset), "known": " ".join(SHAPES)}
            raise UserError(Problem("project.unknown_preset", "from-scratch", params))
        return create(path, ModelOrigin(preset=preset))
    folder = base.resolve()
    rows, size = read_base_model(folder).vocabulary, vocabulary.size_of(vocabulary.load(folder))
    if rows < size:
        raise UserError(Problem("model.vocabulary", "base", {"model": rows, "tokenizer": size}))
    with making(path, ModelOrigin(folder=str(folder))) as connection:
        target = path / _BASE_TOKENIZER
        with whole_folder(target) as draft:
            vocabulary.copy(folder, draft)
        row = TokenizerRow(_BASE_TOKENIZER, vocabulary.hash_of(target), size)
        tokens.add_tokenizer(connection, row, None)
    return Project(path)


def info(project: Project) -> ProjectInfo:
    """Return what a project holds."""
    from domainstudio.jobs.folder import list_jobs
    from domainstudio.project import corpus

    tokenizer = tokens.current_tokenizer(project.connection)
    counts = corpus.counts(project.connection)
    base = project.base
    return ProjectInfo(
        path=str(project.path),
        base=str(base.preset or base.folder),
        sources=len(counts),
        training_documents=sum(count.training_documents for count in counts),
        vocabulary=tokenizer.vocabulary if tokenizer else None,
        runs=sum(1 for _ in list_jobs(project.jobs, "train")),
    )
