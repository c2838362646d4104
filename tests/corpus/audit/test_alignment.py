"""Alignment: runs are equal and in order, small sequences are aligned as well as can be, work is bounded."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from domainstudio.corpus.audit import alignment
from domainstudio.corpus.audit.alignment import Runs, align, gaps

SEQUENCE = st.lists(st.integers(0, 4), max_size=60)


def numbers(items: list[int]) -> NDArray[np.uint64]:
    return np.array(items, np.uint64)


def assert_sound(left: NDArray[np.uint64], right: NDArray[np.uint64], runs: Runs) -> None:
    ends = (0, 0)
    for place, other, length in runs.tolist():
        assert place >= ends[0] and other >= ends[1] and length > 0
        assert (left[place : place + length] == right[other : other + length]).all()
        ends = (place + length, other + length)
    assert ends[0] <= len(left) and ends[1] <= len(right)


def naive_heaviest(values: list[int], weights: list[int]) -> int:
    best = [0] * len(values)
    for place, value in enumerate(values):
        before = [best[other] for other in range(place) if values[other] < value]
        best[place] = weights[place] + max(before, default=0)
    return max(best, default=0)


@given(SEQUENCE, SEQUENCE)
def test_runs_are_equal_and_in_order_and_gaps_the_rest(left: list[int], right: list[int]) -> None:
    runs = align(numbers(left), numbers(right))
    assert_sound(numbers(left), numbers(right), runs)
    between = gaps(runs, len(left), len(right))
    for side, items in ((0, left), (1, right)):
        covered = [range(run[side], run[side] + run[2]) for run in runs.tolist()]
        covered += [range(gap[2 * side], gap[2 * side + 1]) for gap in between.tolist()]
        assert sorted(place for each in covered for place in each) == list(range(len(items)))


@given(st.lists(st.integers(0, 1000), max_size=80), st.data())
def test_a_few_edits_leave_about_what_the_fewest_leave(items: list[int], data: st.DataObject) -> None:
    """Anchors are a choice, so that a place or two may be lost; what is edited may match nothing new."""
    edited = list(items)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(edited)))
        edited[place : place + data.draw(st.integers(0, 5))] = data.draw(
            st.lists(st.integers(2000, 2009), max_size=4)
        )
    runs = align(numbers(items), numbers(edited))
    least = Levenshtein.editops(items, edited).as_matching_blocks()
    assert runs[:, 2].sum() >= sum(block.size for block in least) - 2


@given(st.permutations(range(12)), st.lists(st.integers(1, 9), min_size=12, max_size=12))
def test_of_runs_that_cross_the_heaviest_in_order_are_taken(values: list[int], weights: list[int]) -> None:
    chosen = alignment._heaviest(values, weights)
    assert [values[place] for place in chosen] == sorted(values[place] for place in chosen)
    assert sum(weights[place] for place in chosen) == naive_heaviest(values, weights)


def test_a_long_part_that_moved_does_not_tear_what_stayed() -> None:
    stays, moved = list(range(1000)), list(range(5000, 5100))
    left, right = moved + stays, stays + moved
    assert align(numbers(left), numbers(right)).tolist() == [[100, 0, 1000]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[int], list[int]], int]:
    """Align, and return how many products of lengths were worked through exactly."""
    cells = [0]
    exact = Levenshtein.editops

    def counted(left: list[int], right: list[int]) -> object:
        cells[0] += len(left) * len(right)
        return exact(left, right)

    def run(left: list[int], right: list[int]) -> int:
        cells[0] = 0
        monkeypatch.setattr(Levenshtein, "editops", counted)
        assert_sound(numbers(left), numbers(right), align(numbers(left), numbers(right)))
        return cells[0]

    return run


@pytest.mark.parametrize("symbols", [1, 2, 50, 10**6])
def test_exact_work_never_exceeds_its_bound(
    work: Callable[[list[int], list[int]], int], monkeypatch: pytest.MonkeyPatch, symbols: int
) -> None:
    monkeypatch.setattr(alignment, "CELLS", 40_000)
    monkeypatch.setattr(alignment, "CONFLICTS", 20)
    rng = np.random.default_rng(symbols)
    for _ in range(20):
        left = rng.integers(0, symbols, rng.integers(1, 3000)).tolist()
        right = rng.permutation(left).tolist()
        assert work(left, right) <= 40_000
    assert work([0, 1, 2, 3] * 9, [3, 1, 0, 2] * 9) > 0, "within the bound it is done"
