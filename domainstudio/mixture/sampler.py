"""The sampler: which block of which source is drawn n-th. Its whole state is the integer n.

Sources take turns by a fixed cycle in which each has its exact quota, spread evenly; the k-th draw of a
source is block P(k mod blocks) of epoch k // blocks, P a seeded pseudorandom permutation (a Feistel network
with cycle walking). No block comes twice within an epoch, and going on at any n takes constant time. Where
shares change on the way, each source goes on in its own permutation where it stood.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CYCLE = 1 << 16
_ROUNDS = 4
_MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class Draw:
    """The block drawn: the source's position in the mixture, the epoch and the block's number within it."""

    source: int
    epoch: int
    block: int


class Sampler:
    """Draws blocks by number; two samplers with equal arguments are equal."""

    def __init__(
        self,
        shares: list[float],
        blocks: list[int],
        seed: int,
        changes: Sequence[tuple[int, list[float]]] = (),
    ) -> None:
        """Plan the cycles.

        Args:
            shares: share of each source, summing to 1, shape [sources].
            blocks: whole blocks each source has, each at least 1, shape [sources].
            seed: chooses the permutations.
            changes: (number of the first draw, shares from it on), by ascending number.
        """
        if min(blocks) < 1:
            raise ValueError("every source needs at least one block")
        self._blocks = blocks
        self._seed = seed
        self._segments = [_Segment(0, [0] * len(shares), shares)]
        for first, changed in changes:
            before = self._segments[-1]
            self._segments.append(_Segment(first, before.drawn(first), changed))
        self._firsts = [segment.first for segment in self._segments]

    def draw(self, number: int) -> Draw:
        """Return the draw with this number, from 0."""
        segment = self._segments[bisect_right(self._firsts, number) - 1]
        source, count = segment.turn(number)
        epoch, position = divmod(count, self._blocks[source])
        key = _mix(_mix(self._seed & _MASK64) ^ _mix((source << 32) ^ epoch))
        return Draw(source, epoch, permute(position, self._blocks[source], key))


class _Segment:
    """Draws from one number on with one set of shares."""

    def __init__(self, first: int, before: list[int], shares: list[float]) -> None:
        """Plan the cycle; `before` is how often each source was drawn before `first`."""
        self.first = first
        self._before = before
        quotas = _quotas(shares)
        self._quotas = [int(quota) for quota in quotas]
        # The j-th draw of a source with quota q is due at (j + 1/2) / q of the cycle: evenly spread.
        due = np.concatenate([(np.arange(quota) + 0.5) / quota for quota in quotas])
        owner = np.repeat(np.arange(len(quotas)), quotas)
        turn = np.concatenate([np.arange(quota) for quota in quotas])
        order = np.lexsort((owner, due))
        self._owner: NDArray[np.int64] = owner[order]
        self._turn: NDArray[np.int64] = turn[order]

    def turn(self, number: int) -> tuple[int, int]:
        """Return (source, how often it was drawn before) of a draw within the segment."""
        cycles, place = divmod(number - self.first, CYCLE)
        source = int(self._owner[place])
        return source, self._before[source] + cycles * self._quotas[source] + int(self._turn[place])

    def drawn(self, number: int) -> list[int]:
        """Return how often each source was drawn before a draw that follows the segment's first."""
        cycles, place = divmod(number - self.first, CYCLE)
        begun = np.bincount(self._owner[:place], minlength=len(self._quotas)).tolist()
        counts = zip(self._before, self._quotas, begun, strict=True)
        return [before + cycles * quota + more for before, quota, more in counts]


def _quotas(shares: list[float]) -> NDArray[np.int64]:
    """Return integer quotas that sum to the cycle (largest remainder), at least 1 each."""
    exact = np.array(shares) / sum(shares) * CYCLE
    quotas = np.maximum(1, np.floor(exact)).astype(np.int64)
    by_remainder = np.argsort(-(exact - np.floor(exact)), kind="stable")
    for index in by_remainder[: max(0, CYCLE - int(quotas.sum()))]:
        quotas[index] += 1
    quotas[int(np.argmax(quotas))] -= int(quotas.sum()) - CYCLE
    return quotas


def permute(position: int, size: int, key: int) -> int:
    """Return where a keyed permutation of range(size) sends `position`."""
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    half_mask = (1 << half_bits) - 1
    while True:
        left, right = position >> half_bits, position & half_mask
        for round_number in range(_ROUNDS):
            left, right = right, left ^ (_mix(right ^ key ^ (round_number << 56)) & half_mask)
        position = (left << half_bits) | right
        if position < size:
            return position


def _mix(value: int) -> int:
    """Scramble 64 bits (the finaliser of splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK64
    return value ^ (value >> 31)
