"""Intervals: the published figures, and simulated audits whose intervals must hold the truth often enough."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.corpus.audit.intervals import (
    Tally,
    needed_over_strata,
    needed_without_error,
    weighted,
    wilson,
)

MOCK_UP = [Tally(148_212, 60, 3), Tally(131_940, 48, 1), Tally(152_377, 44, 0), Tally(179_951, 40, 0)]


@pytest.mark.parametrize(
    ("right", "checked", "low", "high"),
    [(100, 100, 0.963, 1), (200, 200, 0.981, 1), (380, 380, 0.990, 1), (196, 200, 0.950, 0.992)],
)
def test_wilson_gives_the_published_figures(right: int, checked: int, low: float, high: float) -> None:
    found = wilson(right, checked)
    assert (round(found.low, 3), round(found.high, 3)) == (low, high)
    mirrored = wilson(checked - right, checked)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((found.low, found.high))


def test_the_ends_are_where_the_score_test_just_rejects() -> None:
    """The definition: an end p is where the observed share lies 1.96 standard errors of p away."""
    for wrong, checked in ((1, 10), (7, 40), (40, 300), (39, 40)):
        found = wilson(wrong, checked)
        for end in (found.low, found.high):
            errors = (wrong / checked - end) / np.sqrt(end * (1 - end) / checked)
            assert abs(errors) == pytest.approx(1.959964, abs=1e-5)


def test_nothing_checked_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    found = weighted([Tally(10, 0, 0), Tally(90, 0, 0)])
    assert (found.share, found.interval.low, found.interval.high, found.unseen_share) == (None, 0, 1, 1)
    assert weighted([]).share is None


@pytest.mark.parametrize("pieces", [1, 2, 10, 40])
def test_without_an_error_it_does_not_matter_how_finely_the_sample_is_cut(pieces: int) -> None:
    found = weighted([Tally(1000, 400 // pieces, 0)] * pieces)
    assert (found.share, found.interval.low) == (0, 0)
    assert found.interval.high == pytest.approx(wilson(0, 400).high)


def test_one_stratum_has_wilson_s_interval() -> None:
    assert weighted([Tally(1000, 200, 4)]).interval == wilson(4, 200)
    assert weighted([Tally(1000, 200, 4), Tally(0, 0, 0)]).interval == wilson(4, 200)


def test_strata_count_by_their_size() -> None:
    found = weighted([Tally(900, 50, 0), Tally(100, 50, 10)])
    assert found.share == pytest.approx(0.02)
    assert found.interval.low < 0.02 < found.interval.high < 0.2
    mock_up = weighted(MOCK_UP)
    shares = [(148_212 * 3 / 60 + 131_940 / 48) / 612_480]
    assert (mock_up.checked, mock_up.wrong, mock_up.share) == (192, 4, pytest.approx(shares[0]))


def test_what_nobody_looked_at_may_all_be_wrong() -> None:
    seen = weighted([Tally(750, 100, 0)])
    found = weighted([Tally(750, 100, 0), Tally(250, 0, 0, unsure=3)])
    assert (found.unseen_share, found.share, found.unsure) == (0.25, 0, 3)
    assert found.interval.high == pytest.approx(0.25 + 0.75 * seen.interval.high)


def test_what_is_checked_to_the_last_is_known() -> None:
    found = weighted([Tally(40, 40, 2), Tally(10, 10, 0)])
    assert found.share == found.interval.low == found.interval.high == pytest.approx(0.04)
    half = weighted([Tally(50, 50, 5), Tally(50, 25, 0)])
    assert half.interval.low == pytest.approx(0.05)
    assert half.interval.high == pytest.approx(0.05 + wilson(0, 25).high / 2)


def audits() -> list[tuple[list[int], list[int], list[float]]]:
    """Sizes, checked, true shares: proportional and lopsided samples, errors everywhere or in one place."""
    designs = [
        ([148_212, 131_940, 152_377, 179_951], [60, 48, 44, 40]),
        ([5_000, 5_000, 5_000, 5_000], [100, 20, 20, 20]),
        ([50_000, 30_000, 10_000, 5_000, 3_000, 2_000], [50, 30, 10, 5, 5, 5]),
        ([2_000, 8_000, 90_000], [10, 20, 200]),
        ([1_000] * 20, [10] * 20),
    ]
    found = []
    for (sizes, checked), share in product(designs, (0.003, 0.01, 0.03, 0.1)):
        weights = np.array(sizes) / sum(sizes)
        single = np.zeros(len(sizes))
        single[-1] = min(0.6, share / weights[-1])
        falling = np.linspace(2, 0, len(sizes)) if len(sizes) > 1 else np.ones(1)
        falling = np.minimum(falling * share / (falling @ weights), 1)
        found += [(sizes, checked, list(truth)) for truth in (np.full(len(sizes), share), single, falling)]
    return found


@pytest.mark.parametrize(("sizes", "checked", "truth"), audits())
def test_at_least_93_of_100_intervals_hold_the_truth(
    sizes: list[int], checked: list[int], truth: list[float]
) -> None:
    """4,000 audits of each kind: 95 % is asked for, and chance in the simulation moves it by 0.4 %."""
    rng = np.random.default_rng(20_260_101)
    samples, times = np.unique(rng.binomial(checked, truth, (4000, len(sizes))), axis=0, return_counts=True)
    share = float(np.dot(sizes, truth) / sum(sizes))
    held = 0
    for wrong, count in zip(samples.tolist(), times.tolist(), strict=True):
        found = weighted(map(Tally, sizes, checked, wrong)).interval
        held += count * (found.low <= share <= found.high)
    assert held >= 0.93 * 4000


@given(st.integers(0, 5), st.integers(0, 300), st.sampled_from([0.9, 0.95, 0.97, 0.99]))
def test_so_many_more_without_an_error_are_enough_and_one_less_is_not(
    wrong: int, right: int, claim: float
) -> None:
    more = needed_without_error(wrong, wrong + right, claim)
    assert wilson(wrong, wrong + right + more).high <= 1 - claim
    assert not more or wilson(wrong, wrong + right + more - 1).high > 1 - claim


def test_380_without_an_error_are_said_to_give_99_per_cent() -> None:
    """The rounded figure: at 380 the lower end is 0.98999."""
    assert needed_without_error(0, 0, 0.99) == 381
    assert needed_without_error(0, 100, 0.99) == 281
    assert needed_over_strata([Tally(10**9, 100, 0)], 0.99) == 281


def test_more_are_needed_over_strata_as_the_estimate_says() -> None:
    more = needed_over_strata(MOCK_UP, 0.97)
    assert more is not None and 0 < more < 1000
    left = sum(tally.size - tally.checked for tally in MOCK_UP)
    for extra, is_enough in ((more, True), (more - 1, False)):
        planned = [
            Tally(tally.size, tally.checked + (tally.size - tally.checked) * extra / left, tally.wrong)
            for tally in MOCK_UP
        ]
        assert (weighted(planned).interval.high <= 0.03) == is_enough


def test_no_more_are_asked_for_than_there_are() -> None:
    assert needed_over_strata([Tally(30, 10, 0), Tally(5, 0, 0)], 0.99) == 25
    assert needed_over_strata([Tally(30, 10, 1)], 0.99) is None
    assert needed_over_strata([Tally(30, 30, 0)], 0.99) == 0
