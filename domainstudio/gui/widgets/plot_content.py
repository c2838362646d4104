"""What a plot shows: lines, level lines, labels at the end, marks and events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from domainstudio.jobs.columns import Array

Range = tuple[float, float]
SOLID: tuple[float, ...] = ()
DASHES: tuple[tuple[float, ...], ...] = (SOLID, (5, 3), (1, 2), (7, 2, 1, 2))
"""Lines of one role share the colour and differ by these."""
BASE_DASH, ACCEPTED_DASH, EVENT_DASH = (5.0, 4.0), (6.0, 3.0), (1.0, 3.0)


@dataclass(frozen=True)
class PlotLine:
    """A line through points, x ascending; NaN in y is a gap."""

    x: Array
    y: Array
    token: str
    width: float = 1.5
    """1 for long series, which are drawn without antialiasing; 2 for a smoothed one above it."""
    dash: tuple[float, ...] = SOLID
    ends_in_dot: bool = False


@dataclass(frozen=True)
class LevelLine:
    """A horizontal reference line across the plot."""

    y: float
    token: str
    dash: tuple[float, ...] = BASE_DASH


@dataclass(frozen=True)
class EndLabel:
    """Words at the right, at the height of a line's end."""

    y: float
    text: str
    token: str
    is_strong: bool = False


@dataclass(frozen=True)
class EventLine:
    """A dotted vertical line with words."""

    x: float
    text: str


@dataclass(frozen=True)
class Reading:
    """What a plot says of the place under the pointer."""

    x: float
    """The nearest place where there is a value."""
    title: str
    rows: Sequence[tuple[str, str, str]]
    """(name, value, token)"""


def _nothing_to_read(_x: float) -> Reading | None:
    return None


@dataclass(frozen=True)
class Content:
    """Everything a plot draws for the range in sight."""

    whole: Range = (0.0, 1.0)
    """The x range when nothing is zoomed."""
    lines: Sequence[PlotLine] = ()
    levels: Sequence[LevelLine] = ()
    labels: Sequence[EndLabel] = ()
    events: Sequence[EventLine] = ()
    checkpoints: Array = field(default_factory=lambda: np.empty(0))
    gaps: Array = field(default_factory=lambda: np.empty(0))
    """The x of values that are not finite."""
    value: str = ""
    """The newest value, beside the title of a small plot."""
    summary: str = ""
    """The plot in a sentence, for those who do not see it."""
    read: Callable[[float], Reading | None] = _nothing_to_read
    x_divisor: float = 1.0
    x_unit: str = ""
    empty: str = ""
    """What is said while there is no point at all."""
    is_signed: bool = False
    """Whether y is a difference: ticks have a sign."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no point at all."""
        return not any(len(line.x) for line in self.lines)


Source = Callable[[Range | None, int], Content]
"""(x range in sight, None for all of it; number of points worth drawing) → content."""
