"""How much text a number of tokens is, by what was measured on the sources themselves (pure arithmetic)."""

from collections.abc import Mapping
from dataclasses import dataclass

from domainstudio.mixture.shares import Portion
from domainstudio.tokenizer.arithmetic import books


@dataclass(frozen=True)
class TextRatio:
    """What one source's tokens hold."""

    characters_per_token: float
    words_per_character: float
    unspaced_per_character: float
    documents_sampled: int


@dataclass(frozen=True)
class TextAmount:
    """How much text a mixture reads, repeats counted as often as they are read."""

    characters: float
    words: float
    """Of scripts that put spaces between words."""
    unspaced: float
    """Characters of scripts that do not."""
    documents_sampled: int
    """On so many documents words were counted."""

    @property
    def books(self) -> float:
        """Books' worth of both."""
        return books(self.words, self.unspaced)


def amount(portions: list[Portion], ratios: Mapping[str, TextRatio]) -> TextAmount | None:
    """Return how much text the portions are; None if one of their sources was not measured."""
    characters, words, unspaced, sampled = 0.0, 0.0, 0.0, 0
    for portion in portions:
        ratio = ratios.get(portion.source)
        if ratio is None:
            return None
        read = portion.tokens * ratio.characters_per_token
        characters += read
        words += read * ratio.words_per_character
        unspaced += read * ratio.unspaced_per_character
        sampled += ratio.documents_sampled
    return TextAmount(characters, words, unspaced, sampled)
