"""In which unit a column of counts is given: in the header, never in the cells."""

from dataclasses import dataclass

from domainstudio.units import big_unit

_TENS = ((1000, 0), (100, 1), (1, 2))
"""From so many units on, so many decimals."""


@dataclass(frozen=True)
class Scale:
    """A unit for counts, with the decimals that tell its numbers apart."""

    divisor: float
    sign: str
    """M or 亿; empty for the count itself."""
    decimals: int

    def text(self, count: float) -> str:
        """Return a count in this unit, without it."""
        return f"{count / self.divisor:,.{self.decimals}f}"

    def titled(self, title: str) -> str:
        """Return a column's title with the unit."""
        return f"{title} ({self.sign})" if self.sign else title


def scale_of(largest: float) -> Scale:
    """Return the unit for counts up to `largest`: the language's big one, or the count itself below one."""
    divisor, sign = big_unit()
    for units, decimals in _TENS:
        if largest >= units * divisor:
            return Scale(divisor, sign, decimals)
    return Scale(1, "", 0)
