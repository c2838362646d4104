"""Windows: every run of so many numbers of a sequence, found again in another by its hash."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.shingles import powers

_MOST_BITS = 26
_ROOM = 8
"""Places of each filter for each window: of others one in so many passes."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


def window_hashes(values: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return the hash of every run of `length` values: uint64 [values - length + 1], or none."""
    if len(values) < length:
        return np.empty(0, np.uint64)
    rising, falling = powers(len(values))
    sums = values * rising
    np.cumsum(sums, out=sums)
    found = sums[length - 1 :].copy()
    found[1:] -= sums[:-length]
    found *= falling[: len(found)]
    return found


@dataclass(frozen=True, eq=False)
class WindowIndex:
    """The windows of several sequences, to look up those of others in."""

    length: int
    hashes: NDArray[np.uint64]
    """Ascending, with repetitions."""
    places: NDArray[np.int64]
    """Where each begins in the sequences, one after the other."""
    filters: NDArray[np.bool_]
    """[2, 2**bits]: whether any hash, and any mixed hash, begins with these bits."""

    def find(self, values: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows begin that have the hash of one here, and where that begins.

        What is here several times comes several times.
        """
        found = window_hashes(values, self.length)
        bits = self.filters.shape[1].bit_length() - 1
        places = np.flatnonzero(self.filters[0].take(_beginning(found, bits), mode="clip"))
        places = places[self.filters[1].take(_beginning(found[places] * _MIX, bits), mode="clip")]
        hashes = found[places]
        first = np.searchsorted(self.hashes, hashes)
        counts = np.searchsorted(self.hashes, hashes, "right") - first
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(places, counts), self.places[np.repeat(first, counts) + within]


def index_windows(values: NDArray[np.uint64], ends: NDArray[np.int64], length: int) -> WindowIndex:
    """Return the index of all windows within sequences.

    Args:
        values: of all sequences, one after the other.
        ends: of each sequence in `values`.
        length: of a window.
    """
    hashes = window_hashes(values, length)
    places = np.arange(len(hashes))
    # A window is within the sequence in which it begins, or across the end of that.
    is_within = places + length <= ends[np.searchsorted(ends, places, "right")] if len(hashes) else places > 0
    hashes, places = hashes[is_within], places[is_within]
    order = np.argsort(hashes, kind="stable")
    bits = max(1, min(_MOST_BITS, (_ROOM * len(hashes)).bit_length()))
    filters = np.zeros((2, 1 << bits), bool)
    filters[0, _beginning(hashes, bits)] = True
    filters[1, _beginning(hashes * _MIX, bits)] = True
    return WindowIndex(length, hashes[order], places[order], filters)


def _beginning(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - bits)).astype(np.int64)
