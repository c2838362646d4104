"""Sampling: each stratum its due, and the same pairs again whatever comes or goes around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domainstudio.corpus.audit.sampling import (
    allocation,
    band_edges,
    bands,
    permanent_numbers,
    random_sample,
    stratify,
    uncertain_first,
)

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=8)


def some_hashes(count: int, seed: int = 1) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)


def test_bands_are_cut_at_the_threshold_and_every_twentieth() -> None:
    assert band_edges(0.8, 1.0).tolist() == [0.8, 0.85, 0.9, 0.95, 1.0]
    assert band_edges(0.83, 1.0).tolist() == [0.83, 0.85, 0.9, 0.95, 1.0]
    assert band_edges(0.6, 0.8).tolist() == [0.6, 0.65, 0.7, 0.75, 0.8]
    similarities = np.array([0.8, 0.8499, 0.85, 0.9, 0.949, 0.95, 1.0])
    assert bands(similarities, band_edges(0.8, 1.0)).tolist() == [0, 0, 1, 2, 2, 3, 3]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 5)), max_size=60))
def test_strata_are_the_combinations_there_are(rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    found = stratify(list(columns))
    assert [found.keys[place] for place in found.of] == rows
    assert list(found.keys) == sorted(set(rows))
    assert found.sizes.tolist() == [rows.count(key) for key in found.keys]


def test_permanent_numbers_are_of_the_pair_and_the_seed_alone() -> None:
    hashes = some_hashes(1000)
    numbers = permanent_numbers(7, hashes)
    shuffled = np.random.default_rng(2).permutation(1000)
    assert (permanent_numbers(7, hashes[shuffled]) == numbers[shuffled]).all()
    assert (permanent_numbers(8, hashes) != numbers).all()
    assert len(set(numbers.tolist())) == 1000


def test_permanent_numbers_are_even_also_for_hashes_that_are_alike() -> None:
    hashes = np.zeros((40_000, 2), np.uint64)
    hashes[:, 1] = np.arange(40_000)
    tenths = np.bincount((permanent_numbers(1, hashes) >> np.uint64(32)) * np.uint64(10) >> np.uint64(32))
    assert len(tenths) == 10
    assert np.abs(tenths - 4000).max() < 5 * np.sqrt(4000 * 0.9)


@given(SIZES, st.integers(0, 500), st.integers(0, 5))
def test_an_allocation_gives_minimum_first_and_then_by_size(
    sizes: list[int], total: int, minimum: int
) -> None:
    places = allocation(np.array(sizes), total, minimum)
    given_out = np.bincount(places, minlength=len(sizes))
    assert len(places) == min(total, sum(sizes))
    assert (given_out <= sizes).all()
    least = np.minimum(sizes, minimum)
    if total >= least.sum():
        assert (given_out >= least).all()
    beyond = [place for place in range(len(sizes)) if minimum < given_out[place]]
    for one in beyond:
        for other in range(len(sizes)):
            if given_out[other] < sizes[other]:  # Webster: nobody has a better claim to one's last place
                assert sizes[one] / (2 * given_out[one] - 1) >= sizes[other] / (2 * given_out[other] + 1)


def test_large_strata_get_their_share() -> None:
    places = allocation(np.array([700_000, 200_000, 99_000, 1_000]), 202, minimum=2)
    assert np.bincount(places).tolist() == [140, 40, 20, 2]


@given(SIZES, st.integers(0, 60), st.integers(0, 60))
def test_a_larger_sample_begins_with_the_smaller(sizes: list[int], total: int, more: int) -> None:
    strata = stratify([np.repeat(np.arange(len(sizes)), sizes)])
    numbers = permanent_numbers(1, some_hashes(sum(sizes)))
    small, large = random_sample(numbers, strata, total), random_sample(numbers, strata, total + more)
    assert large[: len(small)].tolist() == small.tolist()
    assert len(set(large.tolist())) == len(large) == min(total + more, sum(sizes))


def test_within_a_stratum_the_smallest_numbers_are_taken() -> None:
    of = np.random.default_rng(5).integers(0, 3, 500)
    strata, numbers = stratify([of]), permanent_numbers(9, some_hashes(500))
    drawn = random_sample(numbers, strata, 60)
    for stratum in range(3):
        mine = drawn[of[drawn] == stratum]
        members = np.flatnonzero(of == stratum)
        assert mine.tolist() == members[np.argsort(numbers[members])][: len(mine)].tolist()


def test_pairs_that_come_or_go_elsewhere_leave_a_stratum_s_order_as_it_is() -> None:
    hashes, of = some_hashes(600), np.repeat([0, 1], 300)
    before = random_sample(permanent_numbers(1, hashes), stratify([of]), 100)
    kept = np.append(np.arange(300), np.arange(400, 600))
    after = kept[random_sample(permanent_numbers(1, hashes[kept]), stratify([of[kept]]), 100)]
    first, second = before[before < 300].tolist(), after[after < 300].tolist()
    shorter = min(len(first), len(second))
    assert shorter >= 40 and first[:shorter] == second[:shorter]
    # What stays of the stratum that lost a third is still drawn first.
    others = [place for place in before[before >= 300].tolist() if place >= 400]
    assert others == [place for place in after[after >= 300].tolist()][: len(others)]


def test_every_pair_of_a_stratum_is_as_likely_as_the_others() -> None:
    hashes, strata = some_hashes(50), stratify([np.zeros(50, np.int64)])
    times = np.zeros(50)
    for seed in range(2000):
        times[random_sample(permanent_numbers(seed, hashes), strata, 10)] += 1
    assert np.abs(times - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)


def test_nothing_to_draw_from() -> None:
    nothing = stratify([np.zeros(0, np.int64)])
    assert random_sample(np.zeros(0, np.uint64), nothing, 10).tolist() == []


@pytest.mark.parametrize("threshold", [0.8, 0.9])
def test_the_doubtful_come_first(threshold: float) -> None:
    similarities = np.array([0.99, 0.81, 0.79, 0.90, 0.5, 0.81])
    numbers = np.array([5, 4, 3, 2, 1, 0], np.uint64)
    found = uncertain_first(similarities, threshold, numbers)
    distances = np.abs(similarities - threshold)[found].tolist()
    assert distances == sorted(distances) and sorted(found.tolist()) == list(range(6))
    assert found.tolist().index(5) < found.tolist().index(1), "of equals, the smaller number"
