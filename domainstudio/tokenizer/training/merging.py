"""Merging the most frequent pair again and again, over types of words with their counts.

The text itself is never held: a type is kept once, as a row of symbols, with how often it stands there. An
index by pair says where each pair lies, so a merge touches only its own places.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DEAD = -1
_BORDER = -2
_AT_ONCE = 1 << 21
"""Pairs counted at once in the beginning: sorting them takes 40 bytes each."""


@dataclass(frozen=True)
class Merge:
    """Two neighbours that became one symbol."""

    left: int
    right: int
    made: int
    """A new id, the next one, unless the same string was there before."""
    saved: int
    """So many tokens fewer, in the counted text."""


def merges(
    symbols: NDArray[np.int32],
    lengths: NDArray[np.int64],
    counts: NDArray[np.int64],
    pieces: Sequence[str],
    least_count: int = 2,
    forbidden: Collection[str] = (),
) -> Iterator[Merge]:
    """Yield the merges of byte-pair encoding (Sennrich 2016) in order, for as long as they are asked for.

    Of pairs equally frequent the one with the lower ids goes first, as in `tokenizers`. Merges that make the
    same string by other pairs share its id.

    Args:
        symbols: the symbols of all types, one type after the other; ids into `pieces`.
        lengths: how many symbols each type has, (types,); their sum is the length of `symbols`.
        counts: how often each type stands in the text, (types,).
        pieces: the string of each symbol.
        least_count: a pair less frequent is not merged.
        forbidden: strings that no merge makes.
    """
    state = _Rows(symbols, lengths, counts)
    named = list(pieces)
    known = {piece: number for number, piece in enumerate(named)}
    queue = [(-count, *pair) for pair, count in state.counts.items() if count >= least_count]
    heapq.heapify(queue)
    while queue:
        negative, left, right = heapq.heappop(queue)
        count = state.counts.get((left, right), 0)
        if count < least_count:
            continue
        if count != -negative:
            heapq.heappush(queue, (-count, left, right))
            continue
        string = named[left] + named[right]
        if string in forbidden:
            continue
        made = known.setdefault(string, len(named))
        if made == len(named):
            named.append(string)
        pairs, saved = state.merge(left, right, made)
        for pair in pairs:
            heapq.heappush(queue, (-state.counts[pair], *pair))
        yield Merge(left, right, made, saved)


_Pair = tuple[int, int]
_Places = NDArray[np.signedinteger[Any]]
"""Where pairs begin."""


class _Rows:
    """The symbols of all types as linked rows, the count of every pair, and where each may lie."""

    def __init__(
        self, symbols: NDArray[np.int32], lengths: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> None:
        size = len(symbols)
        self.counts: dict[_Pair, int] = {}
        self._places: dict[_Pair, list[_Places]] = {}
        self._symbols = np.append(symbols, _BORDER).astype(np.int32)
        self._next = np.arange(1, size + 2, dtype=np.int32)
        self._before = np.arange(-1, size, dtype=np.int32)
        ends = np.cumsum(lengths)
        ends = ends[lengths > 0]
        self._next[ends - 1] = size
        self._before[np.append(0, ends[:-1])] = size
        self._next[size] = self._before[size] = size
        self._weights = np.repeat(counts, lengths).astype(np.int64)
        first = np.flatnonzero(self._symbols[self._next[:size]] != _BORDER).astype(np.int32)
        for start in range(0, len(first), _AT_ONCE):
            self._add(first[start : start + _AT_ONCE], 1)

    def merge(self, left: int, right: int, made: int) -> tuple[list[_Pair], int]:
        """Replace a pair wherever it lies; return the pairs that come into being, and how often it lay."""
        first = self._found(left, right)
        second = self._next[first]
        after, before = self._next[second], self._before[first]
        is_bordered = self._symbols[before] == _BORDER
        # The pairs that end: with the neighbour before, unless that is itself merged here, and after.
        self._symbols[second] = _DEAD
        was_merged = self._symbols[before] == _DEAD
        self._symbols[second] = right
        has_after = self._symbols[after] != _BORDER
        lonely = before[~is_bordered & ~was_merged]
        self._add(np.concatenate([lonely, second[has_after]]), -1)
        self._symbols[first], self._symbols[second] = made, _DEAD
        self._next[first] = after
        self._before[after] = first
        self.counts.pop((left, right), None)
        return self._add(np.concatenate([lonely, first[has_after]]), 1), int(self._weights[first].sum())

    def _found(self, left: int, right: int) -> _Places:
        """Return where a pair begins, in order; of a run such as aaa every other place."""
        kept = self._places.pop((left, right))
        first: _Places = kept[0] if len(kept) == 1 and left != right else np.unique(np.concatenate(kept))
        first = first[(self._symbols[first] == left) & (self._symbols[self._next[first]] == right)]
        if left != right or len(first) < 2:
            return first
        follows = np.append(False, self._next[first[:-1]] == first[1:])
        numbers = np.arange(len(first))
        begins = np.maximum.accumulate(np.where(follows, 0, numbers))
        is_taken = (numbers - begins) % 2 == 0
        taken: _Places = first[is_taken]
        return taken

    def _add(self, first: _Places, sign: int) -> list[_Pair]:
        """Count the pairs that begin at some places, or count them off; return them."""
        if not len(first):
            return []
        keys = self._symbols[first].astype(np.int64) << 32 | self._symbols[self._next[first]]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        sums = np.add.reduceat(self._weights[first[order]], starts)
        pairs = [(key >> 32, key & 0xFFFFFFFF) for key in keys[starts].tolist()]
        for pair, total in zip(pairs, sums.tolist(), strict=True):
            count = self.counts.get(pair, 0) + sign * total
            if count:
                self.counts[pair] = count
            else:
                self.counts.pop(pair, None)
                self._places.pop(pair, None)
        if sign > 0:
            places = first[order]
            for pair, start, end in zip(
                pairs, starts.tolist(), [*starts[1:].tolist(), len(places)], strict=True
            ):
                self._places.setdefault(pair, []).append(places[start:end])
        return pairs
