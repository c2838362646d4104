"""Verification: the exact Jaccard similarity of every candidate, from the sets of their shingles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.candidates import pack, unpack
from domainstudio.corpus.duplicates.columns import whole_file, write_column
from domainstudio.corpus.duplicates.plan import Block
from domainstudio.corpus.duplicates.shingles import shingle_sets
from domainstudio.corpus.duplicates.signing import text_batches
from domainstudio.jobs.parallel import Tick

VERIFIED = np.dtype([("pair", "<u8"), ("similarity", "<f4")])
_HASH_BYTES = 8
_TOLD_PAIRS = 1 << 16
_CACHED_BYTES = 4 << 20
_FEW_PAIRS = 1 << 11
_OFTEN = 8
"""Documents in so many pairs, as pages from one template are, have their members numbered…"""
_MOST_MEMBERS = 1 << 18
"""…unless these are more than so many; what is compared at a time has no more either."""


@dataclass(frozen=True)
class Sets:
    """The sets of the documents of a block that are in a candidate pair, ascending, on disk."""

    folder: Path
    number: int

    @property
    def hashes(self) -> Path:
        """Bare uint64."""
        return self.folder / f"sets-{self.number:05d}.bin"

    @property
    def offsets(self) -> Path:
        """int64 [documents of the block + 1]; written last."""
        return self.folder / f"sets-{self.number:05d}.npy"

    @property
    def is_whole(self) -> bool:
        """Return whether all is written."""
        return self.offsets.exists()

    @property
    def size_bytes(self) -> int:
        """Return the size of the sets; a block without candidates has none."""
        return self.hashes.stat().st_size if self.is_whole else 0


@dataclass(frozen=True, eq=False)
class SetsTask:
    """Which documents of a block take part."""

    block: Block
    places: NDArray[np.int64]
    """Within the block, ascending."""


def write_sets(folder: Path, task: SetsTask, tick: Tick) -> None:
    """Write the sets of the chosen documents of a block; the others have none."""
    sets, sizes = Sets(folder, task.block.number), np.zeros(len(task.block.rows), np.int64)
    first = 0
    with whole_file(sets.hashes) as target:
        for texts in text_batches(task.block.shard, task.block.rows[task.places]):
            hashes, offsets = shingle_sets(texts)
            count = len(texts)
            sizes[task.places[first : first + count]] = np.diff(offsets)
            target.write(hashes.data)
            first += count
            tick(count)
    write_column(sets.offsets, np.concatenate(([0], np.cumsum(sizes))))


def verified_file(folder: Path, number: int) -> Path:
    """Return where the verified pairs of a block lie: `VERIFIED` [pairs], ascending."""
    return folder / f"verified-{number:05d}.npy"


@dataclass(frozen=True, eq=False)
class Verifier:
    """Verifies the candidates of a block at a time; goes to other processes."""

    folder: Path
    """Holds the sets of all blocks."""
    starts: NDArray[np.int64]
    """Position of the first document of each block."""
    floor: float

    def verify(self, candidates: Path, tick: Tick) -> None:
        """Write which of some pairs reach the floor.

        Args:
            candidates: uint64 [pairs], ascending; the first document of all is in one block.
            tick: told of each lot of pairs.
        """
        first, second = unpack(np.load(candidates))
        number = int(np.searchsorted(self.starts, first[0], "right")) - 1
        # In turn by the block of the second document: two files are open at a time.
        order = np.lexsort((second, first, np.searchsorted(self.starts, second, "right")))
        first, second = first[order], second[order]
        similarities = np.zeros(len(first))
        with self._reader(number) as own:
            for other, span in self._by_block(second):
                with self._reader(other) as theirs:
                    for start in range(span.start, span.stop, _TOLD_PAIRS):
                        some = slice(start, min(start + _TOLD_PAIRS, span.stop))
                        found = _similarities(own, theirs, first[some], second[some], self.floor)
                        similarities[some] = found
                        tick(some.stop - some.start)
        verified = np.zeros(len(first), VERIFIED)
        verified["pair"], verified["similarity"] = pack(first, second), similarities
        verified = verified[similarities >= self.floor]
        verified = verified[np.argsort(verified["pair"])]
        write_column(verified_file(self.folder, number), verified)

    def _by_block(self, second: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
        numbers = np.searchsorted(self.starts, second, "right") - 1
        limits = [*np.flatnonzero(np.diff(numbers, prepend=-1)).tolist(), len(numbers)]
        for start, end in pairwise(limits):
            yield int(numbers[start]), slice(start, end)

    def _reader(self, number: int) -> "_SetReader":
        return _SetReader(Sets(self.folder, number), int(self.starts[number]))


class _SetReader:
    """Reads sets of one block; not mapped, for every page that was ever used would count as memory."""

    def __init__(self, sets: Sets, start: int) -> None:
        """Open the files; `start` is the position of the block's first document."""
        offsets = np.load(sets.offsets)
        self._file = sets.hashes.open("rb", buffering=0)
        self._sizes = np.diff(offsets)
        self._offsets = (offsets * _HASH_BYTES).tolist()
        self._start = start
        self._cache = dict[int, NDArray[np.uint64]]()
        self._cached_bytes = 0

    def __enter__(self) -> "_SetReader":
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def sizes(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many members the sets of some documents have."""
        sizes: NDArray[np.int64] = self._sizes[positions - self._start]
        return sizes

    def read(self, position: int) -> NDArray[np.uint64]:
        """Return the set of a document, ascending."""
        members = self._cache.get(position)
        if members is None:
            start, end = self._offsets[position - self._start : position - self._start + 2]
            self._file.seek(start)
            members = np.frombuffer(self._file.read(end - start), np.uint64)
            self._keep(position, members)
        return members

    def _keep(self, position: int, members: NDArray[np.uint64]) -> None:
        self._cached_bytes += members.nbytes
        if self._cached_bytes > _CACHED_BYTES:
            self._cache.clear()
            self._cached_bytes = members.nbytes
        self._cache[position] = members


def _similarities(
    own: _SetReader, theirs: _SetReader, first: NDArray[np.int64], second: NDArray[np.int64], floor: float
) -> NDArray[np.float64]:
    """Return the similarity of each pair, 0 where the sizes alone forbid that it reaches the floor.

    Args:
        own: has the sets of the first documents.
        theirs: has those of the second.
        first: positions, equal ones next to each other and ascending.
        second: positions.
        floor: the least similarity that counts.
    """
    found = np.zeros(len(first))
    sizes = own.sizes(first), theirs.sizes(second)
    hopeful = np.flatnonzero(np.minimum(*sizes) >= floor * np.maximum(*sizes))
    is_often = _recurs(first[hopeful]) & _recurs(second[hopeful])
    often = hopeful[is_often]
    firsts, of_first = np.unique(first[often], return_inverse=True)
    seconds, of_second = np.unique(second[often], return_inverse=True)
    members = int(own.sizes(firsts).sum() + theirs.sizes(seconds).sum())
    if members > _MOST_MEMBERS and len(first) > _FEW_PAIRS:
        parts = np.array_split(first, 2), np.array_split(second, 2)
        return np.concatenate([_similarities(own, theirs, *part, floor) for part in zip(*parts, strict=True)])
    if 0 < members <= _MOST_MEMBERS:
        sets = [own.read(one) for one in firsts.tolist()], [theirs.read(one) for one in seconds.tolist()]
        found[often] = jaccard_among(*sets, of_first, of_second)
        hopeful = hopeful[~is_often]
    pairs = zip(hopeful.tolist(), first[hopeful].tolist(), second[hopeful].tolist(), strict=True)
    for place, one, other in pairs:
        found[place] = jaccard(own.read(one), theirs.read(other))
    return found


def _recurs(positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which positions are there at least `_OFTEN` times."""
    _, numbers, counts = np.unique(positions, return_inverse=True, return_counts=True)
    recurs: NDArray[np.bool_] = counts[numbers] >= _OFTEN
    return recurs


def jaccard(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> float:
    """Return the share that two ascending sets, not both empty, have in common of their union."""
    common = _common(first, second)
    return common / (len(first) + len(second) - common)


def _common(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> int:
    if len(first) + len(second) > _MOST_MEMBERS:
        longer, shorter = (first, second) if len(first) > len(second) else (second, first)
        half = len(longer) // 2
        place = int(np.searchsorted(shorter, longer[half]))
        return _common(longer[:half], shorter[:place]) + _common(longer[half:], shorter[place:])
    both = np.concatenate((first, second))
    both.sort(kind="stable")  # two ascending runs: merged in one pass, four times as fast as searching
    return int(np.count_nonzero(both[1:] == both[:-1]))


def jaccard_among(
    firsts: Sequence[NDArray[np.uint64]],
    seconds: Sequence[NDArray[np.uint64]],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the similarity of many pairs of few sets: their members are numbered once, then only looked up.

    Args:
        firsts: sets, none of them empty, each in some pair.
        seconds: sets, none of them empty.
        first: which of `firsts` is in each pair, ascending.
        second: which of `seconds`.
    """
    sets = [*firsts, *seconds]
    sizes = np.array([len(one) for one in sets])
    distinct, numbers = np.unique(np.concatenate(sets), return_inverse=True)
    numbered = np.split(numbers, np.cumsum(sizes)[:-1])
    is_member = np.zeros(len(distinct), bool)
    common = np.empty(len(first), np.int64)
    limits = np.searchsorted(first, np.arange(len(firsts) + 1)).tolist()
    for place, (start, end) in enumerate(pairwise(limits)):
        others = second[start:end] + len(firsts)
        is_member[numbered[place]] = True
        hits = is_member.take(np.concatenate([numbered[other] for other in others.tolist()]))
        common[start:end] = np.add.reduceat(hits, np.cumsum(sizes[others]) - sizes[others], dtype=np.int64)
        is_member[numbered[place]] = False
    union: NDArray[np.int64] = sizes[first] + sizes[second + len(firsts)] - common
    return common / union
