"""In which unit a column of counts is given: in the header, never in the cells."""

from dataclasses import dataclass

from domainstudio.units import unit_of

_TENS = ((1000, 0), (100, 1), (1, 2))
"""From so many units on, so many decimals."""


@dataclass(frozen=True)
class Scale:
    """A unit for counts, with the decimals that tell its numbers apart."""

    divisor: float
    sign: str
    """M, 亿 or 万; empty for the count itself."""
    decimals: int

    def text(self, count: float) -> str:
        """Return a count in this unit, without it."""
        return f"{count / self.divisor:,.{self.decimals}f}"

    def titled(self, title: str) -> str:
        """Return a column's title with the unit."""
        return f"{title} ({self.sign})" if self.sign else title


def scale_of(largest: float) -> Scale:
    """Return the unit for counts up to `largest`, the count itself if it is small."""
    divisor, sign = unit_of(largest)
    found = (decimals for units, decimals in _TENS if sign and largest >= units * divisor)
    return Scale(divisor, sign, next(found, 0))
