"""Signing: the first reading of all documents, a block at a time, and who shares whose tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.columns import write_column
from domainstudio.corpus.duplicates.plan import Block
from domainstudio.corpus.duplicates.shingles import batches, shingle
from domainstudio.corpus.duplicates.signatures import Banding, band_keys, low_bits, sign
from domainstudio.jobs.parallel import Tick

_NONE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Signed:
    """The files of a signed block in a folder."""

    folder: Path
    number: int

    @property
    def keys(self) -> Path:
        """uint64 [bands, documents]; 0 for documents without shingles. Written last."""
        return self.folder / f"keys-{self.number:05d}.npy"

    @property
    def low_bits(self) -> Path:
        """uint8 [documents, slots]."""
        return self.folder / f"low-bits-{self.number:05d}.npy"

    @property
    def digests(self) -> Path:
        """uint64 [documents, 2]: of their tokens; (0, 0) for documents without any."""
        return self.folder / f"digests-{self.number:05d}.npy"

    @property
    def sizes(self) -> Path:
        """int64 [2, documents]: characters and UTF-8 bytes."""
        return self.folder / f"sizes-{self.number:05d}.npy"

    @property
    def is_whole(self) -> bool:
        """Return whether all is written."""
        return self.keys.exists()


def sign_block(folder: Path, banding: Banding, block: Block, tick: Tick) -> None:
    """Write the band keys, signatures, digests and sizes of the documents of a block."""
    signed = Signed(folder, block.number)
    documents = len(block.rows)
    keys = np.zeros((banding.bands, documents), np.uint64)
    lows = np.zeros((documents, banding.slots), np.uint8)
    digests = np.zeros((documents, 2), np.uint64)
    sizes = np.zeros((2, documents), np.int64)
    first = 0
    for texts in text_batches(block.shard, block.rows):
        count = len(texts)
        sizes[0, first : first + count] = [len(text) for text in texts]
        sizes[1, first : first + count] = [
            len(text) if text.isascii() else len(text.encode()) for text in texts
        ]
        digests[first : first + count], signatures = _sign(texts, banding.slots)
        places = np.flatnonzero((signatures != _NONE).any(axis=1))
        keys[:, first + places] = band_keys(signatures[places], banding)
        lows[first + places] = low_bits(signatures[places])
        first += count
        tick(count)
    write_column(signed.sizes, sizes)
    write_column(signed.digests, digests)
    write_column(signed.low_bits, lows)
    write_column(signed.keys, keys)


def _sign(texts: Sequence[str], slots: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return the digest of the tokens and the signature of the shingles of each text, `_NONE` without any."""
    signatures = np.full((len(texts), slots), _NONE, np.uint32)
    for shingled in shingle(texts):
        places = np.flatnonzero(np.diff(shingled.offsets))
        # What has no shingles adds nothing: the sets of the others still lie one after the other.
        offsets = np.append(shingled.offsets[places], shingled.offsets[-1])
        found = sign(shingled.hashes, offsets, slots)
        signatures[places] = np.minimum(signatures[places], found)
    return shingled.digests, signatures


def text_batches(shard: Path, rows: NDArray[np.int64]) -> Iterator[list[str]]:
    """Yield the texts of the given rows of a shard, a batch of documents at a time."""
    from domainstudio.corpus.documents import read_texts  # pyarrow: not for every command

    return batches(read_texts(shard, rows.tolist()))


def representatives(signed: Sequence[Signed], documents: int) -> NDArray[np.int32]:
    """Return for each document the first one that has the same tokens: itself for most.

    A document without any token stands for itself.

    Args:
        signed: of all blocks in order.
        documents: how many there are.
    """
    digests = np.empty((2, documents), np.uint64)
    start = 0
    for block in signed:
        part = np.load(block.digests)
        digests[:, start : start + len(part)] = part.T
        start += len(part)
    order = np.lexsort((digests[1], digests[0]))  # stable: the first of equal ones comes first
    is_same = np.zeros(documents, bool)
    for half in digests:
        half[:] = half[order]
    if documents:
        is_same[1:] = (digests[:, 1:] == digests[:, :-1]).all(axis=0) & digests[:, 1:].any(axis=0)
    firsts = np.flatnonzero(~is_same)
    found = np.empty(documents, np.int32)
    found[order] = order[np.repeat(firsts, np.diff(firsts, append=documents))]
    return found
