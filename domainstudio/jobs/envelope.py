"""What a plot shows of a column: its envelope, which keeps every spike, and its centred mean."""

import math
from dataclasses import dataclass

import numpy as np

from domainstudio.jobs.columns import FACTOR, Array, Columns, blocks_of

SMOOTHED_POINTS = 1000
_REACH = 1 / 80
"""How far the centred mean reaches to either side, as a share of the rows in sight."""
_FINEST_SMOOTHING = 16
_FINENESS = 4
"""Blocks a bucket at least, so that buckets may have nearly any width."""


@dataclass(frozen=True)
class Line:
    """Points to draw, x ascending: y is NaN where the line has a gap."""

    x: Array
    y: Array
    gaps: Array
    """The x of values that are not finite (of their buckets, where those are wide)."""

    @property
    def y_range(self) -> tuple[float, float] | None:
        """Least and greatest finite y."""
        finite = self.y[np.isfinite(self.y)]
        return (float(finite.min()), float(finite.max())) if len(finite) else None


def rows_in_sight(x: Array, x_range: tuple[float, float] | None) -> tuple[int, int]:
    """Return the rows from the last before `x_range` up to the first behind it (end exclusive)."""
    if x_range is None:
        return 0, len(x)
    low, high = x_range
    if x.dtype.kind == "i":  # else numpy would turn the whole column into floats to compare it
        low, high = math.ceil(low), math.floor(high)
    first = int(np.searchsorted(x, np.array(low, x.dtype), side="left")) - 1
    last = int(np.searchsorted(x, np.array(high, x.dtype), side="right")) + 1
    return max(0, first), min(len(x), last)


def envelope(
    columns: Columns, x: str, y: str, x_range: tuple[float, float] | None = None, points: int = 2000
) -> Line:
    """Return about `points` points that bracket every finite value in sight.

    Few rows are returned as they are. Many are put into buckets of whole pyramid blocks, whose borders do not
    move while the run grows; each gives its least and its greatest value at the x of its first row.
    """
    length = len(columns)
    x_values, y_values = columns.column(x, length), columns.column(y, length)
    start, end = rows_in_sight(x_values, x_range)
    if end - start <= max(points, 2):
        return _raw(x_values[start:end], y_values[start:end])
    buckets = max(1, points // 2)
    level = 0
    while (end - start) // FACTOR ** (level + 1) >= _FINENESS * buckets:
        level += 1
    size = FACTOR**level
    width = size * -(-(end - start) // (size * buckets))
    starts = np.arange(start // width * width, end, width)
    blocks = _blocks(columns, y, level, int(starts[0]), min(length, int(starts[-1]) + width), length)
    places = (starts - starts[0]) // size
    low, high = np.fmin.reduceat(blocks["low"], places), np.fmax.reduceat(blocks["high"], places)
    rows = np.minimum(starts + width, length) - starts
    has_gap = np.add.reduceat(blocks["count"], places) < rows
    at = x_values[starts].astype("f8")
    pairs = np.stack([low, high], axis=1)
    # Every second pair upside down: what joins two pairs is short then, and drawn in half the time.
    is_turned = starts // width % 2 == 1
    pairs[is_turned] = pairs[is_turned, ::-1]
    return Line(np.repeat(at, 2), pairs.reshape(-1), at[has_gap])


def thinned(x: Array, y: Array, points: int) -> Line:
    """Return a line of plain arrays as `envelope` does one of columns."""
    if len(x) <= max(points, 2):
        return _raw(x, y)
    starts = np.arange(0, len(x), -(-len(x) // max(1, points // 2)))
    low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    return _raw(np.repeat(x[starts], 2), np.stack([low, high], axis=1).reshape(-1))


def _raw(x: Array, y: Array) -> Line:
    values = y.astype("f8")
    is_gap = ~np.isfinite(values)
    values[is_gap] = np.nan
    return Line(x.astype("f8"), values, x[is_gap].astype("f8"))


def _blocks(columns: Columns, y: str, level: int, start: int, end: int, length: int) -> Array:
    """Return the blocks of a level from row `start`, a border, up to `end`; the last may be short."""
    size = FACTOR**level
    if level == 0:
        return blocks_of(columns.column(y, length)[start:end].reshape(-1, 1))
    whole = columns.level(y, level, length)[start // size : -(-end // size)]
    rest = columns.column(y, length)[start + len(whole) * size : end]
    return np.concatenate([whole, blocks_of(rest.reshape(1, -1))]) if len(rest) else whole


def smoothed(columns: Columns, x: str, y: str, x_range: tuple[float, float] | None = None) -> Line:
    """Return the centred mean of the finite values in sight at no more than `SMOOTHED_POINTS` points.

    The window narrows towards the ends, so that a steep beginning is not flattened, but to no less than a
    quarter of its reach: the last value stays a mean.
    """
    length = len(columns)
    x_values = columns.column(x, length)
    start, end = rows_in_sight(x_values, x_range)
    level = 0
    while (end - start) // FACTOR**level > SMOOTHED_POINTS * _FINEST_SMOOTHING:
        level += 1
    size = FACTOR**level
    blocks = _blocks(columns, y, level, start // size * size, end, length)
    number = len(blocks)
    if number == 0:
        return Line(np.empty(0), np.empty(0), np.empty(0))
    sums = np.concatenate([[0.0], np.cumsum(blocks["sum"])])
    counts = np.concatenate([[0], np.cumsum(blocks["count"])])
    reach = max(1, round(number * _REACH))
    places = np.unique(np.linspace(0, number - 1, min(number, SMOOTHED_POINTS)).round().astype("i8"))
    span = np.minimum(reach, np.maximum(np.minimum(places, number - 1 - places), reach // 4))
    first, last = np.maximum(places - span, 0), np.minimum(places + span + 1, number)
    count = counts[last] - counts[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (sums[last] - sums[first]) / count
    rows = np.minimum((start // size + places) * size + size // 2, end - 1)
    rows[-1] = end - 1
    return Line(x_values[rows].astype("f8"), np.where(count > 0, mean, np.nan), np.empty(0))
