"""Held-out loss along a run: a curve a source, their mean change against the base and against a control."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domainstudio.evaluation.forgetting import ProbePoint

Array = NDArray[Any]
Points = tuple[Array, Array]
"""(steps, values), steps ascending."""


@dataclass(frozen=True)
class SourceCurve:
    """Held-out loss of one source in nats per token by step."""

    source: str
    role: str
    steps: Array
    nats: Array

    @property
    def base(self) -> float:
        """The loss at step 0, NaN if it was not measured."""
        return float(self.nats[0]) if len(self.steps) and self.steps[0] == 0 else float("nan")

    @property
    def change(self) -> Array:
        """The rise against the base."""
        return self.nats - self.base


class HeldOut:
    """The held-out curves of one run, in order of first appearance."""

    def __init__(self, probes: Sequence[ProbePoint]) -> None:
        """Take the probes in the order written."""
        grouped: dict[str, list[ProbePoint]] = {}
        for probe in tuple(probes):
            grouped.setdefault(probe.source, []).append(probe)
        self.curves = tuple(
            SourceCurve(
                name,
                points[0].role,
                np.array([point.step for point in points], "i8"),
                np.array([point.nats_per_token for point in points], "f8"),
            )
            for name, points in grouped.items()
        )

    @cached_property
    def forgetting(self) -> Points:
        """Mean rise of general loss against the base, over the sources that have one."""
        return self._mean("general", is_change=True)

    @property
    def general_base(self) -> float | None:
        """Mean general loss at step 0, None if it was not measured."""
        bases = [curve.base for curve in self.curves if curve.role == "general" and np.isfinite(curve.base)]
        return sum(bases) / len(bases) if bases else None

    @cached_property
    def domain_change(self) -> Points:
        """Mean rise of domain loss against the base; below 0 is a gain."""
        return self._mean("domain", is_change=True)

    @cached_property
    def domain_loss(self) -> Points:
        """Mean domain loss."""
        return self._mean("domain", is_change=False)

    def forgetting_against(self, control: "HeldOut") -> Points:
        """Return the mean of general loss above the control's at the same steps."""
        there = {curve.source: curve for curve in control.curves}
        parts = []
        for curve in self.curves:
            if curve.role == "general" and curve.source in there:
                other = there[curve.source]
                steps, mine, theirs = np.intersect1d(curve.steps, other.steps, return_indices=True)
                parts.append((steps, curve.nats[mine] - other.nats[theirs]))
        return _means(parts)

    def _mean(self, role: str, *, is_change: bool) -> Points:
        curves = [curve for curve in self.curves if curve.role == role]
        if is_change:
            curves = [curve for curve in curves if np.isfinite(curve.base)]
        return _means((curve.steps, curve.change if is_change else curve.nats) for curve in curves)


def _means(parts: Iterable[Points]) -> Points:
    """Return the mean by step over all parts that have it."""
    found = list(parts)
    if not found:
        return np.empty(0, "i8"), np.empty(0)
    steps, places = np.unique(np.concatenate([steps for steps, _ in found]), return_inverse=True)
    sums = np.bincount(places, np.concatenate([values for _, values in found]))
    return steps, sums / np.bincount(places)
