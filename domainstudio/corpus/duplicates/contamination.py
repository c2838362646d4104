"""Contamination: evaluation items of which a long piece occurs in the corpus.

A document contaminates an item if it has 13 of its tokens in a row (Brown et al. 2020, arXiv 2005.14165), or
50 of its characters (OpenAI 2023, arXiv 2303.08774). Both are compared folded; hashes only propose.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.folding import CODE_POINT, kept_entries, token_entries
from domainstudio.corpus.duplicates.plan import Block, Part, cut
from domainstudio.corpus.duplicates.shingles import BATCH_CHARACTERS, pieces, token_hashes
from domainstudio.corpus.duplicates.signing import text_batches
from domainstudio.corpus.duplicates.windows import WindowIndex, index_windows
from domainstudio.jobs.parallel import Tick, run_tasks

Kind = Literal["tokens", "characters"]
TOKENS = 13
CHARACTERS = 50
MOST_OVERLAPS = 100
"""So many are listed for each item; all documents are counted."""


@dataclass(frozen=True)
class Overlap:
    """A piece that an item and a document have in common."""

    document: int
    """Its id."""
    kind: Kind
    text: str
    """Folded: tokens with spaces between them, or characters with white space collapsed."""


@dataclass(frozen=True)
class ItemReport:
    """What was found of one item."""

    is_checkable: bool
    """Whether it has 13 tokens or 50 characters at all."""
    documents: int
    """How many documents it overlaps with."""
    overlaps: tuple[Overlap, ...]
    """By document in the order of the corpus, of each the first in its text, of either kind."""


def find_items(
    items: Sequence[str], parts: Sequence[Part], report: Callable[[int, int], None], processes: int = 0
) -> list[ItemReport]:
    """Return for each evaluation item which documents of the corpus have a long piece of it.

    Args:
        items: their texts, such as a question with its choices.
        parts: the documents.
        report: told how many documents of how many are read; may raise to stop.
        processes: as in `run_tasks`; by default this process does all.
    """
    checker = _Checker(items)
    blocks = cut(parts)
    tasks = [_Task(block, ids) for block, ids in zip(blocks, _ids(parts, blocks), strict=True)]
    total = sum(len(block.rows) for block in blocks)
    report(0, total)
    found = run_tasks(checker.check, tasks, lambda done: report(done, total), processes)
    counts = sum((result.documents for result in found), np.zeros(len(items), np.int64))
    overlaps: list[list[Overlap]] = [[] for _ in items]
    for result in found:
        for item, overlap in result.overlaps:
            overlaps[item].append(overlap)
    return [
        ItemReport(bool(is_checkable), int(count), tuple(own[:MOST_OVERLAPS]))
        for is_checkable, count, own in zip(checker.is_checkable, counts, overlaps, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Task:
    block: Block
    ids: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Result:
    documents: NDArray[np.int64]
    """[items]: with how many documents each overlaps."""
    overlaps: list[tuple[int, Overlap]]
    """With the number of the item."""


class _Sequences(Protocol):
    """Texts as numbers of which windows are compared."""

    values: NDArray[np.uint64]
    ends: NDArray[np.int64]
    """Of each text in `values`."""

    def text(self, start: int, length: int) -> str:
        """Return what a window stands for."""


class _Tokens:
    """Texts as tokens."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._entries, ends = token_entries(texts)
        self.values, self._starts, self.ends = token_hashes(self._entries, ends)

    def text(self, start: int, length: int) -> str:
        """Return tokens with spaces between them."""
        limits = np.append(self._starts[start : start + length + 1], len(self._entries)).tolist()
        tokens = (self._entries[first:last] & CODE_POINT for first, last in pairwise(limits[: length + 1]))
        return " ".join("".join(map(chr, token[token > 0].tolist())) for token in tokens)


class _Characters:
    """Texts as characters, runs of white space as one."""

    def __init__(self, texts: Sequence[str]) -> None:
        entries, ends = kept_entries(texts)
        is_kept = np.ones(len(entries), bool)
        is_space = entries == ord(" ")
        is_kept[1:] = ~(is_space[1:] & is_space[:-1])
        self.ends = (np.cumsum(is_kept) - is_kept)[ends]
        self._codes = entries[is_kept]
        self.values = self._codes.astype(np.uint64)

    def text(self, start: int, length: int) -> str:
        """Return characters."""
        return "".join(map(chr, self._codes[start : start + length].tolist()))


_KINDS: dict[Kind, tuple[Callable[[Sequence[str]], _Sequences], int]] = {
    "tokens": (_Tokens, TOKENS),
    "characters": (_Characters, CHARACTERS),
}


class _Checker:
    """The windows of all items; goes to other processes."""

    def __init__(self, items: Sequence[str]) -> None:
        self._count = len(items)
        self._items: dict[Kind, _Sequences] = {}
        self._indices: dict[Kind, WindowIndex] = {}
        self.is_checkable = np.zeros(len(items), bool)
        for kind, (read, length) in _KINDS.items():
            sequences = read(items)
            self._items[kind] = sequences
            self._indices[kind] = index_windows(sequences.values, sequences.ends, length)
            places = self._indices[kind].places
            self.is_checkable[np.searchsorted(sequences.ends, places, "right")] = True

    def check(self, task: _Task, tick: Tick) -> _Result:
        """Return what the documents of a block have in common with the items."""
        counts = np.zeros(self._count, np.int64)
        listed = np.zeros(self._count, np.int64)
        overlaps = list[tuple[int, Overlap]]()
        first = 0
        for texts in text_batches(task.block.shard, task.block.rows):
            found: dict[tuple[int, int], dict[Kind, str]] = {}
            for segment in _segments(texts):
                for kind in _KINDS:
                    self._compare(kind, segment, found)
            for (number, item), by_kind in sorted(found.items()):
                counts[item] += 1
                for kind, text in by_kind.items():
                    if listed[item] < MOST_OVERLAPS:
                        overlaps.append((item, Overlap(int(task.ids[first + number]), kind, text)))
                        listed[item] += 1
            first += len(texts)
            tick(len(texts))
        return _Result(counts, overlaps)

    def _compare(
        self, kind: Kind, texts: Sequence[str], found: dict[tuple[int, int], dict[Kind, str]]
    ) -> None:
        """Add the first overlap of each document with each item."""
        read, length = _KINDS[kind]
        sequences, items = read(texts), self._items[kind]
        places, own = self._indices[kind].find(sequences.values)
        numbers = np.searchsorted(sequences.ends, places, "right")
        is_within = places + length <= sequences.ends[np.minimum(numbers, len(texts) - 1)]
        of_item = np.searchsorted(items.ends, own, "right")
        columns = (column[is_within].tolist() for column in (places, own, numbers, of_item))
        for place, own_place, number, item in zip(*columns, strict=True):
            if kind not in found.get((number, item), {}):
                text = sequences.text(place, length)
                if text == items.text(own_place, length):
                    found.setdefault((number, item), {})[kind] = text


def _segments(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield a batch as it is, or a long text in pieces that overlap by half."""
    if len(texts) > 1 or len(texts[0]) <= 2 * BATCH_CHARACTERS:
        yield texts
        return
    for before, piece in pairwise(pieces(texts[0])):
        yield [before + piece]


def _ids(parts: Sequence[Part], blocks: Sequence[Block]) -> Iterator[NDArray[np.int64]]:
    """Yield the document ids of each block."""
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
    for block in blocks:
        yield ids[block.start : block.end]
