"""What answers to canary facts say: whether the base knew them at all, and what of it is still known."""

import math
from collections.abc import Sequence


def needed(choices: Sequence[int]) -> int:
    """Return the fewest right answers that guessing hardly gives: chance and two standard errors more.

    Args:
        choices: how many endings each fact offers, shape [facts].
    """
    expected = math.fsum(1 / count for count in choices)
    deviation = math.sqrt(math.fsum((1 / count) * (1 - 1 / count) for count in choices))
    return math.floor(expected + 2 * deviation) + 1


def kept(known: Sequence[int], right: Sequence[bool]) -> float:
    """Return the share of the facts right at step 0, by their numbers, that are right now; NaN of none."""
    return sum(right[number] for number in known) / len(known) if known else math.nan
