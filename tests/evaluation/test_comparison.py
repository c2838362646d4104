"""Claims over seeds: an interval that covers, and no winner inside it."""

from statistics import NormalDist

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.evaluation.comparison import MethodResult, beats, difference, estimate, verdict


def _lists(seeds: int) -> st.SearchStrategy[list[list[float]]]:
    one = st.lists(st.floats(-2, 2), min_size=seeds, max_size=seeds)
    return st.lists(one, min_size=4, max_size=4)


def result(name: str, gain: list[float], forgetting: list[float]) -> MethodResult:
    return MethodResult(name, tuple(gain), tuple(forgetting))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    chooser = np.random.default_rng(0)
    for seeds in (3, 5, 40):
        found = [estimate(list(chooser.normal(1.0, 0.3, seeds))) for _ in range(4000)]
        covered = sum(one.low <= 1.0 <= one.high for one in found) / len(found)
        # Four standard errors of 4,000 draws; above 31 seeds the quantile is of 30 degrees, a little wide.
        assert abs(covered - 0.95) < 4 * (0.95 * 0.05 / 4000) ** 0.5 + 0.003, (seeds, covered)
    assert NormalDist().cdf(2.042) > 0.975


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_one_seed_bears_no_claim(gain: float, forgetting: float) -> None:
    one, other = result("a", [gain], [forgetting]), result("b", [0.0], [0.0])
    assert not difference(one, other).gain.is_clear and not beats(one, other)


@given(st.integers(2, 6).flatmap(_lists))
def test_no_two_methods_beat_each_other(values: list[list[float]]) -> None:
    one, other = result("a", values[0], values[1]), result("b", values[2], values[3])
    assert not (beats(one, other) and beats(other, one)) and not beats(one, one)


def test_what_differs_less_than_its_spread_is_level() -> None:
    steady = result("steady", [0.50, 0.51, 0.49], [0.02, 0.02, 0.03])
    noisy = result("noisy", [0.60, 0.40, 0.46], [0.03, 0.02, 0.02])
    weak = result("weak", [0.20, 0.21, 0.19], [0.04, 0.03, 0.04])
    over = result("over", [0.90, 0.91, 0.92], [0.30, 0.31, 0.29])
    found = verdict([noisy, steady, weak, over], 0.06)
    assert (found.best, found.level, found.within) == ("steady", ("noisy",), ("noisy", "steady", "weak"))
    assert found.beaten == ("weak",)
    assert verdict([over], 0.05).best is None and verdict([over], None).best == "over"


def test_forgetting_within_its_mean_but_not_its_interval_is_over_budget() -> None:
    assert verdict([result("a", [1, 1, 1], [0.01, 0.05, 0.06])], 0.05).best is None
