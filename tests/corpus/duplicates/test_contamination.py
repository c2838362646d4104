"""Contamination: each item's overlaps are those of a plain search in folded texts, not of hashes."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domainstudio.corpus.duplicates import contamination, plan, shingles, windows
from domainstudio.corpus.duplicates.contamination import find_items
from domainstudio.corpus.duplicates.windows import index_windows, window_hashes

from . import reference
from .conftest import stored, varied

TEXT = "one Two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def collapsed(text: str) -> str:
    return re.sub(r"\s+", " ", reference.folded(text))


def pieces(text: str) -> dict[str, set[str]]:
    """Return all that may be an overlap, by kind."""
    tokens, characters = reference.tokens(text), collapsed(text)
    return {
        "tokens": {" ".join(tokens[place : place + 13]) for place in range(len(tokens) - 12)},
        "characters": {characters[place : place + 50] for place in range(len(characters) - 49)},
    }


def planted() -> tuple[list[str], list[str]]:
    """Return items and documents, some of which have long and not quite as long pieces of items."""
    generator = np.random.default_rng(0)
    items, documents = varied(40, seed=3), varied(60, seed=4)
    for number in range(0, len(documents), 2):
        item = items[int(generator.integers(0, len(items)))]
        start, length = int(generator.integers(0, len(item))), int(generator.integers(20, 200))
        piece = item[start : start + length]
        piece = piece.upper().replace(" ", " \n ") if number % 4 else piece.replace(" ", ", ")
        place = int(generator.integers(0, len(documents[number])))
        documents[number] = documents[number][:place] + " " + piece + " " + documents[number][place:]
    return [*items, "Too short to tell.", ""], documents


def check(items: list[str], documents: list[str], folder: Path, processes: int = 0) -> int:
    """Compare with a plain search and return how many overlaps there are."""
    reports = find_items(items, stored(documents, folder), silent, processes)
    have, total = [pieces(document) for document in documents], 0
    for item, report in zip(items, reports, strict=True):
        own = pieces(item)
        assert report.is_checkable == any(own.values())
        expected = {
            (1000 + number, kind)
            for number, theirs in enumerate(have)
            for kind in own
            if own[kind] & theirs[kind]
        }
        assert {(overlap.document, overlap.kind) for overlap in report.overlaps} == expected
        assert report.documents == len({document for document, _ in expected})
        for overlap in report.overlaps:
            assert overlap.text in own[overlap.kind] & have[overlap.document - 1000][overlap.kind]
        total += len(expected)
    return total


@pytest.mark.parametrize("processes", [0, 2])
def test_overlaps_are_those_of_a_plain_search(tmp_path: Path, processes: int) -> None:
    assert check(*planted(), tmp_path, processes) > 30


def test_long_documents_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "BATCH_CHARACTERS", 100)
    monkeypatch.setattr(contamination, "BATCH_CHARACTERS", 100)
    items, documents = planted()
    # In Han without stops a piece of 13 tokens is shorter than the pieces that are read.
    assert check(items, [" ".join([*documents[:4], document]) for document in documents], tmp_path) > 30


def test_equal_hashes_alone_are_no_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poor(values: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
        return window_hashes(values, length) >> np.uint64(60) << np.uint64(60)

    monkeypatch.setattr(windows, "window_hashes", poor)
    items, documents = planted()
    check(items[:8], documents[:8], tmp_path)


def test_what_is_told_and_listed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contamination, "MOST_OVERLAPS", 3)
    monkeypatch.setattr(plan, "BLOCK_DOCUMENTS", 4)
    told = list[tuple[int, int]]()
    parts = stored([TEXT.upper()] * 20 + ["something else"], tmp_path)
    (report,) = find_items([TEXT], parts, lambda *now: told.append(now))
    assert report.documents == 20
    assert [(overlap.document, overlap.kind) for overlap in report.overlaps] == [
        (1000, "tokens"),
        (1000, "characters"),
        (1001, "tokens"),
    ]
    assert told == sorted(told) and told[0] == (0, 21) and told[-1] == (21, 21)


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=6),
    st.lists(st.integers(0, 3), max_size=30),
    st.integers(1, 5),
)
def test_windows_are_found_wherever_they_are(
    sequences: list[list[int]], other: list[int], length: int
) -> None:
    whole = [value for sequence in sequences for value in sequence]
    ends = np.cumsum([len(sequence) for sequence in sequences]).astype(np.int64)
    index = index_windows(np.array(whole, np.uint64), ends, length)
    found = set(zip(*map(np.ndarray.tolist, index.find(np.array(other, np.uint64))), strict=True))
    inside = [
        place
        for start, sequence in zip([0, *ends.tolist()], sequences, strict=False)
        for place in range(start, start + len(sequence) - length + 1)
    ]
    assert found == {
        (place, own)
        for place in range(len(other) - length + 1)
        for own in inside
        if other[place : place + length] == whole[own : own + length]
    }
