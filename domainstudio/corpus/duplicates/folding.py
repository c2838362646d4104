"""Folding: for each code point what NFKC and case folding make of it, and whether it is part of a token."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.hashing import composed

WORD, SINGLE = 1 << 24, 1 << 25
"""Class of a folded character: a run of these is one token; one of these is a token of its own."""
CODE_POINT = (1 << 24) - 1
"""The bits of an entry that hold the folded code point."""
_EXPANDS, _COMPOSES = 1 << 26, 1 << 27

_SINGLES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # Han
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3041, 0x30FF),  # kana
    (0x3131, 0x318E),  # Hangul
    (0x31F0, 0x31FF),  # kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),  # Hangul
    (0xA9E0, 0xA9FF),  # Myanmar
    (0xAA60, 0xAA7F),
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x1AFF0, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # Han
)
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Variation selectors: marks that say how the character before is drawn."""
_UNCHANGING = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x2F7FF), (0x30000, 0x3FFFF))
"""Han and Hangul that fold to themselves: half of all there is."""
_ASSIGNED = ((0, 0x3FFFF), (0xE0000, 0xE0FFF))
_JAMO = ((0x1161, 0x1175), (0x11A8, 0x11C2))
"""Hangul vowels and final consonants, which compose with what stands before."""

_Folded = tuple[NDArray[np.uint32], NDArray[np.int64]]


@dataclass(frozen=True)
class _Table:
    """What becomes of each code point."""

    entries: NDArray[np.uint32]
    """[0x110000]: an entry; or `_EXPANDS` | number. With `_COMPOSES` what stands before it matters."""
    starts: NDArray[np.int64]
    """[expansions + 1]: where the entries of each expansion begin."""
    expanded: NDArray[np.uint32]
    """Entries of all expansions one after the other."""


def token_entries(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the folded characters of texts by class, and where each text ends.

    What a text folds to is what NFKC and then case folding make of the whole of it. Letters, digits and marks
    are parts of tokens, all else separates them: format characters and variation selectors, too.

    Returns:
        uint32 [characters]: class | folded code point, 0 for a separator; one stands after each text;
        int64 [texts]: the place of the separator after each text.
    """
    return _fold(texts, _token_table())


def kept_entries(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return like `token_entries` the folded code points of all characters, white space as spaces."""
    return _fold(texts, _kept_table())


def _fold(texts: Sequence[str], table: _Table) -> _Folded:
    found, ends = _look_up(texts, table)
    most = int(found.max(initial=0))
    if most >= _COMPOSES:
        marked = np.unique(np.searchsorted(ends, np.flatnonzero(found & _COMPOSES)))
        texts = list(texts)
        for place in marked.tolist():
            texts[place] = composed(texts[place])
        found, ends = _look_up(texts, table)
        found &= np.uint32(_COMPOSES - 1)
    return _expand(found, ends, table) if most >= _EXPANDS else (found, ends)


def _look_up(texts: Sequence[str], table: _Table) -> _Folded:
    joined = "\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    # Clipping is what makes this three times as fast as the default; there is nothing to clip.
    found = table.entries.take(np.frombuffer(joined, "<u4"), mode="clip")
    return found, np.cumsum(lengths + 1) - 1


def _expand(found: NDArray[np.uint32], ends: NDArray[np.int64], table: _Table) -> _Folded:
    """Put the entries of each expansion in the place of the one that stands for them."""
    places = np.flatnonzero(found & _EXPANDS)
    if not len(places):
        return found, ends
    numbers = found[places] & (_EXPANDS - 1)
    lengths = table.starts[numbers + 1] - table.starts[numbers]
    more = np.cumsum(lengths - 1)
    repeats = np.ones(len(found), np.int64)
    repeats[places] = lengths
    wide = np.repeat(found, repeats)
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = places + more - (lengths - 1)
    wide[np.repeat(first, lengths) + within] = table.expanded[
        np.repeat(table.starts[numbers], lengths) + within
    ]
    before = np.concatenate(([0], more))
    return wide, ends + before[np.searchsorted(places, ends)]


@cache
def _token_table() -> _Table:
    return _build(_classes())


@cache
def _kept_table() -> _Table:
    kept = np.arange(0x110000, dtype=np.uint32)
    kept[[ord(character) for character in filter(str.isspace, _changing())]] = ord(" ")
    return _build(kept)


def _classes() -> NDArray[np.uint32]:
    """Return uint32 [0x110000]: class | code point of each code point as it is, 0 for separators."""
    classes = np.zeros(0x110000, np.uint32)
    assigned = _inside(_ASSIGNED)
    categories = "".join(map(unicodedata.category, _characters(assigned)))
    kinds = np.frombuffer(categories[::2].encode(), "S1")
    parts = np.flatnonzero(assigned)[np.isin(kinds, [b"L", b"N", b"M"])]
    classes[parts] = parts | WORD
    classes[_inside(_SELECTORS)] = 0
    classes[_inside(_SINGLES) & (classes != 0)] += SINGLE - WORD
    return classes


def _inside(ranges: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return bool [0x110000]: which code points are in some ranges, whose last are in them."""
    is_inside = np.zeros(0x110000, bool)
    for first, last in ranges:
        is_inside[first : last + 1] = True
    return is_inside


def _characters(is_one: NDArray[np.bool_]) -> str:
    """Return the code points that are marked: bool [0x110000]."""
    return np.flatnonzero(is_one).astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _changing() -> str:
    """Return the code points that may fold to something else, or be no character at all."""
    return _characters(_inside(_ASSIGNED) & ~_inside(_UNCHANGING))


def _build(folded_entries: NDArray[np.uint32]) -> _Table:
    """Return the table by what is made of folded code points: uint32 [0x110000]."""
    entries = folded_entries.copy()
    starts, expanded = [0], list[int]()
    changing = _changing()
    composing = _composing(changing)
    normals = [unicodedata.normalize("NFKC", character) for character in changing]
    for character, normal, final in zip(changing, normals, map(str.casefold, normals), strict=True):
        if final == normal == character and character not in composing:
            continue
        folded = [int(folded_entries[ord(part)]) for part in final]
        mark = 0 if composing.isdisjoint(normal) else _COMPOSES
        if len(folded) == 1:
            entries[ord(character)] = mark | folded[0]
        elif any(folded):
            entries[ord(character)] = mark | _EXPANDS | len(starts) - 1
            expanded += folded
            starts.append(len(expanded))
        else:  # one separator is as good as several
            entries[ord(character)] = mark
    return _Table(entries, np.array(starts), np.array(expanded, np.uint32))


def _composing(changing: str) -> set[str]:
    """Return the characters that may combine, or change places, with what stands before them."""
    found = set(_characters(_inside(_JAMO)))
    found.update(filter(unicodedata.combining, changing))
    for decomposition in filter(None, map(unicodedata.decomposition, changing)):
        parts = decomposition.split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(chr(int(parts[1], 16)))
    return found
