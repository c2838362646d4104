"""The figures of a report: matplotlib drawings in the product's colours, as inline SVG."""

import re
import warnings
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from domainstudio.units import format_change

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = Sequence[tuple[int, float]]

_COLOURS = {"train": "#0069A6", "raw": "#5797C4", "domain": "#AF4700", "forget": "#96397A"}
_TEXT, _SECOND, _HAIRLINE, _BORDER = "#1A1D21", "#555D67", "#DFE2E6", "#848C96"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "domainstudio"}
NARROW, WIDE = 5.6, 11.6
"""Inches: two figures a row, or one."""


def training_loss(losses: Curve, smoothed: Curve, title: str, unit: str, x_label: str) -> str:
    """Return the raw loss with its centred mean above it."""
    figure, axes = _axes(title, unit, x_label)
    if losses:
        axes.plot(*zip(*losses, strict=True), color=_COLOURS["raw"], linewidth=0.8)
        axes.set_xlim(0, losses[-1][0])
    if smoothed:
        axes.plot(*zip(*smoothed, strict=True), color=_COLOURS["train"], linewidth=1.8)
        step, loss = smoothed[-1]
        _label(axes, step, [(loss, f"{loss:.3f}", _COLOURS["train"])])
    return _svg(figure)


def against_base(
    curves: Mapping[str, Curve],
    role: str,
    words: tuple[str, str, str, str],
    width: float = NARROW,
    accepted: tuple[float, str] | None = None,
) -> str:
    """Return held-out curves as differences from step 0, the base a dashed line at 0.

    Args:
        curves: by source, each [(step, nats per token above the base)].
        role: `domain` or `forget`: decides the colour.
        words: title, unit, name of the x axis, name of the base line.
        width: in inches.
        accepted: the rise that the run accepts, and the name of its line.
    """
    title, unit, x_label, base = words
    figure, axes = _axes(title, unit, x_label, width)
    axes.axhline(0, color=_SECOND, linewidth=1, dashes=(5, 4))
    labels, end = [(0.0, base, _SECOND)], 1
    if accepted is not None:
        axes.axhline(accepted[0], color=_COLOURS["forget"], linewidth=1, dashes=(6, 3))
        labels.append((*accepted, _COLOURS["forget"]))
    for number, (name, curve) in enumerate(curves.items()):
        steps, values = zip(*curve, strict=True)
        axes.plot(
            steps, values, color=_COLOURS[role], linewidth=1.5, linestyle=_DASHES[number % len(_DASHES)]
        )
        labels.append((values[-1], f"{name} {format_change(values[-1])}", _COLOURS[role]))
        end = max(end, steps[-1])
    axes.set_xlim(0, end)
    _label(axes, end, labels)
    return _svg(figure)


def _axes(title: str, unit: str, x_label: str, width: float = NARROW) -> tuple["Figure", Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.1), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=_TEXT, pad=18)
    axes.text(0, 1.03, unit, transform=axes.transAxes, fontsize=8, color=_SECOND)
    axes.set_xlabel(x_label, fontsize=8, color=_SECOND, loc="right")
    axes.grid(axis="y", color=_HAIRLINE, linewidth=0.8)
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=8, colors=_SECOND, length=0)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_BORDER)
    return figure, axes


def _label(axes: Any, x: float, labels: list[tuple[float, str, str]]) -> None:
    """Write each line's name and last value at its end, pushed apart to a readable distance."""
    low, high = axes.get_ylim()
    gap, lowest = (high - low) * 0.08, float("-inf")
    for y, text, colour in sorted(labels):
        place = max(y, lowest + gap)
        lowest = place
        axes.annotate(
            text, (x, place), xytext=(4, 0), textcoords="offset points", fontsize=8, color=colour,
            va="center", annotation_clip=False, parse_math=False,
        )  # fmt: skip


def _svg(figure: "Figure") -> str:
    """Return the drawing as an <svg> element without file header, the same for the same data.

    Letters stay text: the reader's fonts know the scripts that matplotlib's own lacks.
    """
    import matplotlib

    target = StringIO()
    with matplotlib.rc_context(_SVG), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return re.sub(r"^.*?(?=<svg)", "", target.getvalue(), flags=re.DOTALL)
