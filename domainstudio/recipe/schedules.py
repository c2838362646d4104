"""Learning-rate schedules: a pure function from the step to the rate. A new schedule is one entry here."""

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["cosine", "linear", "constant", "wsd", "infinite"]
WITH_PLATEAU: tuple[ScheduleName, ...] = ("constant", "wsd", "infinite")
"""Schedules that hold a rate for long: from any checkpoint of theirs a decay may branch off."""

WSD_DECAY_SHARE = 0.1
"""Warm-up, stable, decay (MiniCPM, arXiv 2404.06395): the last tenth falls as 1 − sqrt (arXiv 2405.18392)."""

COOLDOWN_SHARE = 0.25
CONSTANT_HEIGHT = 0.5
"""Infinite (arXiv 2403.08763, 2503.02844): a cosine leads from the peak to a rate that is held for as long as
text comes. That it is half-way to the floor, reached in a quarter of the steps, is a choice of ours: three
quarters of the checkpoints are there to branch from."""


def _wsd(progress: float) -> float:
    return (
        1.0
        if progress <= 1 - WSD_DECAY_SHARE
        else 1 - math.sqrt((progress - 1 + WSD_DECAY_SHARE) / WSD_DECAY_SHARE)
    )


def _infinite(progress: float) -> float:
    cooled = min(1.0, progress / COOLDOWN_SHARE)
    return CONSTANT_HEIGHT + (1 - CONSTANT_HEIGHT) * 0.5 * (1 + math.cos(math.pi * cooled))


_SHAPES: dict[ScheduleName, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
    "constant": lambda _: 1.0,
    "wsd": _wsd,
    "infinite": _infinite,
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


def decayed_rate(rate: float, lowest: float, taken: int, steps: int) -> float:
    """Return the rate of a decay after some of its steps: it falls as 1 − sqrt (arXiv 2405.18392).

    Args:
        rate: where it begins.
        lowest: where it ends; a rate that is lower already stays.
        taken: steps of the decay, 0 to `steps`.
        steps: its length.
    """
    return rate - (rate - min(lowest, rate)) * math.sqrt(min(1.0, taken / steps))
