"""Agreement of two reviewers: a published table, chance, and tables for which there is no kappa."""

import numpy as np
import pytest

from domainstudio.corpus.audit.agreement import Agreement, agreement


def judged(table: list[list[int]]) -> Agreement:
    first, second = dict[int, str](), dict[int, str]()
    for row, counts in enumerate(table):
        for column, count in enumerate(counts):
            for _ in range(count):
                second[len(first)] = str(column)
                first[len(first)] = str(row)
    return agreement(first, second, [str(place) for place in range(len(table))])


def test_the_film_critics() -> None:
    """Agresti, "Categorical data analysis", 2nd edition, section 10.5: kappa 0.389, standard error 0.060."""
    found = judged([[24, 8, 13], [8, 13, 11], [10, 9, 64]])
    assert found.kappa is not None and found.standard_error is not None
    assert (round(found.kappa, 3), round(found.standard_error, 3)) == (0.389, 0.060)
    assert (found.pairs, found.agreed) == (160, 101)
    assert found.table == ((24, 8, 13), (8, 13, 11), (10, 9, 64))


def test_the_standard_error_is_the_spread_over_samples() -> None:
    shares = np.array([[0.62, 0.08], [0.06, 0.24]])
    rng = np.random.default_rng(3)
    samples = [judged(rng.multinomial(300, shares.ravel()).reshape(2, 2).tolist()) for _ in range(1000)]
    kappas = [found.kappa for found in samples]
    errors = [found.standard_error for found in samples]
    assert np.mean(errors) == pytest.approx(np.std(kappas), rel=0.1)


def test_full_agreement_is_one_and_agreement_by_chance_none() -> None:
    assert judged([[7, 0], [0, 3]]).kappa == 1
    assert judged([[7, 0], [0, 3]]).standard_error == 0
    assert judged([[40, 10], [40, 10]]).kappa == pytest.approx(0)
    assert judged([[0, 5], [5, 0]]).kappa == pytest.approx(-1)


def test_only_what_both_judged_counts() -> None:
    found = agreement({1: "a", 2: "b", 3: "a"}, {2: "b", 3: "b", 4: "a"}, ["a", "b"])
    assert found.table == ((0, 1), (0, 1))
    assert (found.pairs, found.agreed, found.kappa) == (2, 1, 0)


def test_there_is_no_kappa_without_pairs_or_with_one_category() -> None:
    nothing = agreement({1: "a"}, {2: "a"}, ["a", "b"])
    assert (nothing.kappa, nothing.standard_error, nothing.why_none) == (None, None, "nothing in common")
    one = judged([[9, 0], [0, 0]])
    assert (one.kappa, one.standard_error, one.why_none) == (None, None, "one category")
    assert judged([[9, 1], [0, 0]]).kappa == 0


def test_a_category_that_is_not_known_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="c"):
        agreement({1: "c"}, {1: "a"}, ["a", "b"])
