"""What a comparison of methods bears: means over seeds with intervals, and no winner inside them (pure)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""The 97.5 % points of Student's t with 1 to 30 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and half the width of its 95 % interval, None where one seed shows no spread."""

    mean: float
    half: float | None

    @property
    def low(self) -> float:
        """The lower end; the mean itself without an interval."""
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        """The upper end; the mean itself without an interval."""
        return self.mean + (self.half or 0.0)

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0; without an interval nothing is clear."""
        return self.half is not None and (self.low > 0 or self.high < 0)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of at least one value with its t-interval, that of the next lower entry above 30."""
    if len(values) < 2:
        return Estimate(values[0], None)
    quantile = _T95[min(len(values) - 1, len(_T95)) - 1]
    return Estimate(mean(values), quantile * stdev(values) / math.sqrt(len(values)))


@dataclass(frozen=True)
class MethodResult:
    """What one method did against its equal-token control, by seed in a fixed order, nats a token."""

    method: str
    gain: tuple[float, ...]
    forgetting: tuple[float, ...]


@dataclass(frozen=True)
class Difference:
    """One method less another, paired by seed: both saw the same weights and the same order of text."""

    gain: Estimate
    forgetting: Estimate


def difference(one: MethodResult, other: MethodResult) -> Difference:
    """Return what a method gains and forgets beyond another, over the seeds that both have."""
    return Difference(
        estimate([a - b for a, b in zip(one.gain, other.gain, strict=False)]),
        estimate([a - b for a, b in zip(one.forgetting, other.forgetting, strict=False)]),
    )


def beats(one: MethodResult, other: MethodResult) -> bool:
    """Return whether a method is no worse on average in either and clearly better in gain or forgetting."""
    found = difference(one, other)
    if found.gain.mean < 0 or found.forgetting.mean > 0:
        return False
    return found.gain.is_clear or found.forgetting.is_clear


@dataclass(frozen=True)
class Verdict:
    """What may be said of methods under a budget; names only."""

    best: str | None
    """The most gain on average among those within budget; None if none is."""
    level: tuple[str, ...]
    """Others within budget whose gain cannot be told from it."""
    beaten: tuple[str, ...]
    """Methods, within budget or not, that the best one beats."""
    within: tuple[str, ...]
    """Methods whose forgetting stays within budget, with the whole of its interval if it has one."""


def verdict(results: Sequence[MethodResult], budget: float | None) -> Verdict:
    """Return what the results bear.

    Args:
        results: one of each method.
        budget: the forgetting that is accepted, nats a token; None accepts any.
    """
    within = [one for one in results if budget is None or estimate(one.forgetting).high <= budget]
    if not within:
        return Verdict(None, (), (), ())
    best = max(within, key=lambda one: mean(one.gain))
    level = [one for one in within if one is not best and not difference(best, one).gain.is_clear]
    return Verdict(
        best.method,
        tuple(one.method for one in level),
        tuple(one.method for one in results if beats(best, one)),
        tuple(one.method for one in within),
    )
