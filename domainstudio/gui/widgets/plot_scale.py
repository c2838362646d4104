"""Where a plot puts things: ticks at round numbers, labels pushed apart, values to pixels. Imports no Qt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domainstudio.units import format_change

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0)


@dataclass(frozen=True)
class Scale:
    """A straight map from values to pixels."""

    low: float
    high: float
    first_pixel: float
    last_pixel: float

    def to_pixel(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.first_pixel + (value - self.low) * self.factor

    def to_value(self, pixel: float) -> float:
        """Return the value at a pixel."""
        return self.low + (pixel - self.first_pixel) / self.factor

    @property
    def factor(self) -> float:
        """Pixels for one unit; negative where values grow upwards."""
        return (self.last_pixel - self.first_pixel) / (self.high - self.low)


def padded(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """Return a range a little wider on both sides; one that is a point becomes wide enough to be drawn."""
    width = high - low
    if width <= max(max(abs(low), abs(high)) * 1e-9, 1e-200):
        width = abs(high) * 0.1 if abs(high) > 1e-200 else 1.0
        return low - width / 2, high + width / 2
    return low - width * share, high + width * share


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most `most` round numbers within [low, high], evenly spaced."""
    width = high - low
    if not (math.isfinite(width) and width > 0) or most < 1:
        return []
    power = 10.0 ** math.floor(math.log10(width / most))
    for times in _ROUND:
        step = power * times
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [number * step for number in range(first, last + 1)]
    return []


def tick_words(values: Sequence[float], *, signed: bool = False) -> list[str]:
    """Return ticks in words with the decimals that tell them apart: 2,500, 0.25; signed: +0.04, 0, −0.1."""
    if not values:
        return []
    step = abs(values[1] - values[0]) if len(values) > 1 else abs(values[0]) or 1.0
    largest = max(abs(value) for value in values)
    if largest and (largest < 1e-3 or largest >= 1e12):
        return [_power_words(value) if abs(value) > step / 2 else "0" for value in values]
    digits = 0
    while digits < 9 and abs(step * 10**digits - round(step * 10**digits)) > 1e-6 * step * 10**digits:
        digits += 1
    if signed:
        return [format_change(value, digits) if abs(value) > step / 2 else "0" for value in values]
    return [f"{value if abs(value) > step / 2 else 0:,.{digits}f}".replace("-", "−") for value in values]


def _power_words(value: float) -> str:
    """Return a very small or very large number: 2.5e-5."""
    mantissa, _e, exponent = f"{value:.3g}".partition("e")
    return mantissa.replace("-", "−") + (f"e{int(exponent)}" if exponent else "")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places at least `gap` apart in the order of those wanted, as near to them as that allows.

    Labels that collide move as a block about their middle; the blocks stay within [low, high] if they fit.
    """
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    blocks: list[tuple[float, list[int]]] = []
    for number in order:
        members = [number]
        place = _within(wanted[number], 1, gap, low, high)
        while blocks and place - blocks[-1][0] < (len(blocks[-1][1]) + len(members)) / 2 * gap:
            members = blocks.pop()[1] + members
            middle = sum(wanted[each] for each in members) / len(members)
            place = _within(middle, len(members), gap, low, high)
        blocks.append((place, members))
    places = [0.0] * len(wanted)
    for middle, members in blocks:
        for rank, number in enumerate(members):
            places[number] = middle + (rank - (len(members) - 1) / 2) * gap
    return places


def _within(middle: float, members: int, gap: float, low: float, high: float) -> float:
    """Return the middle of a block moved into [low, high], or to the middle of that if it does not fit."""
    half = (members - 1) / 2 * gap
    return max(low + half, min(middle, high - half)) if high - low >= 2 * half else (low + high) / 2


def zoomed(
    shown: tuple[float, float], whole: tuple[float, float], factor: float, about: float
) -> tuple[float, float] | None:
    """Return a range narrowed (factor < 1) or widened about a value, within the whole; None is the whole."""
    low = about - (about - shown[0]) * factor
    high = about + (shown[1] - about) * factor
    width = high - low
    if width >= (whole[1] - whole[0]) * 0.999 or not math.isfinite(width):
        return None
    low = min(max(low, whole[0]), whole[1] - width)
    return low, low + width
