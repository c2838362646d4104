"""How much text a number of tokens is, and back: by what was measured, or by named rules of thumb."""

from dataclasses import dataclass
from typing import Literal

BOOK_WORDS = 90_000
BOOK_UNSPACED = 150_000
"""Characters of a book in a script without word spaces, such as Chinese."""

Unit = Literal["tokens", "bytes", "characters", "words", "unspaced", "sentences", "books"]
UNITS: tuple[Unit, ...] = ("tokens", "bytes", "characters", "words", "unspaced", "sentences", "books")


def books(words: float, unspaced: float) -> float:
    """Return how many books of `BOOK_WORDS` words or `BOOK_UNSPACED` characters without word spaces."""
    return words / BOOK_WORDS + unspaced / BOOK_UNSPACED


@dataclass(frozen=True)
class TokenRatios:
    """What one token holds, on average; None where nothing was measured or said."""

    name: str
    bytes: float | None = None
    characters: float | None = None
    words: float | None = None
    """Of scripts that put spaces between words."""
    unspaced: float | None = None
    """Characters of scripts that do not, such as Chinese."""
    sentences: float | None = None

    @property
    def books(self) -> float | None:
        """Of a book: see `books`."""
        if self.words is None and self.unspaced is None:
            return None
        return books(self.words or 0.0, self.unspaced or 0.0)

    def per_token(self, unit: Unit) -> float | None:
        """Return how much of a unit one token holds."""
        held: float | None = 1.0 if unit == "tokens" else getattr(self, unit)
        return held


FOLKLORE: tuple[TokenRatios, ...] = (
    TokenRatios("English, 1.45 tokens a word", words=1 / 1.45, sentences=1 / 1.45 / 20),
    TokenRatios("Chinese, a token a character", unspaced=1.0),
    TokenRatios("Chinese, 0.75 tokens a character", unspaced=1 / 0.75),
)
"""What people reckon with before anything is measured. On Chinese they contradict each other by a third."""


def converted(amount: float, unit: Unit, ratios: TokenRatios) -> dict[Unit, float] | None:
    """Return an amount in every unit that the ratios know; None if they do not know its own.

    Args:
        amount: so many.
        unit: of the amount.
        ratios: what a token holds.
    """
    held = ratios.per_token(unit)
    if not held:
        return None
    tokens = amount / held
    known = {other: ratios.per_token(other) for other in UNITS}
    return {other: tokens * value for other, value in known.items() if value is not None}
