"""A bounded sample of a source's text, evenly spread over its documents, the same every time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domainstudio.project import corpus as index
from domainstudio.project.project import Project
from domainstudio.tokenizer.comparison.table import SampledSource

MOST_CHARACTERS = 100_000
"""Of one document at most, its beginning."""


@dataclass
class SourceText:
    """The sample of one source; it may be read several times."""

    project: Project
    source: index.SourceCounts
    held_out: bool
    every: int
    chosen: list[tuple[str, str, NDArray[np.int64]]] = field(default_factory=list)
    """Job, shard and rows."""

    def texts(self) -> Iterator[str]:
        """Yield the texts of the sample in order of import."""
        from domainstudio.corpus.documents import read_texts

        for job_id, shard, rows in self.chosen:
            for text in read_texts(self.project.shard(job_id, shard), rows.tolist()):
                yield text[:MOST_CHARACTERS]

    def described(self) -> SampledSource:
        """Return what was taken; the texts are read once for it."""
        digest = hashlib.sha256()
        documents = characters = 0
        for text in self.texts():
            documents, characters = documents + 1, characters + len(text)
            digest.update(text.encode() + b"\0")
        whole = self.source.held_out_characters if self.held_out else self.source.training_characters
        return SampledSource(
            name=self.source.name,
            role=self.source.role,
            documents=documents,
            characters=characters,
            whole_characters=whole,
            every=self.every,
            sha256=digest.hexdigest(),
        )


def sample_of(
    project: Project, source: index.SourceCounts, most_bytes: int, *, held_out: bool = False
) -> SourceText:
    """Choose documents of a source, one in so many that their beginnings are at most about `most_bytes`.

    Args:
        project: where they lie.
        source: its unmarked documents are taken.
        most_bytes: UTF-8; one document is always taken where there is one.
        held_out: of the held-out documents, not of those to train on.
    """
    parts: list[tuple[str, str, NDArray[np.int64]]] = []
    total = 0
    for job_id, shard in index.shards(project.connection, source.id):
        rows = np.fromiter(index.rows_to_use(project.connection, job_id, shard, held_out=held_out), np.int64)
        parts.append((job_id, shard, rows))
        total += _bytes_of(project, job_id, shard, rows)
    every = max(1, -(-total // most_bytes))
    sample = SourceText(project, source, held_out, every)
    passed = 0
    for job_id, shard, rows in parts:
        taken = rows[-passed % every :: every]
        passed += len(rows)
        if len(taken):
            sample.chosen.append((job_id, shard, taken))
    return sample


def samples(project: Project, most_bytes: int, *, held_out: bool = False) -> list[SourceText]:
    """Return a sample of every source that has such documents."""
    found = [
        sample_of(project, source, most_bytes, held_out=held_out)
        for source in index.counts(project.connection)
    ]
    return [sample for sample in found if sample.chosen]


def _bytes_of(project: Project, job_id: str, shard: str, rows: NDArray[np.int64]) -> int:
    """Return the bytes of the documents' beginnings."""
    import pyarrow.parquet as pq

    table = pq.read_table(project.shard(job_id, shard), columns=["bytes", "characters"])
    sizes, characters = (table.column(name).to_numpy()[rows] for name in ("bytes", "characters"))
    cut = np.minimum(1.0, MOST_CHARACTERS / np.maximum(1, characters))
    return int((sizes * cut).sum())
