"""Which blend of base and trained model to take: the most gain within what may be forgotten (pure rules)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BlendOutcome:
    """What `share` of the way from the base (0) to the trained model (1) gains and forgets, in nats."""

    share: float
    gain: float
    forgetting: float


@dataclass(frozen=True)
class Verdict:
    """The blend with the most gain among those within the accepted forgetting."""

    best: BlendOutcome
    share_of_gain: float | None
    """Of the trained model's gain; None if that gained nothing."""


def verdict(points: Sequence[BlendOutcome], accepted: float | None) -> Verdict | None:
    """Return the blend to take; of two with one gain the one that forgets less. None without points within.

    Args:
        points: a base at 0 and a trained model at 1 among them.
        accepted: rise of general loss that is accepted, nats a token; None accepts any.
    """
    within = [point for point in points if accepted is None or point.forgetting <= accepted]
    if not within:
        return None
    best = max(within, key=lambda point: (point.gain, -point.forgetting))
    whole = next((point.gain for point in points if point.share == 1), 0.0)
    return Verdict(best, best.gain / whole if whole > 0 else None)
