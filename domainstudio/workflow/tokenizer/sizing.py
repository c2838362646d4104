"""Size a vocabulary: train the largest once, measure all smaller ones on held-out text, and price them."""

import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project.project import Project
from domainstudio.recipe.run import folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.tables import Body, body_of_folder, body_of_preset
from domainstudio.tokenizer.training.counting import TypeCounts, count_types
from domainstudio.tokenizer.training.sizing import (
    SMALL_TEXT_BYTES,
    Measured,
    SizeCost,
    SizeCurve,
    cost_of,
    law_size,
    measure_bpe,
    measure_unigram,
    next_power_of_two,
    sizes_up_to,
)
from domainstudio.tokenizer.training.splitting import Split, VocabularyKind
from domainstudio.tokenizer.training.tallying import UnigramPlan
from domainstudio.tokenizer.training.train import MINIMUM_SIZE, save_bpe
from domainstudio.tokenizer.training.unigram import SENTENCEPIECE_FILE, save_unigram
from domainstudio.workflow.corpus.text_sample import samples
from domainstudio.workflow.running import Kind, Room, start
from domainstudio.workflow.tokenizer.sizes_found import CURVE, KIND, LARGEST
from domainstudio.workflow.tokenizer.train import (
    DEFAULT_TYPES,
    LARGEST_SIZE,
    LEAST_TYPES,
    MOST_TYPES,
    _need_sources,
    counts_bytes,
    require_types,
    training_parts,
)
from domainstudio.workflow.tokenizer.vocabulary_work import (
    counted_text,
    fitted_pieces,
    merged_pairs,
    pattern_of,
)

DEFAULT_LARGEST = 65_536
HELD_OUT_BYTES = 4_000_000
"""Of each source's held-out text at most: what vocabularies are measured on."""

_ENTRY_BYTES = 160
"""Of tokenizer.json and the sentencepiece model for an entry."""


class SizeWork(BaseModel):
    """Train a vocabulary of at most `largest` entries and measure all smaller ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: VocabularyKind = "bpe"
    split: Split = "words"
    largest: int = Field(default=DEFAULT_LARGEST, ge=MINIMUM_SIZE, le=LARGEST_SIZE)
    most_types: int = Field(default=DEFAULT_TYPES, ge=LEAST_TYPES, le=MOST_TYPES)


def start_sizing(
    project: Project,
    *,
    kind: VocabularyKind = "bpe",
    split: Split = "words",
    largest: int = DEFAULT_LARGEST,
    most_types: int = DEFAULT_TYPES,
) -> JobFolder:
    """Start sizing a vocabulary for the project's text.

    Args:
        project: any, also one whose base brings a tokenizer.
        kind: byte-level BPE or Unigram.
        split: what may be one token.
        largest: entries of the one that is trained.
        most_types: to hold in memory.

    Raises:
        UserError: there is no text or none of it is held out, or a choice is impossible.
    """
    _need_sources(project)
    if not MINIMUM_SIZE <= largest <= LARGEST_SIZE:
        raise UserError(Problem("tokenizer.bad_size", "largest", {"size": largest, "least": MINIMUM_SIZE}))
    require_types(most_types)
    if not any(count.held_out_characters for count in index.counts(project.connection)):
        raise UserError(Problem("tokenizer.no_held_out", None, {}))
    return start(project, SIZE, SizeWork(kind=kind, split=split, largest=largest, most_types=most_types))


@dataclass(frozen=True)
class SizeRow:
    """One size: what it makes of held-out text, and what it costs in the project's model."""

    size: int
    bytes_per_token: float
    bits_per_byte: float
    """tokens · log2(size) for each byte of text: BloombergGPT's criterion."""
    cost: SizeCost


@dataclass(frozen=True)
class SizeTable:
    """What sizing found, for the project's model and text as they are now."""

    job: str
    curve: SizeCurve
    rows: list[SizeRow]
    best: int
    """Where the criterion is least."""
    power_of_two: int
    """The next one from there."""
    law: int
    """What the vocabulary scaling law gives a model of this body."""
    body: Body
    text_bytes: int
    """Training text, which the arithmetic is for."""

    @property
    def is_small(self) -> bool:
        """Whether the text was too little for the size to be the language's."""
        return self.curve.training_bytes < SMALL_TEXT_BYTES


def table_of(project: Project, job: str, curve: SizeCurve) -> SizeTable:
    """Return sizes with their costs.

    Raises:
        UserError: the folder of the base model cannot be read.
    """
    body = body_of(project)
    text_bytes = sum(
        count.bytes * count.training_characters // max(1, count.characters)
        for count in index.counts(project.connection)
    )

    def row(point: Measured) -> SizeRow:
        per_token = curve.bytes_per_token(point)
        cost = cost_of(point.size, text_bytes / per_token, body.hidden, body.parameters, is_tied=body.is_tied)
        return SizeRow(point.size, per_token, curve.criterion(point), cost)

    return SizeTable(
        job=job,
        curve=curve,
        rows=[row(point) for point in curve.points],
        best=curve.best.size,
        power_of_two=next_power_of_two(curve.best.size),
        law=law_size(body.parameters, body.hidden),
        body=body,
        text_bytes=text_bytes,
    )


def body_of(project: Project) -> Body:
    """Return the project's base model without its tables.

    Raises:
        UserError: its folder cannot be read.
    """
    if project.base.preset is not None:
        return body_of_preset(SHAPES[project.base.preset])
    return body_of_folder(folder_of(project.base, project.jobs / "job"))


def _run(worker: Worker, work: SizeWork, folder: Path, result: Path) -> None:
    parts, target = result / "parts", result / LARGEST
    shutil.rmtree(target, ignore_errors=True)
    for place in (parts, target):
        place.mkdir(exist_ok=True)
    pattern = pattern_of(work.kind, work.split)
    with Project(folder, read_only=True) as project:
        plans = training_parts(project, parts)
        held_out = count_types(
            chain.from_iterable(sample.texts() for sample in samples(project, HELD_OUT_BYTES, held_out=True)),
            pattern,
        )
    counted = counted_text(worker, plans, pattern, work.most_types)
    if counted.size_bytes < SMALL_TEXT_BYTES:
        params = {"megabytes": round(counted.size_bytes / 1e6)}
        worker.warn(Problem("tokenizer.little_text", None, params))
    curve = SizeCurve(
        kind=work.kind,
        split=work.split,
        training_bytes=counted.size_bytes,
        types=len(counted.counts),
        types_seen=counted.seen,
        held_out_bytes=held_out.size_bytes,
        points=_points(worker, work, counted, held_out, parts, target),
    )
    write_atomically(result / CURVE, curve.model_dump_json(indent=1).encode())
    shutil.rmtree(parts)


def _points(
    worker: Worker, work: SizeWork, counted: TypeCounts, held_out: TypeCounts, parts: Path, target: Path
) -> list[Measured]:
    """Train the largest vocabulary into `target`, and cut the held-out text by it and all smaller ones."""
    total = 0

    def report(done: int) -> None:
        worker.check_stop()
        worker.progress(done, total, "sizes", "measuring")

    if work.kind == "bpe":
        pairs = merged_pairs(worker, counted, work.largest)
        sizes = sizes_up_to(save_bpe(pairs, work.largest, work.split, target))
        total = len(sizes)
        return measure_bpe(pairs, sizes, held_out.counts, report)
    plan = UnigramPlan(work.largest, work.split, work.most_types)
    pieces = fitted_pieces(worker, counted, plan, parts, target / SENTENCEPIECE_FILE, None)
    sizes = sizes_up_to(save_unigram(pieces, work.split, target))
    total = len(sizes)
    return measure_unigram(pieces, sizes, held_out.counts, report)


def _room(project: Project, work: SizeWork) -> Room:
    return Room(project.path, LEAST_ROOM + work.largest * _ENTRY_BYTES + counts_bytes(project), 0)


SIZE = Kind(KIND, SizeWork, run=_run, room=_room, keeps_parts=True)
