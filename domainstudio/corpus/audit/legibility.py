"""An alignment made fit to read: of the ways to tell a change, the one that a person would choose."""

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit.alignment import Runs, common
from domainstudio.corpus.audit.tokens import Tokens

SPECK_TOKENS = 4
"""So many tokens between two changes that are as large each are the same by chance, and shown as changed."""
_PASSES = 2
_SLIDE_TOKENS = 64
_HEAD_TOKENS = 16
"""How far from the begin of a line an insertion may begin to be told as whole lines."""
_OTHER_TOKENS = 4
"""So many of them may then change."""


def legible(runs: Runs, lefts: Tokens, rights: Tokens) -> Runs:
    """Return runs of equal tokens that show the same change more plainly.

    Chance matches within a change are gone, and what is inserted or removed begins where a line or a sentence
    does, if it can.

    Args:
        runs: as from `align`, of the keys of the tokens.
        lefts: tokens of the left text.
        rights: tokens of the right text.
    """
    for _ in range(_PASSES):
        runs = _without_specks(runs, lefts, rights)
    return _whole_lines(_slid(runs, lefts, rights), lefts, rights)


def _without_specks(runs: Runs, lefts: Tokens, rights: Tokens) -> Runs:
    """Return the runs without the short ones between two changes, each as large; a whole line stays.

    A word counts twice: one character in common is chance sooner. Between two insertions, or two removals,
    nothing is: there one text has it all.
    """
    begins = np.vstack([[(0, 0)], runs[:, :2] + runs[:, 2:]])
    ends = np.vstack([runs[:, :2], [(len(lefts.keys), len(rights.keys))]])
    changed = ends - begins
    before = np.append(0, np.cumsum(lefts.weights))
    weight = before[begins[1:, 0]] - before[runs[:, 0]]
    sizes = changed.max(axis=1)
    is_speck = (runs[:, 2] <= SPECK_TOKENS) & (weight <= np.minimum(sizes[:-1], sizes[1:]))
    is_speck &= ((changed[:-1] + changed[1:]) > 0).all(axis=1)
    has_line = weight > 0
    for side, tokens in enumerate((lefts, rights)):
        breaks = np.cumsum(np.concatenate([[0, 1], tokens.ends_line]))
        has_line &= breaks[begins[1:, side] + 1] - breaks[runs[:, side]] >= 2
    kept: Runs = runs[~is_speck | has_line]
    return kept


def _slid(runs: Runs, lefts: Tokens, rights: Tokens) -> Runs:
    """Return the runs with pure insertions and removals moved to where a line or a sentence begins.

    "a. b. [c. b.] d." and "a. [b. c.] b. d." are the same change; a reader takes it for the whole of a unit.
    """
    found = runs.tolist()
    for at, tokens in enumerate((lefts, rights)):
        numbers, begins, ends = _one_sided(runs, at)
        exact = tokens.exact
        can_move = (exact[begins - 1] == exact[ends - 1]) | (exact[begins] == exact[ends])
        for number, begin, end in zip(
            *(each[can_move].tolist() for each in (numbers, begins, ends)), strict=True
        ):
            before, after = found[number], found[number + 1]
            shift = _best_shift(tokens, begin, end, min(before[2], after[2], _SLIDE_TOKENS))
            before[2] += shift
            after[:] = [after[0] + shift, after[1] + shift, after[2] - shift]
    return np.array(found, np.int64).reshape(-1, 3)


def _one_sided(runs: Runs, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return what is on one side only between two runs: number of the run before it, begin, end."""
    begins, ends = runs[:-1, :2] + runs[:-1, 2:], runs[1:, :2]
    numbers = np.flatnonzero((begins[:, 1 - side] == ends[:, 1 - side]) & (begins[:, side] < ends[:, side]))
    return numbers, begins[numbers, side], ends[numbers, side]


def _best_shift(side: Tokens, begin: int, end: int, most: int) -> int:
    """Return how far, below 0 to the left, a changed range moves to begin at a line, or at a sentence."""
    low = high = 0
    while -low < most - 1 and side.exact[begin + low - 1] == side.exact[end + low - 1]:
        low -= 1
    while high < most - 1 and side.exact[begin + high] == side.exact[end + high]:
        high += 1
    shifts = sorted(range(low, high + 1), key=abs)
    return max(shifts, key=lambda shift: side.break_before(begin + shift))


def _whole_lines(runs: Runs, lefts: Tokens, rights: Tokens) -> Runs:
    """Return the runs with inserted or removed lines told as lines although the line after them changes too.

    A new article 2 that makes the old one 3 is not "Article 2[. New. Article 3]. Old." but
    "[Article 2. New.] Article [2 -> 3]. Old."
    """
    found = runs.tolist()
    for at, tokens in enumerate((lefts, rights)):
        numbers, begins, ends = _one_sided(runs, at)
        lines = np.append(0, np.cumsum(tokens.ends_line))
        has_line = lines[ends - 1] > lines[begins]
        for number, begin, end in zip(
            *(each[has_line].tolist() for each in (numbers, begins, ends)), strict=True
        ):
            found += _retold(found[number], at, tokens, begin, end)
    return np.array(sorted(run for run in found if run[2]), np.int64).reshape(-1, 3)


def _retold(before: list[int], at: int, side: Tokens, begin: int, end: int) -> list[list[int]]:
    """Shorten the run before lines that are on one side only, if they can be whole lines then.

    Args:
        before: the run; shortened in place.
        at: 0 for the left side, 1 for the right one.
        side: its tokens.
        begin: of the change, after the run.
        end: of the change.

    Returns:
        The runs that come of it, empty ones too.
    """
    first, last = _line_begin(side, begin), _line_begin(side, end)
    head, tail = begin - first, end - last
    if not (0 < head <= min(before[2], _HEAD_TOKENS) and begin < last < end and tail <= _HEAD_TOKENS):
        return []
    same = common(side.exact[first:begin], side.exact[last:end])
    more = common(side.exact[first + same : begin][::-1], side.exact[last + same : end][::-1])
    if not same or max(head, tail) - same - more > _OTHER_TOKENS:
        return []
    before[2] -= head
    heads = [before[0] + before[2], before[1] + before[2], same]
    rests = [before[0] + before[2] + head - more, before[1] + before[2] + head - more, more]
    heads[at], rests[at] = last, end - more
    return [heads, rests]


def _line_begin(side: Tokens, place: int) -> int:
    """Return where the line of a token begins, or a place further away than is asked for."""
    first = max(0, place - _HEAD_TOKENS - 1)
    ends = np.flatnonzero(side.ends_line[first:place])
    return first + int(ends[-1]) + 1 if len(ends) else first
