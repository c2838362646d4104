"""How many removals are wrong, from a sample: 95 % intervals of a share, of one stratum and over all."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution: two-sided 95 %."""


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a share, both ends from 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True)
class Tally:
    """One stratum: how many there are, how many of them were checked at random, how many of these are wrong.

    `checked` may be a fraction where it is planned rather than counted.
    """

    size: int
    checked: float
    wrong: int
    unsure: int = 0
    """Looked at and left undecided: not among the checked."""


@dataclass(frozen=True)
class Estimate:
    """The share of wrong ones over all strata."""

    size: int
    checked: float
    wrong: int
    unsure: int
    share: float | None
    """Weighted by the sizes of the strata that have anything checked; None if none has."""
    interval: Interval
    unseen_share: float
    """The part of all that lies in strata where nothing was checked; the interval allows it anything."""


def wilson(wrong: float, checked: float) -> Interval:
    """Return the score interval of a share; nothing checked says nothing: 0 to 1.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22:209-212;
    recommended over the textbook interval by Brown, Cai and DasGupta (2001), "Interval estimation for a
    binomial proportion", Statistical Science 16:101-133: it is no point where no error was found.

    Args:
        wrong: from 0 to `checked`.
        checked: judgements, or an effective number of them.
    """
    if checked <= 0:
        return Interval(0.0, 1.0)
    share, spread = wrong / checked, Z95 * Z95 / checked
    centre = share + spread / 2
    half = math.sqrt(max(0.0, share * (1 - share)) * spread + spread * spread / 4)
    low = (centre - half) / (1 + spread) if wrong > 0 else 0.0
    high = (centre + half) / (1 + spread) if wrong < checked else 1.0
    return Interval(max(0.0, low), min(1.0, high))


def weighted(tallies: Iterable[Tally]) -> Estimate:
    """Return the stratified estimate: the mean of the strata's shares, weighted by their sizes.

    One stratum by itself has Wilson's interval. Of several, the upper end is Wilson's at the effective sample
    size 1 / Σ W_h² / n_h (Kish 1965, "Survey sampling"; an interval at an effective size as in Korn and
    Graubard 1998, Survey Methodology 24:193-201), so that without an error, and with as many checked in
    proportion everywhere, it is that of the whole sample, however finely that is cut; a combination of the
    strata's own intervals (MOVER; Zou and Donner 2008, Statistics in Medicine 27:1693-1702) is several times
    as wide then. The lower end is the gamma limit of a weighted sum of counts (Fay and Feuer 1997, Statistics
    in Medicine 16:791-801; its quantile by Wilson and Hilferty 1931), as Wilson's lower end is often too high
    where few errors are found. Simulated over lopsided designs and errors in one stratum or in all, 93 to
    99 % of such intervals hold the truth (in the tests).

    A stratum checked to the last is known, one that nobody has looked at may hold anything. That part of a
    stratum is checked already is not used elsewhere, which errs on the side of caution.
    """
    counted = [tally for tally in tallies if tally.size]
    size = sum(tally.size for tally in counted)
    seen = [tally for tally in counted if tally.checked > 0]
    known = [tally for tally in seen if tally.checked >= tally.size]
    sampled = [tally for tally in seen if tally.checked < tally.size]
    certain = sum(tally.wrong for tally in known)
    part = sum(tally.size for tally in sampled)
    unseen = size - part - sum(tally.size for tally in known)
    share, limits = _of_sampled(sampled)
    return Estimate(
        size=size,
        checked=sum(tally.checked for tally in seen),
        wrong=sum(tally.wrong for tally in seen),
        unsure=sum(tally.unsure for tally in counted),
        share=(certain + share * part) / (size - unseen) if seen else None,
        interval=Interval(
            (certain + limits.low * part) / size if size else 0.0,
            (certain + limits.high * part + unseen) / size if size else 1.0,
        ),
        unseen_share=unseen / size if size else 0.0,
    )


def _of_sampled(tallies: Sequence[Tally]) -> tuple[float, Interval]:
    """Return the share and its interval over strata that all have some checked, none of them all."""
    if not tallies:
        return 0.0, Interval(0.0, 0.0)
    size = sum(tally.size for tally in tallies)
    # What one judgement of each stratum stands for, as a share of the whole.
    worth = [tally.size / size / tally.checked for tally in tallies]
    share = sum(each * tally.wrong for each, tally in zip(worth, tallies, strict=True))
    variance = sum(each * each * tally.wrong for each, tally in zip(worth, tallies, strict=True))
    if len(tallies) == 1:
        return share, wilson(tallies[0].wrong, tallies[0].checked)
    effective = 1 / sum(each * each * tally.checked for each, tally in zip(worth, tallies, strict=True))
    low = _gamma_limit(share * share / variance) * variance / share if variance else 0.0
    return share, Interval(low, wilson(share * effective, effective).high)


def _gamma_limit(shape: float) -> float:
    """Return about the 2.5 % point of a gamma distribution of scale 1 (Wilson and Hilferty 1931)."""
    return float(shape * max(0.0, 1 - 1 / (9 * shape) - Z95 / (3 * math.sqrt(shape))) ** 3)


def needed_without_error(wrong: int, checked: int, claim: float) -> int:
    """Return how many more right answers in a row allow the claim that so large a share is right.

    Args:
        wrong: found so far.
        checked: so far.
        claim: below 1, such as 0.99; the upper end of Wilson's interval comes down to 1 less this.
    """
    return _least(lambda more: wilson(wrong, checked + more).high <= 1 - claim)


def needed_over_strata(tallies: Sequence[Tally], claim: float) -> int | None:
    """Return how many more right answers, spread over what is left, allow a claim about the whole.

    Args:
        tallies: of all strata; what is not yet checked is taken up in proportion.
        claim: as in `needed_without_error`, of the estimate of `weighted`.

    Returns:
        At most what is left; None if the errors found are too many whatever the rest is like.
    """
    left = sum(tally.size - int(tally.checked) for tally in tallies)

    def allows(more: int) -> bool:
        taken = more / left if left else 0.0
        planned = (
            Tally(tally.size, tally.checked + (tally.size - tally.checked) * taken, tally.wrong)
            for tally in tallies
        )
        return weighted(planned).interval.high <= 1 - claim

    return _least(lambda more: allows(min(more, left))) if allows(left) else None


def _least(holds: Callable[[int], bool]) -> int:
    """Return the least number from 0 up of which something holds that holds of all greater ones."""
    if holds(0):
        return 0
    high = 1
    while not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
