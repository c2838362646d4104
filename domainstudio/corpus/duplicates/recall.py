"""Recall: how many of the pairs that there are a search can be expected to have found."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domainstudio.corpus.duplicates.signatures import Banding


def probability(similarity: ArrayLike, banding: Banding) -> NDArray[np.float64]:
    """Return with what probability a pair of some Jaccard similarity shares a band key.

    1 - (1 - s**rows)**bands: Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4.2.
    What the weeding by estimate loses, and that long runs of equal keys are not linked in full, is not in it.
    """
    shared = np.asarray(similarity, np.float64) ** banding.rows
    return np.asarray(-np.expm1(banding.bands * np.log1p(-np.minimum(shared, 1 - 1e-16))))


def expected_recall(similarity: NDArray[np.float32], banding: Banding, threshold: float) -> float | None:
    """Return which share of the pairs of at least `threshold` was found, to be expected by those that were.

    A found pair stands for one over its probability of being found (Horvitz and Thompson 1952). None if no
    pair reaches the threshold.
    """
    found = similarity[similarity >= np.float32(threshold)]
    if not len(found):
        return None
    return float(len(found) / (1 / probability(found, banding)).sum())
