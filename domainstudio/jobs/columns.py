"""The points of a run as growing columns of numbers, each plotted one with a min/max pyramid above it.

One thread appends; others may read meanwhile without a lock: what they see is the length published last. Rows
below a published length never change; arrays that are full are replaced by larger copies.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domainstudio.jobs.events import Step

Array = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "step": np.dtype("i8"),
    "tokens": np.dtype("i8"),
    "seconds": np.dtype("f8"),
    "loss": np.dtype("f8"),
    "learning_rate": np.dtype("f8"),
    "gradient_norm": np.dtype("f4"),
    "tokens_per_second": np.dtype("f4"),
    "memory_bytes": np.dtype("i8"),
    "divergence": np.dtype("f4"),
}
"""The fields of a Step event, and `seconds`: the time the attempts have worked so far, pauses left out.

What an event does without is NaN.
"""

PLOTTED = ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "memory_bytes")
"""The columns with a pyramid; the others only grow along the run and serve as x axes."""

FACTOR = 16
"""Rows of one block of the first level, and blocks of one block of the next."""

BLOCK = np.dtype([("low", "f8"), ("high", "f8"), ("sum", "f8"), ("count", "i4")])
"""Least, greatest, sum and number of the finite values of a block; NaN, NaN, 0, 0 if there is none."""

_SMALLEST = 1024


class Columns:
    """Rows of `DTYPES`, appended in the order of their steps."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._length = 0
        self._arrays = {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
        self._levels: dict[str, list[Array]] = {name: [] for name in PLOTTED}

    @classmethod
    def over(cls, arrays: Mapping[str, Array], first_levels: Mapping[str, Array]) -> "Columns":
        """Return columns over whole arrays, which may be read-only memory maps; nothing is copied.

        Args:
            arrays: every column of `DTYPES`, of one length.
            first_levels: the first level of the pyramid of every column of `PLOTTED`.
        """
        columns = cls()
        columns._arrays = dict(arrays)
        length = len(arrays["step"])
        for name in PLOTTED:
            columns._levels[name] = [first_levels[name]]
            columns._raise_levels(name, 1, 0, length)
        columns._length = length
        return columns

    def __len__(self) -> int:
        """Return the number of rows that stand."""
        return self._length

    def column(self, name: str, length: int | None = None) -> Array:
        """Return one column, cut to a length read before so that several columns agree."""
        array: Array = self._arrays[name][: self._length if length is None else length]
        return array

    def level(self, name: str, number: int, length: int | None = None) -> Array:
        """Return the whole blocks of `FACTOR ** number` rows each (dtype `BLOCK`) of one column."""
        blocks = (self._length if length is None else length) // FACTOR**number
        levels = self._levels[name]
        return levels[number - 1][:blocks] if blocks else np.empty(0, BLOCK)

    def extend(self, rows: Mapping[str, Sequence[Any] | Array]) -> None:
        """Append rows; readers see them only when all of it is in place."""
        start = self._length
        end = start + len(rows["step"])
        for name in DTYPES:
            self._arrays[name] = _with_room(self._arrays[name], start, end)
            self._arrays[name][start:end] = rows[name]
        for name in PLOTTED:
            self._raise_first_level(name, start, end)
            self._raise_levels(name, 1, start, end)
        self._length = end

    def rows(self, start: int, end: int) -> "Columns":
        """Return a copy of the rows from `start` up to `end`."""
        copied = Columns()
        copied.extend({name: array[start:end] for name, array in self._arrays.items()})
        return copied

    def before(self, step: int) -> int:
        """Return the number of rows whose step is smaller than `step`."""
        return int(np.searchsorted(self.column("step"), step))

    def points(self, start: int = 0, end: int | None = None) -> list[Step]:
        """Return rows as the events they were."""
        stop = self._length if end is None else min(end, self._length)
        names = [name for name in DTYPES if name != "seconds"]
        values = [self._arrays[name][start:stop].tolist() for name in names]
        names_and_values = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return [Step(**one | {"divergence": _known(one["divergence"])}) for one in names_and_values]

    def _raise_first_level(self, name: str, start: int, end: int) -> None:
        """Make the blocks that the rows from `start` up to `end` have completed."""
        if not self._levels[name]:
            self._levels[name].append(np.empty(0, BLOCK))
        first, last = start // FACTOR, end // FACTOR
        if first == last:
            return
        level = self._levels[name][0] = _with_room(self._levels[name][0], first, last)
        rows = self._arrays[name][first * FACTOR : last * FACTOR]
        level[first:last] = blocks_of(rows.reshape(-1, FACTOR))

    def _raise_levels(self, name: str, below: int, start: int, end: int) -> None:
        """Make the blocks above level `below` that the rows from `start` up to `end` have completed."""
        size = FACTOR ** (below + 1)
        first, last = start // size, end // size
        if last == 0:
            return
        levels = self._levels[name]
        if len(levels) == below:
            levels.append(np.empty(0, BLOCK))
        if last > first:
            level = _with_room(levels[below], first, last)
            parts = levels[below - 1][first * FACTOR : last * FACTOR].reshape(-1, FACTOR)
            with np.errstate(over="ignore", invalid="ignore"):
                level["low"][first:last] = np.fmin.reduce(parts["low"], axis=1)
                level["high"][first:last] = np.fmax.reduce(parts["high"], axis=1)
                level["sum"][first:last] = parts["sum"].sum(axis=1)
            level["count"][first:last] = parts["count"].sum(axis=1)
            levels[below] = level
        self._raise_levels(name, below + 1, start, end)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def blocks_of(values: Array) -> Array:
    """Return one block (dtype `BLOCK`) for each row of a table of numbers."""
    known = values.astype("f8")
    finite = np.isfinite(known)
    known[~finite] = np.nan
    blocks = np.empty(len(known), BLOCK)
    blocks["low"], blocks["high"] = np.fmin.reduce(known, axis=1), np.fmax.reduce(known, axis=1)
    with np.errstate(over="ignore"):
        blocks["sum"] = np.nansum(known, axis=1)
    blocks["count"] = finite.sum(axis=1)
    return blocks


def _with_room(array: Array, used: int, needed: int) -> Array:
    """Return an array that can be written up to `needed`, its first `used` entries kept."""
    if needed <= used or (needed <= len(array) and array.flags.writeable):
        return array
    larger = np.empty(max(_SMALLEST, needed, len(array) * 3 // 2), array.dtype)
    larger[:used] = array[:used]
    return larger
