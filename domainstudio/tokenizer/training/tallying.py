"""Counting document shards, and training on chunks of them: side by side, resumable by part.

A part's file is named by all that it depends on, so what an earlier attempt made is taken as it is; neither a
kill in between nor the number of processes shows in the result.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from domainstudio.jobs.parallel import Tick, run_tasks
from domainstudio.tokenizer.packing import PartPlan, processes_for
from domainstudio.tokenizer.training.chunks import ChunkVocabulary, read_chunk, write_chunk
from domainstudio.tokenizer.training.counting import (
    TypeCounts,
    count_types,
    read_counts,
    thin,
    total,
    write_counts,
)
from domainstudio.tokenizer.training.splitting import Split, expression
from domainstudio.tokenizer.training.unigram import Pieces, expected, pieces_in, train_unigram

PART_BYTES = 16 << 20
"""Text counted at once: its types are in memory once for each process."""

_FIRST_OF_PARTS = 1 << 20
"""Thinning the parts is another stage than thinning their sum."""


def count_parts(
    plans: Sequence[PartPlan],
    pattern: str,
    most_types: int,
    report: Callable[[int], None],
    processes: int | None = None,
) -> TypeCounts:
    """Return the types of all parts; exact while there are no more than `most_types`.

    Args:
        plans: parts of text; each one's folder, which exists, gets a file of its counts.
        pattern: regular expression of `splitting`.
        most_types: to hold; beyond it, rare ones are thinned.
        report: called with the number of documents done, as by `run_tasks`; may raise to stop.
        processes: as in `run_tasks`, but None for what suits the machine and the amount of text.
    """
    recipe = f"{pattern} {most_types}"
    files = [plan.folder / f"counts-{plan.made_of(recipe)}.tsv" for plan in plans]
    left = [(plan, file) for plan, file in zip(plans, files, strict=True) if not file.is_file()]
    done = sum(len(plan.rows) for plan in plans) - sum(len(plan.rows) for plan, _ in left)
    report(done)
    if processes is None:
        processes = processes_for(sum(plan.size_bytes for plan, _ in left))
    work = partial(_count_part, pattern, most_types)
    run_tasks(work, left, lambda more: report(done + more), processes)
    return total(map(read_counts, files), most_types)


def _count_part(pattern: str, most_types: int, task: tuple[PartPlan, Path], tick: Tick) -> None:
    plan, file = task
    counted = count_types(_texts(plan, tick), pattern)
    write_counts(file, thin(counted, most_types, _FIRST_OF_PARTS + plan.number))


def _texts(plan: PartPlan, tick: Tick) -> Iterator[str]:
    from domainstudio.corpus.documents import read_texts  # pyarrow: not for every command

    for text in read_texts(plan.shard, plan.rows.tolist()):
        yield text
        tick()


@dataclass(frozen=True)
class UnigramPlan:
    """How a Unigram vocabulary is trained."""

    size: int
    split: Split
    most_types: int

    @property
    def pattern(self) -> str:
        """The regular expression that parts its text."""
        return expression(self.split, parts_digits=True)


def train_on_counts(
    file: Path, plan: UnigramPlan, model_file: Path, report: Callable[[int], None], larger: Path | None = None
) -> Pieces:
    """Train on the counts in a file, a large one in a process of its own, so that it can be stopped.

    Args:
        file: made by `write_counts`.
        plan: what to train.
        model_file: gets the sentencepiece model.
        report: called now and then; may raise to stop.
        larger: folder of a larger vocabulary of the same split, to prune it instead of new seeds.
    """
    is_small = file.stat().st_size < PART_BYTES
    work = partial(_train_file, plan)
    return run_tasks(work, [(file, model_file, larger)], report, 0 if is_small else 1)[0]


_THREADS = 4
"""Of the EM on all types: the result depends on the number, so it is the same on every machine."""


def _train_file(plan: UnigramPlan, task: tuple[Path, Path, Path | None], tick: Tick) -> Pieces:
    file, model_file, larger = task
    counted = read_counts(file)
    seeds = expected(pieces_in(larger)) if larger is not None else None
    tick(0)
    return train_unigram(
        counted.counts, plan.size, plan.split, seeds, threads=_THREADS, model_file=model_file
    )


def train_chunks(
    sources: Sequence[Sequence[Sequence[PartPlan]]],
    plan: UnigramPlan,
    report: Callable[[int], None],
    processes: int | None = None,
) -> list[list[ChunkVocabulary]]:
    """Return the vocabulary of each chunk of each source; a chunk's parts are counted and trained on at once.

    Args:
        sources: the chunks of each source, each of some parts, whose folder gets the chunk's file.
        plan: of each chunk; its types are bounded for one chunk.
        report: called with the number of documents done; may raise to stop.
        processes: as in `count_parts`.
    """
    chunks = [chunk for source in sources for chunk in source]
    files = {id(chunk): _chunk_file(chunk, plan) for chunk in chunks}
    left = [(list(chunk), files[id(chunk)]) for chunk in chunks if not files[id(chunk)].is_file()]
    rest = sum(len(part.rows) for chunk, _ in left for part in chunk)
    done = sum(len(part.rows) for chunk in chunks for part in chunk) - rest
    report(done)
    if processes is None:
        processes = processes_for(sum(part.size_bytes for chunk, _ in left for part in chunk))
    run_tasks(partial(_train_chunk, plan), left, lambda more: report(done + more), processes)
    return [[read_chunk(files[id(chunk)]) for chunk in source] for source in sources]


def _chunk_file(chunk: Sequence[PartPlan], plan: UnigramPlan) -> Path:
    recipe = f"{plan.pattern} {plan.size} {plan.most_types}"
    digest = hashlib.sha256("".join(part.made_of(recipe) for part in chunk).encode()).hexdigest()
    return chunk[0].folder / f"chunk-{digest}.json"


def _train_chunk(plan: UnigramPlan, task: tuple[list[PartPlan], Path], tick: Tick) -> None:
    parts, file = task
    counted = total((count_types(_texts(part, tick), plan.pattern) for part in parts), plan.most_types)
    pieces = train_unigram(counted.counts, plan.size, plan.split)
    write_chunk(file, ChunkVocabulary(counted.size_bytes, pieces))
