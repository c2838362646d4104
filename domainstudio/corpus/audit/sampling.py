"""Which pairs a person judges next: a stratified random sample that grows without changing, and other orders.

The sample depends on a seed and on what the pairs are, not on where they stand: the same pairs come up after
duplicates were found anew, and what was judged already counts on.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit.mixing import mixed

MINIMUM = 2
"""Every stratum gives so many before the rest is shared out by size: with more, many small ones would take
the judgements that the few large ones need."""
_BANDS_IN_ONE = 20


@dataclass(frozen=True, eq=False)
class Strata:
    """A cut of pairs, or of documents, into strata."""

    of: NDArray[np.int64]
    """Number of the stratum, shape [pairs]."""
    keys: tuple[tuple[int, ...], ...]
    """What the members of each stratum have in common: the value of each column."""
    sizes: NDArray[np.int64]
    """Members, shape [strata], all above 0."""


def band_edges(low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of similarity bands: both ends and the multiples of 0.05 between them."""
    between = np.arange(_BANDS_IN_ONE + 1) / _BANDS_IN_ONE
    return np.array([low, *between[(between > low) & (between < high)], high])


def bands(similarities: NDArray[np.floating], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each similarity's band, shape [pairs]; a band holds its lower edge.

    The first and the last band also take what lies outside; 1.0 is in the last.
    """
    found: NDArray[np.int64] = np.digitize(similarities, edges[1:-1]).astype(np.int64)
    return found


def stratify(columns: Sequence[NDArray[np.int64]]) -> Strata:
    """Return the strata of equal values in all columns, in their order.

    Args:
        columns: small numbers from 0 up, each of shape [pairs]: of the band, the language, the source.
    """
    widths = tuple(int(column.max(initial=0)) + 1 for column in columns)
    found, of, sizes = np.unique(
        np.ravel_multi_index(tuple(columns), widths), return_inverse=True, return_counts=True
    )
    keys = zip(*(part.tolist() for part in np.unravel_index(found, widths)), strict=True)
    return Strata(of.astype(np.int64), tuple(keys), sizes.astype(np.int64))


def permanent_numbers(seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number of each pair that is random, yet always the same for the same texts, shape [pairs].

    A permanent random number (Ohlsson 1995, "Coordination of samples using permanent random numbers", in Cox
    et al., "Business survey methods"): the smallest numbers are a random sample, and stay one when pairs come
    and go. Mixed with the finaliser of SplitMix64 (Steele, Lea and Flood 2014).

    Args:
        seed: of the audit.
        hashes: shape [pairs, words]: the content hashes of a pair, or of one document, side by side.
    """
    state = int.from_bytes(hashlib.blake2b(str(seed).encode(), digest_size=8).digest(), "big")
    numbers = np.full(len(hashes), state, np.uint64)
    for column in hashes.T:
        numbers = mixed(numbers ^ column)
    return numbers


def allocation(sizes: NDArray[np.int64], total: int, minimum: int = MINIMUM) -> NDArray[np.int64]:
    """Return the stratum of each place in a sample, in order, shape [at most total].

    First each stratum gets one place, the largest first, then a second, up to the minimum; then the next
    place goes where it is due by size (Webster's method of divisors). So a larger sample has the places of a
    smaller one, and after them others.

    Args:
        sizes: shape [strata].
        total: places in all; fewer come back where there are not so many members.
        minimum: places of each stratum that has so many members, before sizes count.
    """
    places = np.minimum(sizes, total)
    strata = np.repeat(np.arange(len(sizes)), places)
    rank = np.arange(len(strata)) - np.repeat(np.cumsum(places) - places, places)
    turn = np.minimum(rank, minimum)
    claim = sizes[strata] / np.where(turn < minimum, 1, 2 * rank + 1)
    order: NDArray[np.int64] = np.lexsort((strata, -claim, turn))[:total]
    return strata[order]


def random_sample(
    numbers: NDArray[np.uint64], strata: Strata, total: int, minimum: int = MINIMUM
) -> NDArray[np.int64]:
    """Return the places of the random sample's pairs in the order in which to judge them.

    Within a stratum the smallest permanent numbers come first; a larger sample begins with the smaller one.

    Args:
        numbers: as from `permanent_numbers`, shape [pairs].
        strata: of the same pairs.
        total: pairs to draw.
        minimum: as in `allocation`.
    """
    places = allocation(strata.sizes, total, minimum)
    order = np.lexsort((numbers, strata.of))
    starts = np.cumsum(strata.sizes) - strata.sizes
    drawn: NDArray[np.int64] = order[starts[places] + _earlier(places)]
    return drawn


def _earlier(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many equal values stand before each one."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    return rank


def uncertain_first(
    similarities: NDArray[np.floating], threshold: float, numbers: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Return the places of all pairs, those nearest to the threshold first, equals by permanent number.

    What is judged in this order says nothing about the share of all: it is a choice of the doubtful.

    Args:
        similarities: shape [pairs].
        threshold: from which on a pair is a duplicate.
        numbers: as from `permanent_numbers`, shape [pairs].
    """
    return np.lexsort((numbers, np.abs(similarities - threshold)))
