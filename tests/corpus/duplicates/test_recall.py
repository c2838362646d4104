"""Expected recall: the curve of the bands, and what it says of the pairs that were found."""

import numpy as np
import pytest

from domainstudio.corpus.duplicates.recall import expected_recall, probability
from domainstudio.corpus.duplicates.signatures import Banding


def test_the_curve_is_that_of_independent_rows_and_bands() -> None:
    for banding in (Banding(20, 6), Banding(25, 5), Banding(1, 1)):
        for similarity in (0.0, 0.3, 0.5, 0.7, 0.8, 0.95):
            expected = 1 - (1 - similarity**banding.rows) ** banding.bands
            assert probability(similarity, banding) == pytest.approx(expected)
        assert probability(1.0, banding) == pytest.approx(1.0)
    assert probability(0.8, Banding(20, 6)) == pytest.approx(0.998, abs=0.0005)
    assert probability(0.7, Banding(25, 5)) == pytest.approx(0.990, abs=0.0005)


def test_found_pairs_stand_for_those_that_were_missed() -> None:
    banding, generator = Banding(10, 6), np.random.default_rng(0)
    true = generator.uniform(0.7, 1, 200_000).astype(np.float32)
    found = true[generator.random(len(true)) < probability(true, banding)]
    for threshold in (0.7, 0.75, 0.9):
        share = (found >= threshold).sum() / (true >= threshold).sum()
        assert expected_recall(found, banding, threshold) == pytest.approx(share, abs=0.003)


def test_without_a_pair_nothing_is_expected() -> None:
    assert expected_recall(np.array([0.75], np.float32), Banding(20, 6), 0.8) is None
    assert expected_recall(np.array([0.8], np.float32), Banding(20, 6), 0.8) == pytest.approx(
        0.998, abs=0.001
    )
