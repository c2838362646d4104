"""What training and sizing share: count the text, make the vocabulary, tell how far it is."""

from collections.abc import Sequence
from pathlib import Path

from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem
from domainstudio.tokenizer.packing import PartPlan
from domainstudio.tokenizer.training.chunks import merged_by_source
from domainstudio.tokenizer.training.counting import TypeCounts, write_counts
from domainstudio.tokenizer.training.splitting import Split, expression
from domainstudio.tokenizer.training.tallying import UnigramPlan, count_parts, train_chunks, train_on_counts
from domainstudio.tokenizer.training.train import Pairs, merges_of
from domainstudio.tokenizer.training.unigram import Pieces

Plans = Sequence[Sequence[PartPlan]]
"""The parts of each source."""

_COUNTS = "types.tsv"


def counted_text(worker: Worker, plans: Plans, pattern: str, most_types: int) -> TypeCounts:
    """Return the types of all sources; the person hears of it if they were too many."""
    parts = [part for source in plans for part in source]
    documents = sum(len(part.rows) for part in parts)

    def report(done: int) -> None:
        worker.check_stop()
        worker.progress(done, documents, "documents", "counting")

    counted = count_parts(parts, pattern, most_types, report)
    if counted.is_thinned:
        params = {"seen": counted.seen, "kept": len(counted.counts)}
        worker.warn(Problem("tokenizer.types_thinned", "most_types", params))
    return counted


def merged_pairs(worker: Worker, counted: TypeCounts, size: int) -> Pairs:
    """Return the merges of a vocabulary of at most `size` entries."""

    def report(entries: int) -> None:
        worker.check_stop()
        worker.progress(entries, size, "entries", "merging")

    worker.progress(0, 0, "", "merging")
    return merges_of(counted.counts, size, report)


def fitted_pieces(
    worker: Worker,
    counted: TypeCounts,
    plan: UnigramPlan,
    folder: Path,
    model_file: Path,
    larger: Path | None,
) -> Pieces:
    """Return a Unigram vocabulary fitted to counted types.

    Args:
        worker: hears how far it is, and may be asked to stop.
        counted: what to fit it to.
        plan: what to make.
        folder: for the counts while it works.
        model_file: gets the sentencepiece model.
        larger: folder of a larger vocabulary, to prune it.
    """

    def report(_done: int) -> None:
        worker.check_stop()
        worker.progress(0, 0, "", "fitting")

    worker.progress(0, 0, "", "fitting")
    write_counts(folder / _COUNTS, counted)
    return train_on_counts(folder / _COUNTS, plan, model_file, report, larger)


def pieces_of_chunks(
    worker: Worker, plans: Plans, split: Split, size: int, most_types: int, chunks: int
) -> Pieces:
    """Return a Unigram vocabulary merged from one for each chunk, as large chunks as can be evenly had."""
    cut = [_chunks(source, chunks, plans) for source in plans if source]
    documents = sum(len(part.rows) for source in plans for part in source)

    def report(done: int) -> None:
        worker.check_stop()
        worker.progress(done, documents, "documents", "fitting chunks")

    plan = UnigramPlan(chunk_size(size), split, most_types)
    return merged_by_source(train_chunks(cut, plan, report), size)


def chunk_size(size: int) -> int:
    """Return the entries of a chunk's vocabulary: half of all, as BloombergGPT's; at least 4,096."""
    return max(size // 2, min(size, 4096))


def pattern_of(kind: str, split: Split) -> str:
    """Return the expression that parts the text of a kind of vocabulary; Unigram has digits stand alone."""
    return expression(split, parts_digits=kind == "unigram")


def _chunks(source: Sequence[PartPlan], chunks: int, plans: Plans) -> list[list[PartPlan]]:
    """Return a source's share of the chunks: its parts in order, in runs of about the same size."""
    whole = sum(part.size_bytes for parts in plans for part in parts)
    own = sum(part.size_bytes for part in source)
    count = max(1, min(len(source), round(chunks * own / max(1, whole))))
    runs: list[list[PartPlan]] = [[] for _ in range(count)]
    taken = 0
    for part in source:
        runs[min(count - 1, taken * count // max(1, own))].append(part)
        taken += part.size_bytes
    return [run for run in runs if run]
