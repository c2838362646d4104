"""Signatures: MinHash of shingle sets, the band keys that propose pairs, and 8 bits a slot to weed them.

Broder 1997, "On the resemblance and containment of documents"; rensa's kernel is Fast Similarity Sketching
(arXiv 1704.04370), the fallback uses one multiply-add hash function per slot.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

try:
    from rensa import RMinHash
except ImportError:  # there is no wheel for every platform
    RMinHash = None

SEED = 42
_KEY_BASE = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Banding:
    """How a signature is cut: `bands` keys of `rows` slots each.

    A pair of Jaccard similarity s has an equal key with probability 1 - (1 - s**rows)**bands.
    """

    bands: int
    rows: int

    @property
    def slots(self) -> int:
        """Return the length of a signature."""
        return self.bands * self.rows


def algorithm() -> str:
    """Return which hash family signs: signatures of different ones are not comparable."""
    return f"numpy-1/{SEED}" if RMinHash is None else f"rensa-{RMinHash.ALGORITHM_VERSION}/{SEED}"


def sign(hashes: NDArray[np.uint64], offsets: NDArray[np.int64], slots: int) -> NDArray[np.uint32]:
    """Return the MinHash signature of each set: uint32 [sets, slots].

    The share of equal slots of two signatures estimates the Jaccard similarity of their sets. The signature
    of a union is the least of those of its parts. Empty sets are refused: theirs would all be equal.

    Args:
        hashes: the members of all sets; repeated ones do not matter.
        offsets: [sets + 1]: where each set begins, and last where the last one ends.
        slots: length of a signature.

    Raises:
        ValueError: a set is empty.
    """
    if (np.diff(offsets) < 1).any():
        raise ValueError("an empty set has no signature")
    if len(offsets) == 1:
        return np.empty((0, slots), np.uint32)
    if RMinHash is None:
        return _sign_by_numpy(hashes, offsets, slots)
    limits = offsets.astype(np.uint64)
    return np.array(
        RMinHash.digest_matrix_from_flat_token_hashes(hashes, limits, slots, SEED).to_rows(), np.uint32
    )


def _sign_by_numpy(hashes: NDArray[np.uint64], offsets: NDArray[np.int64], slots: int) -> NDArray[np.uint32]:
    """Return signatures by one multiply-add hash function per slot."""
    chooser = np.random.Generator(np.random.PCG64(SEED))
    factors, summands = chooser.integers(0, 1 << 63, (2, slots), np.uint64)
    factors = factors * np.uint64(2) + np.uint64(1)
    signatures = np.empty((len(offsets) - 1, slots), np.uint32)
    for slot in range(slots):
        values = ((hashes * factors[slot] + summands[slot]) >> np.uint64(32)).astype(np.uint32)
        signatures[:, slot] = np.minimum.reduceat(values, offsets[:-1])
    return signatures


def band_keys(signatures: NDArray[np.uint32], banding: Banding) -> NDArray[np.uint64]:
    """Return one key of each signature for each band: uint64 [bands, signatures]."""
    slots = signatures.reshape(len(signatures), banding.bands, banding.rows).astype(np.uint64)
    keys = np.zeros((len(signatures), banding.bands), np.uint64)
    for row in range(banding.rows):
        keys = (keys ^ slots[:, :, row]) * _KEY_BASE
        keys ^= keys >> np.uint64(32)
    return np.ascontiguousarray(keys.T)


def low_bits(signatures: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return 8 bits of each slot: uint8, of the same shape.

    They are spread first: the least of many hashes has few high bits, and rensa's tell the bucket round.
    """
    return ((signatures * np.uint32(0x9E3779B1)) >> np.uint32(24)).astype(np.uint8)


def estimate(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the estimated Jaccard similarity of pairs of signatures in 8 bits a slot: float32 [pairs].

    Slots that are equal by chance, one of 256, are taken off.
    """
    share: NDArray[np.float64] = np.mean(first == second, axis=1)
    return ((share - 1 / 256) / (255 / 256)).astype(np.float32)
