"""Train a tokenizer on the corpus; which one is current."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
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
from domainstudio.tokenizer.packing import PartPlan, plan_source
from domainstudio.tokenizer.training.splitting import Split, VocabularyKind
from domainstudio.tokenizer.training.tallying import PART_BYTES, UnigramPlan
from domainstudio.tokenizer.training.train import MINIMUM_SIZE, pairs_in, save_bpe
from domainstudio.tokenizer.training.unigram import SENTENCEPIECE_FILE, save_unigram
from domainstudio.workflow.running import Kind, Room, adopt, start
from domainstudio.workflow.tokenizer.sizes_found import largest_of, sizing_of
from domainstudio.workflow.tokenizer.vocabulary_work import (
    Plans,
    counted_text,
    fitted_pieces,
    merged_pairs,
    pattern_of,
    pieces_of_chunks,
)

LARGEST_SIZE = 1_000_000
DEFAULT_TYPES = 1_000_000
LEAST_TYPES, MOST_TYPES = 10_000, 50_000_000
MOST_CHUNKS = 10_000

_ENTRY_BYTES = 80
"""Of tokenizer.json for an entry of the vocabulary and its merge."""


class TrainWork(BaseModel):
    """Train a byte-level vocabulary on every source's training text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=MINIMUM_SIZE, le=LARGEST_SIZE)
    """Entries at most."""
    kind: VocabularyKind = "bpe"
    split: Split = "words"
    chunks: int = Field(default=1, ge=1, le=MOST_CHUNKS)
    """More than one: a vocabulary for each chunk, merged; only one chunk of each process is in memory."""
    most_types: int = Field(default=DEFAULT_TYPES, ge=LEAST_TYPES, le=MOST_TYPES)
    """Types held in memory, of the whole text or of one chunk."""
    sizing: str = ""
    """The job that sized the vocabulary: its largest one is cut or pruned to the size."""


def start_training(
    project: Project,
    size: int,
    *,
    kind: VocabularyKind = "bpe",
    split: Split = "words",
    chunks: int = 1,
    most_types: int = DEFAULT_TYPES,
    sizing: str = "",
) -> JobFolder:
    """Start training a vocabulary.

    Args:
        project: gets it as its tokenizer.
        size: entries at most.
        kind: byte-level BPE or Unigram.
        split: what may be one token: words, or several.
        chunks: of text, each with a vocabulary of its own, which are merged; only of Unigram.
        most_types: to hold in memory.
        sizing: name of a finished job that sized a vocabulary: `kind` and `split` are its own then, and its
            largest vocabulary is cut to the size.

    Raises:
        UserError: there is no text yet, a choice is impossible, or the base model brings its tokenizer.
    """
    if project.base.folder is not None:
        raise UserError(Problem("tokenizer.base_has_one", None, {"folder": project.base.folder}))
    _need_sources(project)
    if not MINIMUM_SIZE <= size <= LARGEST_SIZE:
        raise UserError(Problem("tokenizer.bad_size", "size", {"size": size, "least": MINIMUM_SIZE}))
    require_types(most_types)
    if sizing:
        curve = sizing_of(project, sizing)
        kind, split = curve.kind, curve.split
        if size > curve.points[-1].size:
            params = {"size": size, "largest": curve.points[-1].size, "job": sizing}
            raise UserError(Problem("tokenizer.beyond_sizing", "size", params))
    if not 1 <= chunks <= MOST_CHUNKS or (chunks > 1 and (kind != "unigram" or sizing)):
        raise UserError(Problem("tokenizer.bad_chunks", "chunks", {"chunks": chunks, "most": MOST_CHUNKS}))
    work = TrainWork(size=size, kind=kind, split=split, chunks=chunks, most_types=most_types, sizing=sizing)
    return start(project, TRAIN, work)


def require_types(most_types: int) -> None:
    """Return if so many types may be held in memory.

    Raises:
        UserError: they are too few or too many.
    """
    if not LEAST_TYPES <= most_types <= MOST_TYPES:
        params = {"types": most_types, "least": LEAST_TYPES, "most": MOST_TYPES}
        raise UserError(Problem("tokenizer.bad_types", "most_types", params))


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
    """Return if the project has text.

    Raises:
        UserError: nothing was imported yet.
    """
    if not index.sources(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))


def rows_of(
    project: Project, source: index.Source, *, held_out: bool
) -> Iterator[tuple[Path, NDArray[np.int64]]]:
    """Yield each document shard of a source with its unmarked rows on one side of the held-out border."""
    for job_id, shard in index.shards(project.connection, source.id):
        rows = index.rows_to_use(project.connection, job_id, shard, held_out=held_out)
        yield project.shard(job_id, shard), np.fromiter(rows, np.int64)


def training_parts(project: Project, folder: Path, chunks: int = 1) -> list[list[PartPlan]]:
    """Return the training text of each source in parts to count, fit for so many chunks.

    Args:
        project: whose text it is.
        folder: gets the files of the parts.
        chunks: no part is much larger than one of these.
    """
    whole = sum(count.bytes for count in index.counts(project.connection))
    most = min(PART_BYTES, max(1, whole // chunks))
    return [
        plan_source(folder, rows_of(project, source, held_out=False), most)
        for source in index.sources(project.connection)
    ]


def _run_training(worker: Worker, work: TrainWork, folder: Path, result: Path) -> None:
    target, parts = result / "tokenizer", result / "parts"
    shutil.rmtree(target, ignore_errors=True)
    for place in (target, parts):
        place.mkdir(exist_ok=True)
    with Project(folder, read_only=True) as project:
        plans = training_parts(project, parts, work.chunks)
        larger = largest_of(project, work.sizing) if work.sizing else None
    _make(worker, work, plans, parts, larger, target)
    shutil.rmtree(parts)


def _make(
    worker: Worker, work: TrainWork, plans: Plans, parts: Path, larger: Path | None, target: Path
) -> None:
    pattern = pattern_of(work.kind, work.split)
    if work.kind == "bpe":
        pairs = (
            pairs_in(larger)
            if larger is not None
            else merged_pairs(worker, counted_text(worker, plans, pattern, work.most_types), work.size)
        )
        save_bpe(pairs, work.size, work.split, target)
        return
    if work.chunks > 1:
        pieces = pieces_of_chunks(worker, plans, work.split, work.size, work.most_types, work.chunks)
    else:
        counted = counted_text(worker, plans, pattern, work.most_types)
        plan = UnigramPlan(work.size, work.split, work.most_types)
        pieces = fitted_pieces(worker, counted, plan, parts, target / SENTENCEPIECE_FILE, larger)
    save_unigram(pieces, work.split, target)


def _commit_training(project: Project, _work: TrainWork, folder: JobFolder) -> Callable[[], None]:
    target = project.path / "models" / folder.job_id
    adopt(folder.result / "tokenizer", target)
    size = vocabulary.size_of(vocabulary.load(target))
    row = TokenizerRow(str(target.relative_to(project.path)), vocabulary.hash_of(target), size)
    return lambda: tokens.add_tokenizer(project.connection, row, folder.job_id)


def _room_to_train(project: Project, work: TrainWork) -> Room:
    return Room(project.path, LEAST_ROOM + work.size * _ENTRY_BYTES + counts_bytes(project), 0)


def counts_bytes(project: Project) -> int:
    """Return about what the files of counted parts take while a vocabulary is made: half of the text."""
    return sum(count.bytes for count in index.counts(project.connection)) // 2


TRAIN = Kind(
    "tokenizer", TrainWork, run=_run_training, commit=_commit_training, room=_room_to_train, keeps_parts=True
)
