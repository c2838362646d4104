"""Packing: documents into token files, a part at a time, in several processes, resumable by part.

A part's files depend on its documents and the tokenizer only, so neither the number of processes nor a kill
in between shows in the result.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domainstudio.jobs.parallel import Tick, run_tasks
from domainstudio.tokenizer.encode import SAMPLE_DOCUMENTS, Encoder, EncoderChoice, batches
from domainstudio.tokenizer.packed import PackedMeta, PartMeta, PartWriter, whole_part, write_meta
from domainstudio.tokenizer.words import count_sample

PART_TOKENS = 128 << 20
"""A part holds at most so many bytes of text and ends of documents, thus tokens; or one document."""

MOST_PROCESSES = 4
SMALL_BYTES = 64 << 20
"""Text below this is packed in this process: others take about two seconds to start."""

_BATCH_CHARACTERS = 1 << 20


@dataclass(frozen=True, eq=False)
class PartPlan:
    """One part of a token file: which rows of which document shard it is made of."""

    folder: Path
    """Of the token file; it exists."""
    number: int
    shard: Path
    rows: NDArray[np.int64]
    """Ascending."""
    size_bytes: int

    def made_of(self, made_with: str) -> str:
        """Return the hash of everything the part depends on; shards are never rewritten.

        `made_with` says what is done with the rows: the tokenizer's hash.
        """
        digest = hashlib.sha256(f"{made_with} {self.shard.parent.name}/{self.shard.name} ".encode())
        digest.update(self.rows.astype("<i8").data)
        return digest.hexdigest()


def cut(
    rows: NDArray[np.int64], sizes_bytes: NDArray[np.int64], most: int | None = None
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Cut a shard's rows, with the size of each, into runs of at most `most` bytes; yield (rows, bytes).

    By default these are `PART_TOKENS`.
    """
    most = PART_TOKENS if most is None else most
    ends = np.cumsum(sizes_bytes + 1)
    start, taken = 0, 0
    while start < len(rows):
        end = max(start + 1, int(np.searchsorted(ends, taken + most, side="right")))
        yield rows[start:end], int(sizes_bytes[start:end].sum())
        start, taken = end, int(ends[end - 1])


def plan_source(
    folder: Path, shards: Iterable[tuple[Path, NDArray[np.int64]]], most: int | None = None
) -> list[PartPlan]:
    """Return the parts of one token file.

    Args:
        folder: of the token file; it exists.
        shards: each document shard with the rows to take, ascending.
        most: bytes of a part, ends of documents counted, or it is one document; by default `PART_TOKENS`.
    """
    import pyarrow.parquet as pq

    plans: list[PartPlan] = []
    for shard, rows in shards:
        sizes = pq.read_table(shard, columns=["bytes"]).column(0).to_numpy()[rows]
        for run, size_bytes in cut(rows, sizes, most):
            plans.append(PartPlan(folder, len(plans), shard, run, size_bytes))
    return plans


def sample(plans: list[PartPlan]) -> Iterator[str]:
    """Yield at most `SAMPLE_DOCUMENTS` documents, as many of each part as can be, evenly spread over it."""
    from domainstudio.corpus.documents import read_texts

    left = SAMPLE_DOCUMENTS
    for number, plan in enumerate(sorted(plans, key=lambda plan: len(plan.rows))):
        count = min(len(plan.rows), left // (len(plans) - number))
        left -= count
        places = np.linspace(0, len(plan.rows) - 1, count).astype(np.int64)
        yield from read_texts(plan.shard, plan.rows[places].tolist())


def pack(
    files: Mapping[Path, list[PartPlan]],
    tokenizer_folder: Path,
    choice: EncoderChoice,
    report: Callable[[int], None],
    processes: int | None = None,
) -> list[PackedMeta]:
    """Make the token files: first all parts that are not whole yet, then the meta.json of each.

    Args:
        files: the folder of each token file, which exists, and its parts.
        tokenizer_folder: holds tokenizer.json.
        choice: which library encodes.
        report: called with the number of documents done, as by `run_tasks`; may raise to stop. What is whole
            by then stays.
        processes: as in `run_tasks`, but None for what suits the machine and the amount of text.
    """
    encoder = Encoder(tokenizer_folder, choice.library)
    plans = [plan for parts in files.values() for plan in parts]
    found: dict[PartPlan, PartMeta] = {}
    done = 0
    for plan in plans:
        part = whole_part(plan.folder, plan.number, encoder.dtype, plan.made_of(encoder.sha256))
        if part is not None:
            found[plan] = part
            done += part.documents
            report(done)
    left = sorted((plan for plan in plans if plan not in found), key=lambda plan: -plan.size_bytes)
    if processes is None:
        processes = processes_for(sum(plan.size_bytes for plan in left))
    made = run_tasks(partial(_pack_part, encoder), left, lambda more: report(done + more), processes)
    found |= dict(zip(left, made, strict=True))
    kind = (encoder.dtype, encoder.vocabulary, encoder.sha256, encoder.end_of_text)
    return [write_meta(folder, *kind, [found[plan] for plan in parts]) for folder, parts in files.items()]


def processes_for(size_bytes: int) -> int:
    """Return in how many processes so much text is worked on; 0 is this one."""
    return 0 if size_bytes < SMALL_BYTES else min(MOST_PROCESSES, os.cpu_count() or 1)


def _pack_part(encoder: Encoder, plan: PartPlan, tick: Tick) -> PartMeta:
    from domainstudio.corpus.documents import read_texts  # pyarrow: not for every command

    done = 0
    with PartWriter(plan.folder, plan.number, encoder.dtype, encoder.end_of_text) as writer:
        for batch in batches(read_texts(plan.shard, plan.rows.tolist()), _BATCH_CHARACTERS):
            sizes = [len(text) if text.isascii() else len(text.encode()) for text in batch]
            writer.add(encoder.encode(batch), sizes)
            writer.count(sum(map(len, batch)), count_sample(batch, done))
            done += len(batch)
            tick(len(batch))
        return writer.close(plan.made_of(encoder.sha256))
