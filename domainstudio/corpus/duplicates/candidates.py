"""Candidates: pairs that share a band key, linked a band at a time, weeded by their signatures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.columns import read_column, whole_file, write_column
from domainstudio.corpus.duplicates.plan import spans
from domainstudio.corpus.duplicates.signatures import estimate
from domainstudio.corpus.duplicates.signing import Signed

DISTANCE = 24
"""Documents with an equal key are linked to at least so many that follow, and to the first of all…"""
RUN_PAIRS = 1 << 18
"""…and to more as far as a run of equal keys makes no more pairs than these: up to 512 all with all."""
MARGIN = 0.16
"""A pair whose estimate is this far below the floor is none: more than four standard deviations."""
_CHUNK = 1 << 16
_LOT_PAIRS = 1 << 19
_MOST_PAIRS = 1 << 19
_COMPARED = 1 << 14
_SECOND = np.uint64(0xFFFFFFFF)


def pack(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return pairs of positions as numbers that order by the first, then the second."""
    return first.astype(np.uint64) << np.uint64(32) | second.astype(np.uint64)


def unpack(pairs: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the second position of each pair."""
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & _SECOND).astype(np.int64)


def link(keys: NDArray[np.uint64], positions: NDArray[np.int64]) -> Iterator[NDArray[np.uint64]]:
    """Yield pairs of documents with an equal key in lots, each ascending; no pair comes twice.

    Boilerplate makes long runs of equal keys: were only neighbours linked in them, one in eight of the alike
    pairs of question-and-answer pages from one template would be missed.

    Args:
        keys: of one band.
        positions: of the documents that have them, ascending.
    """
    order = np.argsort(keys, kind="stable")
    keys, positions = keys[order], positions[order]
    found, count = list[NDArray[np.uint64]](), 0
    for start in range(0, len(keys), _CHUNK):
        for pairs in _linked(keys, positions, np.arange(start, min(start + _CHUNK, len(keys)))):
            found.append(pairs)
            count += len(pairs)
            if count >= _LOT_PAIRS:
                yield np.sort(np.concatenate(found))
                found, count = [], 0
    if count:
        yield np.sort(np.concatenate(found))


def _linked(
    keys: NDArray[np.uint64], positions: NDArray[np.int64], places: NDArray[np.int64]
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs that some places in the sorted keys make with later ones, and with a first."""
    late = places[_is_equal(keys, places, -DISTANCE - 1)]
    first, reach = _run(keys, late)
    is_beyond = late - first > reach
    yield pack(positions[first[is_beyond]], positions[late[is_beyond]])
    for distance in range(1, DISTANCE + 1):
        places = places[_is_equal(keys, places, distance)]
        yield pack(positions[places], positions[places + distance])
    _, reach = _run(keys, places)
    while len(places):
        distance += 1
        is_linked = (reach >= distance) & _is_equal(keys, places, distance)
        places, reach = places[is_linked], reach[is_linked]
        yield pack(positions[places], positions[places + distance])


def _is_equal(keys: NDArray[np.uint64], places: NDArray[np.int64], distance: int) -> NDArray[np.bool_]:
    """Return for which places the key so far on is the same."""
    others = places + distance
    is_inside = (others >= 0) & (others < len(keys))
    is_equal: NDArray[np.bool_] = is_inside & (keys[places] == keys[np.where(is_inside, others, places)])
    return is_equal


def _run(keys: NDArray[np.uint64], places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each place where the run of its key begins, and how far it is linked."""
    first = np.searchsorted(keys, keys[places])
    length = np.searchsorted(keys, keys[places], "right") - first
    return first, np.maximum(DISTANCE, RUN_PAIRS // length)


class Links:
    """The pairs of one band on disk: ascending lots, one after the other."""

    def __init__(self, folder: Path, band: int) -> None:
        """Name the files; the lengths of the lots are written last."""
        self._pairs = folder / f"links-{band:04d}.bin"
        self._lots = folder / f"lots-{band:04d}.npy"

    @property
    def is_whole(self) -> bool:
        """Return whether all is written."""
        return self._lots.exists()

    def write(self, lots: Iterator[NDArray[np.uint64]]) -> None:
        """Write all lots."""
        lengths = list[int]()
        with whole_file(self._pairs) as target:
            for lot in filter(len, lots):  # nothing can be mapped of an empty one
                target.write(lot.data)
                lengths.append(len(lot))
        write_column(self._lots, np.array(lengths, np.int64))

    def between(self, start: int, end: int) -> Iterator[NDArray[np.uint64]]:
        """Yield the pairs whose first document is at a position from `start` to below `end`, by lots."""
        limits = np.array([start, end], np.uint64) << np.uint64(32)
        offset = 0
        for length in np.load(self._lots).tolist():
            lot = np.memmap(self._pairs, np.uint64, "r", offset, (length,))
            first, last = np.searchsorted(lot, limits)
            yield lot[first:last]
            offset += lot.nbytes


def linked(
    links: Sequence[Links], start: int, end: int, is_held_out: NDArray[np.bool_]
) -> Iterator[NDArray[np.uint64]]:
    """Yield the pairs of all bands whose first document is at some positions, each once, ascending.

    They come in several lots if they are many. Without those of which both stand for held-out documents only.

    Args:
        links: of each band.
        start: the first position.
        end: the position after the last.
        is_held_out: of all documents.
    """
    lots = [lot for band in links for lot in band.between(start, end)]
    if sum(map(len, lots)) > _MOST_PAIRS and end - start > 1:
        middle = (start + end) // 2
        yield from linked(links, start, middle, is_held_out)
        yield from linked(links, middle, end, is_held_out)
        return
    pairs = np.sort(np.concatenate([np.empty(0, np.uint64), *lots]))
    first, second = unpack(pairs)
    is_wanted = ~(is_held_out[first] & is_held_out[second])
    is_wanted[1:] &= pairs[1:] != pairs[:-1]
    yield pairs[is_wanted]


def read_keys(signed: Sequence[Signed], band: int) -> NDArray[np.uint64]:
    """Return the keys of one band of all documents: uint64 [documents], 0 for those without shingles."""
    return np.concatenate([read_column(block.keys)[band] for block in signed])


def weed(
    number: int, starts: NDArray[np.int64], pairs: NDArray[np.uint64], signed: Sequence[Signed], floor: float
) -> NDArray[np.uint64]:
    """Return the pairs whose estimated similarity is high enough for the exact one to reach the floor.

    Args:
        number: of the block in which the first document of every pair is.
        starts: position of the first document of each block.
        pairs: ascending.
        signed: of all blocks in order.
        floor: the least exact Jaccard similarity.
    """
    first, second = unpack(pairs)
    order = np.argsort(second, kind="stable")
    first, second = first[order], second[order]
    own = read_column(signed[number].low_bits)
    is_near = np.zeros(len(first), bool)
    for other, span in spans(starts, second):
        theirs = read_column(signed[other].low_bits)
        for start in range(span.start, span.stop, _COMPARED):
            some = slice(start, min(start + _COMPARED, span.stop))
            similarity = estimate(own[first[some] - starts[number]], theirs[second[some] - starts[other]])
            is_near[some] = similarity >= floor - MARGIN
    return np.sort(pack(first[is_near], second[is_near]))
