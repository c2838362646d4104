"""How many words a text has: counted on a sample of documents while packing, never assumed."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

EVERY = 16
"""One document in this many is counted, from the first document of each part on."""
MOST_CHARACTERS = 100_000
"""How much of one document is counted at most."""

UNSPACED = (
    (0x2E80, 0x2FDF), (0x3041, 0x309F), (0x30A1, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Code points, both ends included, of scripts without spaces between words: characters are counted there."""
_UNSPACED = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED) + "]")
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")

_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*(?=\s|$)|[。！？]")
"""A full stop within a number or an address ends nothing; one after an abbreviation is taken for an end."""


class WordCount(BaseModel):
    """What a sample of a text holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = 0
    characters: int = 0
    words: int = 0
    """Of scripts that put spaces between words."""
    unspaced: int = 0
    """Characters of scripts that do not, such as Chinese."""
    sentences: int | None = None
    """None where they were not counted: in token files packed before that was done."""

    def __add__(self, other: "WordCount") -> "WordCount":
        """Return both samples together."""
        return WordCount(
            documents=self.documents + other.documents,
            characters=self.characters + other.characters,
            words=self.words + other.words,
            unspaced=self.unspaced + other.unspaced,
            sentences=None
            if self.sentences is None or other.sentences is None
            else self.sentences + other.sentences,
        )


NO_WORDS = WordCount(sentences=0)
"""Of no document: what a sum begins with."""


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end, of scripts that put spaces between them."""
    spaced = text if text.isascii() else _UNSPACED.sub(" ", text)
    return [match.span() for match in _WORD.finditer(spaced)]


def count_words(text: str) -> WordCount:
    """Count the words of one document, of its first `MOST_CHARACTERS` characters."""
    text = text[:MOST_CHARACTERS]
    unspaced = 0
    spaced = text
    if not text.isascii():
        spaced, unspaced = _UNSPACED.subn(" ", text)
    words = sum(1 for _ in _WORD.finditer(spaced))
    sentences = sum(1 for _ in _SENTENCE_END.finditer(text)) or 1
    return WordCount(documents=1, characters=len(text), words=words, unspaced=unspaced, sentences=sentences)


def count_sample(texts: Iterable[str], first: int) -> WordCount:
    """Count the documents of the sample among some texts, the first of which has the number `first`."""
    total = NO_WORDS
    for number, text in enumerate(texts, first):
        if number % EVERY == 0:
            total += count_words(text)
    return total
