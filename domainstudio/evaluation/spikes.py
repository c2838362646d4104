"""A spike of the loss: one step far above what is usual, and what text is skipped after it (pure rules).

Skipping is the rule of PaLM (arXiv 2204.02311, section 5.1): go back about 100 steps before the spike and
skip 200 to 500 batches, those seen before and during it among them. Here a run goes back to its newest
checkpoint, and twice the text is skipped that was read since then. The numbers of the rule that finds a spike
are ours.
"""

import math
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict

from domainstudio.evaluation.stability import MEMORY

HIGH_Z = 6.0
"""Robust standard deviations above the median of the last `MEMORY` losses."""
LEAST_NATS = 0.5
"""Nats a token above that median; a rise below it may be the text."""
FEWEST_LOSSES = 20
MOST_ROLL_BACKS = 3
"""So often a run goes back; what spikes for ever is no bad batch."""
SKIPPED_TIMES = 2
"""Steps' text skipped for each step that is taken back."""
_DEVIATIONS_OF_MAD = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation."""


class Skip(BaseModel):
    """Draws of text that are left out after a step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: int
    """Step of the checkpoint that was gone back to."""
    draws: int


class SpikeState(BaseModel):
    """What a run remembers of its losses and has left out: with it a run is resumed bit for bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    losses: tuple[float, ...] = ()
    """Nats a token, of the last `MEMORY` steps at most, the newest last."""
    skips: tuple[Skip, ...] = ()

    @property
    def may_go_back(self) -> bool:
        """Whether a spike is still answered by going back."""
        return len(self.skips) < MOST_ROLL_BACKS

    def after(self, loss: float) -> "SpikeState":
        """Return what is remembered after one more step."""
        return self.model_copy(update={"losses": (*self.losses, loss)[-MEMORY:]})

    def skipping(self, skip: Skip, losses: tuple[float, ...]) -> "SpikeState":
        """Return what is remembered where the losses are as they were and more text is left out."""
        return SpikeState(losses=losses, skips=(*self.skips, skip))


def deviations(losses: Sequence[float], loss: float) -> float:
    """Return by how many robust standard deviations a loss lies above the median of others."""
    middle = median(losses)
    spread = _DEVIATIONS_OF_MAD * median(abs(other - middle) for other in losses)
    if spread == 0:
        return 0.0 if loss == middle else math.copysign(math.inf, loss - middle)
    return (loss - middle) / spread


def is_spike(losses: Sequence[float], loss: float) -> bool:
    """Return whether a loss is a spike after the last ones, of which enough must be known."""
    if len(losses) < FEWEST_LOSSES:
        return False
    return loss - median(losses) >= LEAST_NATS and deviations(losses, loss) > HIGH_Z
