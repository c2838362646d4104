"""The difference of two texts for the eye: which parts are the same, and how much each change weighs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit.alignment import Runs, align, gaps
from domainstudio.corpus.audit.legibility import legible
from domainstudio.corpus.audit.tokens import Tokens, cut

Weight = Literal["content", "case", "space", "punctuation"]
"""case: of letters, or their width; space: white space only; punctuation: nothing but that, white space, case
and width. A sign that carries meaning (%, <, a minus) and what parts the digits of a number are content."""
Span = tuple[int, int]
"""Begin and end in characters."""

MOST_CHARACTERS = 2_000_000
"""Of both texts together; of longer ones, what lies between their common ends is one change."""
_SAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Block:
    """A part of both texts: the same on both sides, or changed; together the blocks are the texts."""

    left: Span
    right: Span
    weight: Weight | None
    """Of a change; None where both are the same."""


class _Piece(IntEnum):
    """What a stretch of tokens is."""

    SAME = 0
    ALIKE = 1
    """The change may be one of case, white space or punctuation only."""
    UNLIKE = 2


@dataclass(frozen=True, slots=True)
class Same:
    """Whole paragraphs that are the same and need not be shown."""

    left: Span
    right: Span
    paragraphs: int

    @property
    def characters(self) -> int:
        """Their length."""
        return self.left[1] - self.left[0]


def difference(left: str, right: str) -> list[Block]:
    """Return the blocks of two texts in order; any two neighbours differ in kind or weight.

    Compared are words, and single characters of scripts without spaces, whatever their case, width and the
    white space after them. Work and memory grow with the length of the texts, whatever they are.
    """
    if len(left) + len(right) > MOST_CHARACTERS:
        head, tail = _same_characters(left, right)
        change = Block((head, len(left) - tail), (head, len(right) - tail), "content")
        return _blocks([change] if left != right else [], len(left), len(right))
    lefts, rights = cut(left), cut(right)
    runs = legible(align(lefts.keys, rights.keys), lefts, rights)
    changes = _changes(left, right, lefts, rights, _pieces(runs, lefts, rights))
    return _blocks(changes, len(left), len(right))


def collapsed(blocks: Sequence[Block], left: str) -> list[Block | Same]:
    """Return the blocks with what is the same over whole paragraphs left out.

    What is left of an equal block stays: the rest of the paragraphs that its neighbours change.

    Args:
        blocks: as from `difference`.
        left: the left text.
    """
    found = list[Block | Same]()
    for number, block in enumerate(blocks):
        begin, end = _whole_paragraphs(left, block.left, number == 0, number == len(blocks) - 1)
        if block.weight is None and end - begin >= _SAME_CHARACTERS:
            found += _split(block, begin, end, left)
        else:
            found.append(block)
    return found


def _whole_paragraphs(text: str, span: Span, is_first: bool, is_last: bool) -> Span:
    """Return the part of an equal span whose paragraphs are all in it; at an end of the text they are."""
    begin, end = span
    if not is_first:
        line_end = text.find("\n", begin, end)
        begin = end if line_end < 0 else line_end + 1
    if not is_last:
        end = max(begin, text.rfind("\n", begin, end) + 1)
    return begin, end


def _split(block: Block, begin: int, end: int, left: str) -> Iterator[Block | Same]:
    shift = block.right[0] - block.left[0]
    if begin > block.left[0]:
        yield Block((block.left[0], begin), (block.right[0], begin + shift), None)
    paragraphs = sum(not line.isspace() for line in left[begin:end].splitlines() if line)
    yield Same((begin, end), (begin + shift, end + shift), paragraphs)
    if end < block.left[1]:
        yield Block((end, block.left[1]), (end + shift, block.right[1]), None)


def _same_characters(left: str, right: str) -> tuple[int, int]:
    """Return how many characters two texts have in common at the beginning, and after those at the end."""
    shorter = min(len(left), len(right))
    head = _common(left[:shorter], right[:shorter])
    rest = shorter - head
    return head, _common(left[len(left) - rest :][::-1], right[len(right) - rest :][::-1])


def _common(left: str, right: str) -> int:
    """Return how many characters at the beginning of two texts of one length are the same."""
    low, high = 0, len(left)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[low:middle] == right[low:middle] else (low, middle - 1)
    return low


def _pieces(runs: Runs, lefts: Tokens, rights: Tokens) -> NDArray[np.int64]:
    """Return shape [pieces, 5]: begin and end on the left and on the right, in tokens, and a `_Piece`.

    Tokens that are equal but for case or white space are pieces of their own.
    """
    number = np.repeat(np.arange(len(runs)), runs[:, 2])
    offset = np.arange(len(number)) - np.repeat(np.cumsum(runs[:, 2]) - runs[:, 2], runs[:, 2])
    places = runs[number, :2] + offset[:, None]
    is_same = lefts.exact[places[:, 0]] == rights.exact[places[:, 1]]
    is_first = np.append(True, (np.diff(number) != 0) | (np.diff(is_same) != 0))[: len(number)]
    firsts = np.flatnonzero(is_first)
    counts = np.diff(np.append(firsts, len(number)))
    begins = places[firsts]
    ends = begins + counts[:, None]
    kinds = np.where(is_same[firsts], _Piece.SAME, _Piece.ALIKE)
    alike = np.column_stack([begins[:, 0], ends[:, 0], begins[:, 1], ends[:, 1], kinds])
    between = gaps(runs, len(lefts.keys), len(rights.keys))
    kinds = np.where(_may_be_alike(between, lefts, rights), _Piece.ALIKE, _Piece.UNLIKE)
    pieces = np.vstack([alike, np.column_stack([between, kinds])])
    found: NDArray[np.int64] = pieces[np.argsort(pieces[:, 0] + pieces[:, 2])]
    return found


def _may_be_alike(between: NDArray[np.int64], lefts: Tokens, rights: Tokens) -> NDArray[np.bool_]:
    """Return which gaps may hold no change in content, by sums that are equal where the texts are."""
    begin, end, other_begin, other_end = between.T
    found = np.zeros(len(between), np.bool_)
    for sums, others in ((lefts.folded_sums, rights.folded_sums), (lefts.word_sums, rights.word_sums)):
        found |= sums[end] - sums[begin] == others[other_end] - others[other_begin]
    return found


def _changes(
    left: str, right: str, lefts: Tokens, rights: Tokens, pieces: NDArray[np.int64]
) -> Iterator[Block]:
    """Yield the changes in order; white space that changes beside another change belongs to that one."""
    spans = np.column_stack([lefts.starts[pieces[:, :2]], rights.starts[pieces[:, 2:4]]])
    last: Block | None = None
    for piece, (begin, end, other_begin, other_end) in zip(pieces.tolist(), spans.tolist(), strict=True):
        if piece[4] == _Piece.SAME and left[begin:end] == right[other_begin:other_end]:
            continue
        weight = "content" if piece[4] == _Piece.UNLIKE else _weight(lefts, rights, *piece[:4])
        change = Block((begin, end), (other_begin, other_end), weight)
        if weight != "content" or left[begin:end][-1:].isspace():
            change = _trimmed(left, right, change)
        if last is not None and last.weight == "space" and _is_next(last, change):
            last = _trimmed(left, right, _both(last, change))
            continue
        if last is not None:
            yield last
        last = change
    if last is not None:
        yield last


def _is_next(first: Block, second: Block) -> bool:
    return first.left[1] == second.left[0] and first.right[1] == second.right[0]


def _both(first: Block, second: Block) -> Block:
    return Block((first.left[0], second.left[1]), (first.right[0], second.right[1]), second.weight)


def _weight(lefts: Tokens, rights: Tokens, begin: int, end: int, other_begin: int, other_end: int) -> Weight:
    if lefts.dense_text(begin, end) == rights.dense_text(other_begin, other_end):
        return "space"
    if lefts.folded_text(begin, end) == rights.folded_text(other_begin, other_end):
        return "case"
    if lefts.words(begin, end) == rights.words(other_begin, other_end):
        return "punctuation"
    return "content"


def _trimmed(left: str, right: str, change: Block) -> Block:
    """Return the change without what is the same at its ends; words stay whole, but for their case."""
    (begin, end), (other_begin, other_end) = change.left, change.right
    old, new = left[begin:end], right[other_begin:other_end]
    if change.weight == "content":
        head, space = 0, len(old) - len(old.rstrip())
        tail = space if space and old[-space:] == new[len(new.rstrip()) :] else 0
    else:
        head, tail = _same_characters(old, new)
    return Block((begin + head, end - tail), (other_begin + head, other_end - tail), change.weight)


def _blocks(changes: Iterable[Block], left: int, right: int) -> list[Block]:
    """Return changes and what lies between them, which is the same, up to the lengths of the texts."""
    found = list[Block]()
    begin = other = 0
    for change in changes:
        if begin < change.left[0]:
            found.append(Block((begin, change.left[0]), (other, change.right[0]), None))
        elif found and found[-1].weight == change.weight:
            change = _both(found.pop(), change)
        found.append(change)
        begin, other = change.left[1], change.right[1]
    if begin < left:
        found.append(Block((begin, left), (other, right), None))
    return found
