"""Train a tokenizer on the corpus, and pack the corpus with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project import tokens
from domainstudio.project.project import Project
from domainstudio.project.tokens import TokenizerRow
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.train import MINIMUM_SIZE, train_byte_level_bpe
from domainstudio.workflow.running import Kind, Room, adopt, start

TRAINING_CHARACTERS = 50_000_000
"""Text a vocabulary is trained on at most: about 1.1 GB of memory (20 bytes a byte, measured)."""

_ENTRY_BYTES = 80
"""Of tokenizer.json for an entry of the vocabulary and its merge."""


class TrainWork(BaseModel):
    """Train a byte-level BPE vocabulary of at most `size` entries on every source's training text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=MINIMUM_SIZE, le=1_000_000)


def start_training(project: Project, size: int) -> JobFolder:
    """Start training a vocabulary.

    Raises:
        UserError: there is no text yet, the size is impossible, or the base model brings its tokenizer.
    """
    if project.base.folder is not None:
        raise UserError(Problem("tokenizer.base_has_one", None, {"folder": project.base.folder}))
    _need_sources(project)
    if not MINIMUM_SIZE <= size <= 1_000_000:
        raise UserError(Problem("tokenizer.bad_size", "size", {"size": size, "least": MINIMUM_SIZE}))
    return start(project, TRAIN, TrainWork(size=size))


def current(project: Project) -> TokenizerRow:
    """Return the project's current tokenizer.

    Raises:
        UserError: it has none yet.
    """
    tokenizer = tokens.current_tokenizer(project.connection)
    if tokenizer is None:
        raise UserError(Problem("tokenizer.none_yet", None, {"project": str(project.path)}))
    return tokenizer


def _need_sources(project: Project) -> None:
    if not index.sources(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))


def _texts(project: Project, source: index.Source, *, held_out: bool) -> Iterator[str]:
    """Yield the unmarked texts of a source on one side of the held-out border, in order of import."""
    from domainstudio.corpus.documents import read_texts

    for job_id, shard in index.shards(project.connection, source.id):
        rows = index.rows_to_use(project.connection, job_id, shard, held_out=held_out)
        yield from read_texts(project.shard(job_id, shard), rows)


def _spread(project: Project, report: Callable[[int], None]) -> Iterator[str]:
    """Yield training texts of all sources, evenly thinned to `TRAINING_CHARACTERS`."""
    total = sum(counts.training_characters for counts in index.counts(project.connection))
    share = min(1.0, TRAINING_CHARACTERS / max(1, total))
    number = 0
    for source in index.sources(project.connection):
        for text in _texts(project, source, held_out=False):
            number += 1
            report(number)
            if int(number * share) > int((number - 1) * share):
                yield text


def _run_training(worker: Worker, work: TrainWork, folder: Path, result: Path) -> None:
    target = result / "tokenizer"
    target.mkdir()
    with Project(folder, read_only=True) as project:
        documents = sum(counts.training_documents for counts in index.counts(project.connection))

        def report(done: int) -> None:
            worker.check_stop()
            worker.progress(done, documents, "documents", "reading")

        texts = list(_spread(project, report))
    worker.progress(0, 0, "", "merging")
    train_byte_level_bpe(iter(texts), work.size, target)


def _commit_training(project: Project, _work: TrainWork, folder: JobFolder) -> Callable[[], None]:
    target = project.path / "models" / folder.job_id
    adopt(folder.result / "tokenizer", target)
    size = vocabulary.size_of(vocabulary.load(target))
    row = TokenizerRow(str(target.relative_to(project.path)), vocabulary.hash_of(target), size)
    return lambda: tokens.add_tokenizer(project.connection, row, folder.job_id)


def _room_to_train(project: Project, work: TrainWork) -> Room:
    return Room(project.path, LEAST_ROOM + work.size * _ENTRY_BYTES, 0)


TRAIN = Kind("tokenizer", TrainWork, run=_run_training, commit=_commit_training, room=_room_to_train)
