"""Verification: both ways to compare are exact, and sizes alone reject nothing that is alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domainstudio.corpus.duplicates import verification
from domainstudio.corpus.duplicates.candidates import pack
from domainstudio.corpus.duplicates.columns import write_column
from domainstudio.corpus.duplicates.verification import (
    VERIFIED,
    Sets,
    Verifier,
    jaccard,
    jaccard_among,
    verified_file,
)

SETS = st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=6)


def ascending(members: set[int]) -> NDArray[np.uint64]:
    return np.array(sorted(members), np.uint64)


def exact(first: set[int], second: set[int]) -> float:
    return len(first & second) / len(first | second)


@given(SETS, SETS, st.data())
def test_both_ways_are_exact(firsts: list[set[int]], seconds: list[set[int]], data: st.DataObject) -> None:
    possible = [(one, other) for one in range(len(firsts)) for other in range(len(seconds))]
    pairs = sorted(data.draw(st.lists(st.sampled_from(possible), min_size=1, unique=True)))
    used = sorted({one for one, _ in pairs})
    first = np.array([used.index(one) for one, _ in pairs])
    second = np.array([other for _, other in pairs])
    expected = [exact(firsts[one], seconds[other]) for one, other in pairs]
    sets = [ascending(firsts[one]) for one in used], [ascending(one) for one in seconds]
    assert jaccard_among(*sets, first, second).tolist() == expected
    plain = [jaccard(ascending(firsts[one]), ascending(seconds[other])) for one, other in pairs]
    assert plain == expected


@given(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60), min_size=1), st.integers(4, 40))
def test_large_sets_are_compared_in_parts(first: set[int], second: set[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "_MOST_MEMBERS", most)
        assert jaccard(ascending(first), ascending(second)) == exact(first, second)


@given(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=3, max_size=12), st.data())
def test_what_reaches_the_floor_is_written_whichever_way_is_taken(
    tmp_path_factory: pytest.TempPathFactory, sets: list[set[int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    middle, floor = len(sets) // 2, data.draw(st.sampled_from([0.3, 0.5, 0.7, 1.0]))
    for number, some in enumerate((sets[:middle], sets[middle:])):
        files = Sets(folder, number)
        files.hashes.write_bytes(np.concatenate([ascending(one) for one in some]).tobytes())
        write_column(files.offsets, np.cumsum([0, *map(len, some)]))
    pairs = [(one, other) for one in range(middle) for other in range(one + 1, len(sets))]
    candidates = folder / "candidates.npy"
    write_column(candidates, pack(*np.array(pairs).T))
    expected = [
        (one << 32 | other, np.float32(exact(sets[one], sets[other])))
        for one, other in pairs
        if exact(sets[one], sets[other]) >= floor
    ]
    told: list[int] = []
    for often, most in ((0, 1000), (2, 1000), (100, 1000), (0, 12)):  # numbered: all, some, none, in parts
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verification, "_OFTEN", often)
            patch.setattr(verification, "_MOST_MEMBERS", most)
            patch.setattr(verification, "_FEW_PAIRS", 3)
            patch.setattr(verification, "_CACHED_BYTES", 40)
            Verifier(folder, np.array([0, middle]), floor).verify(candidates, lambda n=1: told.append(n))
        found = np.load(verified_file(folder, 0))
        assert found.dtype == VERIFIED and found.tolist() == expected
    assert sum(told) == 4 * len(pairs)


def test_files_of_sets_are_whole_when_their_offsets_are_there(tmp_path: Path) -> None:
    sets = Sets(tmp_path, 3)
    sets.hashes.write_bytes(bytes(80))
    assert not sets.is_whole and sets.size_bytes == 0
    write_column(sets.offsets, np.array([0, 10]))
    assert sets.is_whole and sets.size_bytes == 80
