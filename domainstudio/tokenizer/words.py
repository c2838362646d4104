"""How many words a text has: counted on a sample of documents while packing, never assumed."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

EVERY = 16
"""One document in this many is counted, from the first document of each part on."""
MOST_CHARACTERS = 100_000
"""How much of one document is counted at most."""

# Scripts that put no space between words: their characters are counted instead.
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3041-\u309f\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")


class WordCount(BaseModel):
    """What a sample of a text holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = 0
    characters: int = 0
    words: int = 0
    """Of scripts that put spaces between words."""
    unspaced: int = 0
    """Characters of scripts that do not, such as Chinese."""

    def __add__(self, other: "WordCount") -> "WordCount":
        """Return both samples together."""
        return WordCount(
            documents=self.documents + other.documents,
            characters=self.characters + other.characters,
            words=self.words + other.words,
            unspaced=self.unspaced + other.unspaced,
        )


def count_words(text: str) -> WordCount:
    """Count the words of one document, of its first `MOST_CHARACTERS` characters."""
    text = text[:MOST_CHARACTERS]
    unspaced = 0
    spaced = text
    if not text.isascii():
        spaced, unspaced = _UNSPACED.subn(" ", text)
    words = sum(1 for _ in _WORD.finditer(spaced))
    return WordCount(documents=1, characters=len(text), words=words, unspaced=unspaced)


def count_sample(texts: Iterable[str], first: int) -> WordCount:
    """Count the documents of the sample among some texts, the first of which has the number `first`."""
    total = WordCount()
    for number, text in enumerate(texts, first):
        if number % EVERY == 0:
            total += count_words(text)
    return total
