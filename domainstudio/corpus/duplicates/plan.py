"""The plan of a search: its settings, the documents it is about, and the blocks they are worked on in."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.duplicates.signatures import Banding, algorithm

VERSION = 1
"""Of tokens, shingles and files: what another version left is made anew."""
BLOCK_DOCUMENTS = 1 << 14
"""Documents that are worked on together: what is held of them at a time fits into a few dozen megabytes."""


class Settings(BaseModel):
    """How near-duplicates are looked for; by default a pair at 0.8 is found with probability 0.998."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: int = Field(default=20, ge=1, le=1000)
    rows: int = Field(default=6, ge=1, le=100)
    floor: float = Field(default=0.7, gt=0, le=1)
    """Pairs of at least this exact Jaccard similarity are kept; a threshold can be moved down to it."""

    @property
    def banding(self) -> Banding:
        """Return how signatures are cut."""
        return Banding(self.bands, self.rows)


THOROUGH = Settings(bands=25, rows=5)
"""Finds more of the pairs below 0.8 (0.990 of those at 0.7), for more candidates."""


@dataclass(frozen=True, eq=False)
class Part:
    """Documents of one shard that the search is about, with what it must know of each."""

    shard: Path
    rows: NDArray[np.int64]
    """Ascending; the other arrays are of the same length."""
    ids: NDArray[np.int64]
    sources: NDArray[np.int32]
    held_out: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Block:
    """Some consecutive documents of a part; a document's position is its place among those of all blocks."""

    number: int
    start: int
    """Position of the first."""
    shard: Path
    rows: NDArray[np.int64]

    @property
    def end(self) -> int:
        """Return the position after the last."""
        return self.start + len(self.rows)


def cut(parts: Sequence[Part]) -> list[Block]:
    """Return the documents of all parts in blocks of at most `BLOCK_DOCUMENTS`."""
    blocks, start = list[Block](), 0
    for part in parts:
        for first in range(0, len(part.rows), BLOCK_DOCUMENTS):
            rows = part.rows[first : first + BLOCK_DOCUMENTS]
            blocks.append(Block(len(blocks), start, part.shard, rows))
            start += len(rows)
    return blocks


def spans(starts: NDArray[np.int64], positions: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """Yield the number of each block that has some of the ascending positions, and which of them.

    Args:
        starts: position of the first document of each block.
        positions: of documents.
    """
    limits = np.append(np.searchsorted(positions, starts), len(positions))
    for number in np.flatnonzero(np.diff(limits)).tolist():
        yield number, slice(int(limits[number]), int(limits[number + 1]))


def searched_by() -> str:
    """Return everything besides settings and documents that a result depends on."""
    return f"{VERSION} {algorithm()} Unicode {unicodedata.unidata_version}"


def fingerprint(parts: Sequence[Part], settings: Settings) -> str:
    """Return the hash of everything that a result depends on; shards are never rewritten."""
    digest = hashlib.sha256(f"{searched_by()} {settings.model_dump_json()}".encode())
    for part in parts:
        digest.update(f" {part.shard.parent.name}/{part.shard.name} {len(part.rows)} ".encode())
        for column, dtype in ((part.rows, "<i8"), (part.ids, "<i8"), (part.sources, "<i4")):
            digest.update(np.ascontiguousarray(column, dtype).data)
        digest.update(np.ascontiguousarray(part.held_out, np.uint8).data)
    return digest.hexdigest()
