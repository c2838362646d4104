"""What a run's guard has changed on its way, as the coming steps feel it (pure functions)."""

import math
from collections.abc import Sequence

from domainstudio.jobs.events import Intervention


def rate_factor(done: Sequence[Intervention], step: int) -> float:
    """Return what the schedule's rate is multiplied by at a step: a change counts from the next step on."""
    return math.prod(one.value for one in done if one.what == "rate" and one.step < step)


def dropout_at(done: Sequence[Intervention], usual: float) -> float:
    """Return the dropout of the coming step: nothing that was done lowers it."""
    return max([usual, *(one.value for one in done if one.what == "dropout")])


def general_shares(done: Sequence[Intervention]) -> list[tuple[int, float]]:
    """Return (first step, share of general text from it on) of every change of the replay."""
    return [(one.step + 1, one.value) for one in done if one.what == "replay"]


def with_general_share(shares: Sequence[float], is_general: Sequence[bool], general: float) -> list[float]:
    """Return shares of which general text has so much, each kind divided among its sources as before.

    Both kinds must have a share in `shares`.
    """
    before = math.fsum(share for share, kind in zip(shares, is_general, strict=True) if kind)
    other = math.fsum(share for share, kind in zip(shares, is_general, strict=True) if not kind)
    return [
        share * (general / before if kind else (1 - general) / other)
        for share, kind in zip(shares, is_general, strict=True)
    ]
