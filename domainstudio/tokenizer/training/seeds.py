"""Seeds of a Unigram vocabulary: the substrings of counted types that occur most, weighted with the counts.

Suffixes are sorted as far as a piece may reach; neighbours then share the substrings that repeat.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domainstudio.tokenizer.training.alphabet import bytes_of, spell

_PACKED = 7
"""Bytes that are sorted at once: 257 ** 7 fits into 63 bits."""


def seeds_of(counts: Mapping[str, int], most: int, longest: int) -> list[tuple[str, int]]:
    """Return the substrings of two bytes and more that save most, with how often they occur, best first.

    What is taken are those of which no longer one occurs as often to the right, as sentencepiece does, but
    each counted as often as its types stand in the text. None has a part of a character beside another
    character.

    Args:
        counts: types in letters of the byte-level alphabet.
        most: how many to return; the best by frequency times length.
        longest: bytes of a substring: 7, 14, 28 or 56.
    """
    if not counts:
        return []
    rows = _rows(counts)
    found = [_kept(rows, part) for part in _substrings(rows, longest)]
    starts, lengths, weights = (np.concatenate(columns) for columns in zip(*found, strict=True))
    best = np.lexsort((starts, -lengths.astype(np.int64) * weights))[:most]
    data = rows.data.tobytes()
    places = zip(starts[best].tolist(), lengths[best].tolist(), weights[best].tolist(), strict=True)
    return [(spell(data[start : start + length]), weight) for start, length, weight in places]


@dataclass(frozen=True)
class _Rows:
    """The bytes of all types, one type after the other; each byte begins a suffix of its type."""

    data: NDArray[np.uint8]
    left: NDArray[np.uint8]
    """Bytes from here to the end of the type, or 255 if they are more."""
    types: NDArray[np.int32]
    """Which type each byte is of."""
    counts: NDArray[np.int64]
    """How often each type stands in the text."""


def _rows(counts: Mapping[str, int]) -> _Rows:
    types = [bytes_of(name) for name in counts]
    lengths = np.fromiter(map(len, types), np.int64, len(types))
    data = np.frombuffer(b"".join(types), np.uint8)
    numbers = np.repeat(np.arange(len(types), dtype=np.int32), lengths)
    left = np.cumsum(lengths)[numbers]
    left -= np.arange(len(data))
    values = np.fromiter(counts.values(), np.int64, len(types))
    return _Rows(data, np.minimum(left, 255).astype(np.uint8), numbers, values)


def _sorted(rows: _Rows, longest: int) -> tuple[NDArray[np.int32], int]:
    """Return the suffixes in order of their beginnings, and how many bytes of them that order regards."""
    size = len(rows.data)
    keys = np.zeros(size, np.int64)
    padded = np.append(rows.data.astype(np.int16) + 1, np.zeros(_PACKED, np.int16))
    for step in range(_PACKED):
        keys *= 257
        np.add(keys, padded[step : step + size], out=keys, where=rows.left > step)
    reach = _PACKED
    while reach < longest:
        order = np.argsort(keys)
        ordered = keys[order]
        ranks = np.empty(size, np.int32)
        ranks[order] = np.cumsum(np.append(True, ordered[1:] != ordered[:-1]), dtype=np.int32)
        del order, ordered
        keys[:] = ranks
        keys *= size + 1
        further = keys[: max(0, size - reach)]
        np.add(further, ranks[reach:], out=further, where=rows.left[: len(further)] > reach)
        reach *= 2
    return np.argsort(keys, kind="stable").astype(np.int32), reach


def _shared(rows: _Rows, order: NDArray[np.int32], reach: int) -> NDArray[np.uint8]:
    """Return how many bytes each suffix shares with the one before it in order; 0 for the first."""
    shared = np.zeros(len(order), np.uint8)
    active = np.arange(1, len(order), dtype=np.int32)
    for step in range(reach):
        here, before = order[active], order[active - 1]
        goes_on = (rows.left[here] > step) & (rows.left[before] > step)
        active, here, before = active[goes_on], here[goes_on], before[goes_on]
        active = active[rows.data[here + step] == rows.data[before + step]]
        shared[active] = step + 1
    return shared


_Found = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64]]
"""Where substrings begin, their lengths in bytes, how often they occur."""


def _substrings(rows: _Rows, longest: int) -> Iterator[_Found]:
    order, reach = _sorted(rows, longest)
    shared = _shared(rows, order, reach)
    yield _endings(rows, order, shared, reach)
    summed = np.append(0, np.cumsum(rows.counts[rows.types[order]]))
    active = np.flatnonzero(shared >= 2).astype(np.int32)
    for length in range(2, reach + 1):
        active = active[shared[active] >= length]
        if not len(active):
            return
        starts = np.flatnonzero(np.append(True, np.diff(active) != 1))
        is_longest = np.minimum.reduceat(shared[active], starts) == length
        last = np.append(starts[1:], len(active)) - 1
        first = active[starts[is_longest]] - 1
        weights = summed[active[last[is_longest]] + 1] - summed[first]
        yield order[first], np.full(len(first), length, np.uint8), weights


def _endings(rows: _Rows, order: NDArray[np.int32], shared: NDArray[np.uint8], reach: int) -> _Found:
    """Return the suffixes, as far as they are regarded, that go beyond what any neighbour shares."""
    lengths = np.minimum(rows.left[order], reach).astype(np.uint8)
    alone = (lengths > shared) & (lengths > np.append(shared[1:], 0)) & (lengths > 1)
    starts = order[alone]
    return starts, lengths[alone], rows.counts[rows.types[starts]]


def _kept(rows: _Rows, found: _Found) -> _Found:
    """Return the substrings that occur twice at least and have no part of a character beside another one."""
    starts, lengths, weights = found
    kept = (weights >= 2) & _is_whole(rows, starts, lengths)
    return starts[kept], lengths[kept], weights[kept]


def _is_whole(rows: _Rows, starts: NDArray[np.int32], lengths: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which substrings are whole characters, or lie within one."""
    after = np.minimum(starts + lengths, len(rows.data) - 1)
    begins_within = _continues(rows.data[starts])
    is_cut = begins_within | (_continues(rows.data[after]) & (rows.left[starts] > lengths))
    is_within = np.ones(len(starts), np.bool_)
    for step in range(1, int(lengths.max(initial=0))):
        is_within &= (lengths <= step) | _continues(rows.data[np.minimum(starts + step, len(rows.data) - 1)])
    whole: NDArray[np.bool_] = ~is_cut | is_within
    return whole


def _continues(data: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which bytes do not begin a character in UTF-8."""
    within: NDArray[np.bool_] = (data & 0xC0) == 0x80
    return within
