"""Extend the base's vocabulary by pieces of the field: measured on held-out text, checked before use."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.worker import Worker
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.check import check
from domainstudio.tokenizer.extension.extend import Extension, extend, load_extended
from domainstudio.tokenizer.extension.report import (
    FILE,
    TOKENIZER,
    ExtensionReport,
    Gain,
    SourceGain,
    read_report,
    steps_to,
    worth_adding,
    write_extended,
)
from domainstudio.workflow.corpus.text_sample import SourceText, samples
from domainstudio.workflow.running import Kind, start
from domainstudio.workflow.tokenizer.train import _need_sources, current

MOST_PIECES = 100_000
COUNTED_BYTES = 20_000_000
"""Of each source of the field at most, of its text to train on."""
HELD_OUT_BYTES = 1_000_000
"""Of each source at most."""
_EXAMPLES = 60
_BATCH = 64


class ExtendWork(BaseModel):
    """Add pieces of the field to the tokenizer in `folder` (relative to the project)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    sha256: str
    pieces: int = Field(gt=0, le=MOST_PIECES)
    keeps_all: bool = False
    """Keep all pieces, also where more of them stop paying."""
    counted_bytes: int = Field(default=COUNTED_BYTES, gt=0)


def start_extension(project: Project, pieces: int, *, keeps_all: bool = False) -> JobFolder:
    """Start extending the current tokenizer by at most so many pieces.

    Raises:
        UserError: the model has random weights, there is no text of a field, or the number is impossible.
    """
    if project.base.folder is None:
        raise UserError(Problem("tokenizer.nothing_to_extend", None, {"preset": str(project.base.preset)}))
    _need_sources(project)
    if not _field(samples(project, 1)):
        raise UserError(Problem("tokenizer.no_field", None, {"project": str(project.path)}))
    if not 0 < pieces <= MOST_PIECES:
        raise UserError(Problem("tokenizer.bad_pieces", "tokens", {"count": pieces, "most": MOST_PIECES}))
    row = current(project)
    return start(
        project, EXTEND, ExtendWork(folder=row.folder, sha256=row.sha256, pieces=pieces, keeps_all=keeps_all)
    )


def extension_of(folder: JobFolder) -> ExtensionReport:
    """Return what a finished job found.

    Raises:
        UserError: its result is damaged.
        FileNotFoundError: it is gone.
    """
    return read_report(folder.result)


def newest_extension(project: Project) -> tuple[JobFolder, ExtensionReport] | None:
    """Return the last extension of the current tokenizer that is done."""
    sha256 = current(project).sha256
    for folder in reversed(list(list_jobs(project.jobs, EXTEND.name))):
        work = folder.spec().work_as(ExtendWork, f"{folder.job_id}/spec.json")
        if folder.status() == "done" and work.sha256 == sha256:
            return folder, extension_of(folder)
    return None


def _field(found: list[SourceText]) -> list[SourceText]:
    return [sample for sample in found if sample.source.role != "general"]


def _texts(found: Iterable[SourceText], heard: Callable[[], None]) -> Iterator[str]:
    for text in chain.from_iterable(sample.texts() for sample in found):
        heard()
        yield text


def _run(worker: Worker, work: ExtendWork, folder: Path, result: Path) -> None:
    with Project(folder, read_only=True) as project:
        base = project.inside(work.folder)
        if vocabulary.hash_of(base) != work.sha256:
            raise UserError(Problem("tokenizer.changed", None, {"folder": str(base)}))
        field = _field(samples(project, work.counted_bytes))
        held_out = samples(project, HELD_OUT_BYTES, held_out=True)
        worker.progress(0, 0, "", "counting")
        whole = extend(base, lambda: _texts(field, worker.check_stop), work.pieces, worker.check_stop)
        gains = _curve(worker, whole, base, held_out)
        kept = len(whole.pieces) if work.keeps_all else worth_adding(gains)
        extension = whole.cut_at(kept)
        worker.progress(0, 0, "", "checking")
        checked = check(
            extension, base, chain(_texts(held_out, worker.check_stop), _beginnings(field)), worker.check_stop
        )
        report = ExtensionReport(
            kind=whole.kind,
            entries=vocabulary.size_of(vocabulary.load(base)),
            pieces=kept,
            gains=tuple(gains),
            sources=tuple(_by_source(extension, base, held_out)),
            examples=tuple(_readable(load_extended(extension, base), extension)),
            checked=checked,
            counted_characters=sum(sample.described().characters for sample in field),
        )
        target = result / TOKENIZER
        target.mkdir()
        write_extended(extension, base, target)
    write_atomically(result / FILE, report.model_dump_json(indent=1).encode())


def _beginnings(field: list[SourceText]) -> Iterator[str]:
    """Yield the beginnings of documents to train on: every page of them was counted, a part is checked."""
    for sample in field:
        for text, _number in zip(sample.texts(), range(1000), strict=False):
            yield text[:20_000]


def _curve(worker: Worker, whole: Extension, base: Path, held_out: list[SourceText]) -> list[Gain]:
    """Return the tokens of the held-out text at some numbers of pieces, by the real tokenizers."""
    steps = steps_to(len(whole.pieces))
    gains = []
    for number, pieces in enumerate(steps):
        worker.check_stop()
        worker.progress(number, len(steps), "sizes", "measuring")
        tokenizer = load_extended(whole.cut_at(pieces), base)
        counts = {True: 0, False: 0}
        for sample in held_out:
            counts[sample.source.role == "general"] += _count(tokenizer, sample)
        gains.append(Gain(pieces=pieces, domain=counts[False], general=counts[True]))
    return gains


def _by_source(extension: Extension, base: Path, held_out: list[SourceText]) -> Iterator[SourceGain]:
    old, new = (load_extended(one, base) for one in (extension.cut_at(0), extension))
    for sample in held_out:
        before, after = _count(old, sample), _count(new, sample)
        yield SourceGain(name=sample.source.name, role=sample.source.role, before=before, after=after)


def _count(tokenizer: Tokenizer, sample: SourceText) -> int:
    texts = list(sample.texts())
    batches = (texts[first : first + _BATCH] for first in range(0, len(texts), _BATCH))
    encoded = (tokenizer.encode_batch_fast(batch, add_special_tokens=False) for batch in batches)
    return sum(len(one.ids) for batch in encoded for one in batch)


def _readable(tokenizer: Tokenizer, extension: Extension) -> Iterator[str]:
    """Yield the first new pieces that are whole characters, as text."""
    found = 0
    for place in range(len(extension.pieces)):
        text = tokenizer.decode([extension.first_id + place], skip_special_tokens=False)
        if text.strip() and "\ufffd" not in text and found < _EXAMPLES:
            found += 1
            yield text


EXTEND = Kind("extend", ExtendWork, run=_run)
