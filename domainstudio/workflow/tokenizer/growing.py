"""Grow the base with its extended vocabulary, and make the grown model the project's base."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.project import tokens
from domainstudio.project.database import transaction
from domainstudio.project.project import Project, set_base
from domainstudio.project.tokens import TokenizerRow
from domainstudio.recipe.base_model import count_parameters
from domainstudio.recipe.growth import FILE, MODEL, Growth, GrowWork
from domainstudio.recipe.run import ModelOrigin, folder_of
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.report import TOKENIZER
from domainstudio.workflow.corpus.text_sample import samples
from domainstudio.workflow.running import Kind, Room, adopt, relative_to_job, start, work_of
from domainstudio.workflow.tokenizer.extending import newest_extension
from domainstudio.workflow.tokenizer.train import current

_PROBED_TEXTS, _PROBED_CHARACTERS = 8, 400
_BYTES_A_PARAMETER = 4


def start_growing(project: Project) -> JobFolder:
    """Start growing the base with the last extension of its vocabulary.

    Raises:
        UserError: nothing was extended yet, or no new piece was worth adding.
    """
    found = newest_extension(project)
    if found is None or not found[1].pieces:
        raise UserError(Problem("tokenizer.not_extended", None, {"project": str(project.path)}))
    work = GrowWork(
        model=str(project.base.folder),
        tokenizer=relative_to_job(found[0].result / TOKENIZER, project),
        base_tokenizer=relative_to_job(project.inside(current(project).folder), project),
        probe=tuple(_probe_texts(project)),
    )
    return start(project, GROW, work)


def has_grown(project: Project) -> bool:
    """Return whether the project's base is one that was grown here."""
    return _growth_job(project) is not None


def go_back(project: Project) -> TokenizerRow:
    """Make the base and the vocabulary before the last growth the project's again; return the vocabulary.

    What was packed and trained with them is as it was. The grown model stays in `models/`.

    Raises:
        UserError: the base was not grown, or what it was grown from is gone.
    """
    folder = _growth_job(project)
    if folder is None:
        raise UserError(Problem("tokenizer.not_grown", None, {"project": str(project.path)}))
    work: GrowWork = work_of(folder.spec(), GROW)
    place = folder.reach(work.base_tokenizer)
    size = vocabulary.size_of(vocabulary.load(place))
    row = TokenizerRow(str(place.relative_to(project.path)), vocabulary.hash_of(place), size)
    with transaction(project.connection):
        set_base(project.connection, ModelOrigin(folder=work.model))
        tokens.add_tokenizer(project.connection, row, None)
    return row


def _growth_job(project: Project) -> JobFolder | None:
    """Return the job that made the project's base."""
    name = Path(str(project.base.folder)).name
    is_ours = project.base.folder == relative_to_job(project.path / "models" / name, project)
    return project.job(name) if is_ours and name.startswith(f"{GROW.name}-") else None


def growth_of(folder: JobFolder) -> Growth:
    """Return what a finished job made.

    Raises:
        UserError: its result is damaged.
        FileNotFoundError: it is gone.
    """
    file = folder.result / FILE
    return parse_model(Growth, read_small(file), str(file))


def _probe_texts(project: Project) -> list[str]:
    """Return beginnings of held-out documents of every source."""
    found = samples(project, 1_000_000, held_out=True)
    each = max(1, _PROBED_TEXTS // max(1, len(found)))
    texts = [text[:_PROBED_CHARACTERS] for sample in found for text in islice(sample.texts(), each)]
    return texts or ["."]


def _commit(project: Project, _work: GrowWork, folder: JobFolder) -> Callable[[], None]:
    """Make the grown model the project's base; token files of the old vocabulary are none of the new one."""
    target = project.path / "models" / folder.job_id
    adopt(folder.result / MODEL, target)
    size = vocabulary.size_of(vocabulary.load(target))
    row = TokenizerRow(str(target.relative_to(project.path)), vocabulary.hash_of(target), size)
    base = ModelOrigin(folder=relative_to_job(target, project))

    def make_visible() -> None:
        set_base(project.connection, base)
        tokens.add_tokenizer(project.connection, row, folder.job_id)

    return make_visible


def _room(project: Project, _work: GrowWork) -> Room:
    base = folder_of(project.base, project.jobs / "job")
    size_bytes = _BYTES_A_PARAMETER * count_parameters(base)
    return Room(project.path, LEAST_ROOM + size_bytes, size_bytes // 2)


GROW = Kind("grow", GrowWork, program="domainstudio.model", commit=_commit, room=_room)
