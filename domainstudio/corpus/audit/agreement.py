"""How far two reviewers agree beyond chance: Cohen's kappa."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Agreement:
    """What two reviewers made of the same pairs."""

    categories: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]
    """Pairs by the first reviewer's category (rows) and the second's (columns)."""
    kappa: float | None
    """1: as one; 0: as chance would have it; None, where `why_none` says so."""
    standard_error: float | None
    """For large samples; None where kappa is."""
    why_none: Literal["nothing in common", "one category"] | None
    """No pair was judged by both; or both put all pairs into one category, so that chance agrees fully."""

    @property
    def pairs(self) -> int:
        """How many pairs both judged."""
        return sum(map(sum, self.table))

    @property
    def agreed(self) -> int:
        """On how many of them they agree."""
        return sum(row[place] for place, row in enumerate(self.table))


def agreement(first: Mapping[Item, str], second: Mapping[Item, str], categories: Sequence[str]) -> Agreement:
    """Return Cohen's kappa over what both judged, with its standard error.

    Cohen (1960), "A coefficient of agreement for nominal scales", Educational and Psychological Measurement
    20:37-46; the standard error is that of Fleiss, Cohen and Everitt (1969), Psychological Bulletin
    72:323-327, equation 13.

    Args:
        first: the first reviewer's category of each item.
        second: the second's.
        categories: all there may be.

    Raises:
        ValueError: a category is not among `categories`.
    """
    table = [[0] * len(categories) for _ in categories]
    for item in first.keys() & second.keys():
        table[categories.index(first[item])][categories.index(second[item])] += 1
    whole = sum(map(sum, table))
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    counts = (tuple(categories), tuple(map(tuple, table)))
    if not whole:
        return Agreement(*counts, None, None, "nothing in common")
    if whole in rows and rows == columns:
        return Agreement(*counts, None, None, "one category")
    by_chance = sum(row * column for row, column in zip(rows, columns, strict=True)) / whole**2
    observed = sum(row[place] for place, row in enumerate(table)) / whole
    kappa = (observed - by_chance) / (1 - by_chance)
    return Agreement(*counts, kappa, _standard_error(table, rows, columns, kappa, by_chance), None)


def _standard_error(
    table: list[list[int]], rows: list[int], columns: list[int], kappa: float, by_chance: float
) -> float:
    whole = sum(rows)
    spread = -((kappa - by_chance * (1 - kappa)) ** 2)
    for i, row in enumerate(table):
        for j, count in enumerate(row):
            margins = (columns[i] + rows[j]) / whole
            weight = (1 - margins * (1 - kappa)) if i == j else margins * (1 - kappa)
            spread += count / whole * weight**2
    return math.sqrt(max(0.0, spread) / whole) / (1 - by_chance)
