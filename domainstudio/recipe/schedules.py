"""Learning-rate schedules: a pure function from the step to the rate. A new schedule is one entry here."""

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["cosine", "linear", "constant", "wsd"]

WSD_DECAY_SHARE = 0.1
"""Warm-up, stable, decay (MiniCPM, arXiv 2404.06395): the last tenth falls as 1 − sqrt (arXiv 2405.18392)."""


def _wsd(progress: float) -> float:
    return (
        1.0
        if progress <= 1 - WSD_DECAY_SHARE
        else 1 - math.sqrt((progress - 1 + WSD_DECAY_SHARE) / WSD_DECAY_SHARE)
    )


_SHAPES: dict[ScheduleName, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
    "constant": lambda _: 1.0,
    "wsd": _wsd,
}
"""From the share of the steps after warm-up, 0 to 1, to the height between floor (0) and peak (1)."""


def learning_rate_at(
    step: int, steps: int, *, name: ScheduleName, peak: float, warmup_steps: int, floor: float
) -> float:
    """Return the learning rate of a step.

    Args:
        step: from 1 to `steps`.
        steps: length of the schedule.
        name: the shape after warm-up.
        peak: the highest rate.
        warmup_steps: steps of linear rise; the peak is reached at this step.
        floor: the lowest rate after warm-up as a share of the peak.
    """
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    height = _SHAPES[name](min(1.0, progress))
    return peak * (floor + (1 - floor) * height)
