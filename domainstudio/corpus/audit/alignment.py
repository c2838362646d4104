"""Alignment of two sequences: runs of equal items in the same order, in time bounded whatever they are.

First anchors: grams that occur once on either side, as in patience difference, long grams first and shorter
ones between those found; then, in the gaps, the fewest edits by RapidFuzz (MIT), which is exact and counts in
bit vectors (Hyyrö 2003), but needs time by the product of the lengths: for 60,000 Chinese characters as a
whole 0.2 to 0.4 s. cydifflib and difflib need 3 to 17 times as long, fast-diff-match-patch 2 to 4; none of
them is bounded by anything but a clock.
"""

import bisect

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit.mixing import mixed

Runs = NDArray[np.int64]
"""Shape [runs, 3]: place on the left, place on the right, length above 0; ascending, apart on both sides."""

GRAMS = (32, 8, 2)
"""Powers of two, falling: items in a row that make an anchor."""
CELLS = 100_000_000
"""Products of lengths of gaps, smallest first, that are aligned exactly; the gaps beyond count as changed."""
CONFLICTS = 5_000
"""Anchors that cross others, longest first, among which the heaviest in order are sought."""
_MULTIPLIER = 0x9E3779B97F4A7C15


def align(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Runs:
    """Return runs of equal items that both sequences have in one order, as much as the bounds allow.

    Args:
        left: shape [items]: numbers equal for equal items.
        right: the same for the other side.
    """
    head = common(left, right)
    tail = common(left[head:][::-1], right[head:][::-1])
    ends = (len(left) - tail, len(right) - tail)
    runs = _joined([(0, 0, head), (*ends, tail)])
    for gram in GRAMS:
        runs = _with_anchors(left, right, runs, gram)
    return _with_edits(left, right, runs)


def gaps(runs: Runs, left: int, right: int) -> Runs:
    """Return what lies between runs: shape [gaps, 4], begin and end on the left, begin and end on the right.

    Args:
        runs: as from `align`.
        left: length of the left sequence.
        right: length of the right one.
    """
    begins = np.vstack([[(0, 0)], runs[:, :2] + runs[:, 2:]])
    ends = np.vstack([runs[:, :2], [(left, right)]])
    found = np.column_stack([begins[:, 0], ends[:, 0], begins[:, 1], ends[:, 1]])
    return found[(found[:, 1] > found[:, 0]) | (found[:, 3] > found[:, 2])]


def common(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> int:
    """Return how many items at the beginning are the same."""
    shorter = min(len(left), len(right))
    unlike = np.flatnonzero(left[:shorter] != right[:shorter])
    return int(unlike[0]) if len(unlike) else shorter


def _joined(runs: list[tuple[int, int, int]] | Runs) -> Runs:
    """Return the runs without empty ones, in order, those that follow on each other as one."""
    found = np.asarray(runs, np.int64).reshape(-1, 3)
    found = found[found[:, 2] > 0]
    found = found[np.argsort(found[:, 0])]
    ends = found[:-1, :2] + found[:-1, 2:]
    is_first = np.append(True, (ends != found[1:, :2]).any(axis=1))[: len(found)]
    firsts = np.flatnonzero(is_first)
    lengths = np.add.reduceat(found[:, 2], firsts) if len(found) else found[:, 2]
    return np.column_stack([found[firsts, :2], lengths])


def _with_anchors(left: NDArray[np.uint64], right: NDArray[np.uint64], runs: Runs, gram: int) -> Runs:
    """Return the runs with those between them of grams that occur once on either side of their gap."""
    between = gaps(runs, len(left), len(right))
    between = between[(between[:, [1, 3]] - between[:, [0, 2]] >= gram).all(axis=1)]
    lefts, left_gaps = _inside(between[:, 0], between[:, 1] - gram + 1)
    rights, right_gaps = _inside(between[:, 2], between[:, 3] - gram + 1)
    found = np.concatenate([_grams(left, gram)[lefts] + left_gaps, _grams(right, gram)[rights] + right_gaps])
    order = np.argsort(found)
    twice = np.flatnonzero(_is_lone_pair(found[order]))
    pairs = np.sort(np.column_stack([order[twice], order[twice + 1]]), axis=1)
    pairs = pairs[(pairs[:, 0] < len(lefts)) & (pairs[:, 1] >= len(lefts))]
    pairs = pairs[np.argsort(pairs[:, 0])]
    places = np.column_stack([lefts[pairs[:, 0]], rights[pairs[:, 1] - len(lefts)]])
    return _joined(np.vstack([runs, _in_order(_diagonals(places, gram))]))


def _inside(
    begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return all places within ranges, and a random number of the range of each."""
    lengths = ends - begins
    number = np.repeat(np.arange(len(begins)), lengths)
    places = np.arange(len(number)) + (begins - np.cumsum(lengths) + lengths)[number]
    return places, mixed(number.astype(np.uint64))


def _grams(items: NDArray[np.uint64], gram: int) -> NDArray[np.uint64]:
    """Return a hash of the items that begin at each place, shape [items - gram + 1]."""
    hashes, step, factor = mixed(items), 1, _MULTIPLIER
    while step < gram:
        hashes = hashes[:-step] * np.uint64(factor) + hashes[step:]
        step, factor = step * 2, factor * factor % 2**64
    return mixed(hashes)


def _is_lone_pair(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return of which places the value is that of the next place and of no other, shape [values]."""
    same = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])
    lone: NDArray[np.bool_] = same[1:] & ~same[:-1]
    lone[:-1] &= ~same[2:]
    return lone


def _diagonals(places: NDArray[np.int64], gram: int) -> Runs:
    """Return the runs that neighbouring grams make, by their places on the left."""
    follows = (np.diff(places, axis=0) == 1).all(axis=1)
    firsts = np.flatnonzero(np.append(True, ~follows)[: len(places)])
    counts = np.diff(np.append(firsts, len(places)))
    return np.column_stack([places[firsts], counts + gram - 1])


def _in_order(runs: Runs) -> Runs:
    """Return the runs without those that cross others, the heaviest choice, and none beyond the next one.

    Args:
        runs: ascending on the left; on the right they begin in any order.
    """
    rights = runs[:, 1]
    before = np.maximum.accumulate(np.append(-1, rights))[:-1]
    after = np.minimum.accumulate(np.append(rights, np.iinfo(np.int64).max)[::-1])[::-1][1:]
    is_taken = (rights > before) & (rights < after)
    crossing = np.flatnonzero(~is_taken)
    crossing = np.sort(crossing[np.argsort(-runs[crossing, 2], kind="stable")[:CONFLICTS]])
    is_taken[crossing[_heaviest(rights[crossing].tolist(), runs[crossing, 2].tolist())]] = True
    taken = runs[is_taken]
    room = np.diff(taken[:, :2], axis=0).min(axis=1)
    taken[:-1, 2] = np.minimum(taken[:-1, 2], room)
    return taken


def _heaviest(values: list[int], weights: list[int]) -> list[int]:
    """Return the places of the ascending subsequence of greatest weight."""
    # Of the subsequences so far that no other beats in both: last value, weight, last place; all ascending.
    lasts, totals, places = list[int](), list[int](), list[int]()
    previous = [-1] * len(values)
    for place, (value, weight) in enumerate(zip(values, weights, strict=True)):
        at = bisect.bisect_left(lasts, value)
        total = weight
        if at:
            previous[place] = places[at - 1]
            total += totals[at - 1]
        end = bisect.bisect_right(totals, total, lo=at)
        lasts[at:end], totals[at:end], places[at:end] = [value], [total], [place]
    chosen, place = list[int](), places[-1] if places else -1
    while place >= 0:
        chosen.append(place)
        place = previous[place]
    return chosen[::-1]


def _with_edits(left: NDArray[np.uint64], right: NDArray[np.uint64], runs: Runs) -> Runs:
    """Return the runs with those that the fewest edits leave in the gaps, the small ones first."""
    from rapidfuzz.distance import Levenshtein  # not at start-up

    between = gaps(runs, len(left), len(right))
    cells = (between[:, 1] - between[:, 0]) * (between[:, 3] - between[:, 2])
    order = np.argsort(cells, kind="stable")
    order = order[(cells[order] > 0) & (np.cumsum(cells[order]) <= CELLS)]
    found = []
    for begin, end, other_begin, other_end in between[order].tolist():
        edits = Levenshtein.editops(left[begin:end].tolist(), right[other_begin:other_end].tolist())
        found += [
            (begin + block.a, other_begin + block.b, block.size) for block in edits.as_matching_blocks()
        ]
    return _joined(np.vstack([runs, np.array(found, np.int64).reshape(-1, 3)]))
