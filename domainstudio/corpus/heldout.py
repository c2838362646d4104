"""Which text is held out from training: a hash threshold frozen at a source's first import (pure rules)."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.hashing import content_hash

DOCUMENT_SHARE = 0.01
MINIMUM_HELD_OUT = 32
CHARACTER_SHARE = 0.10
FEW_DOCUMENTS = 320
"""A source with fewer documents holds out passages cut from them."""
PASSAGE_CHARACTERS = 4000
_SMALLEST_PASSAGE = 200


class HeldOutRule(BaseModel):
    """A frozen rule: a unit of text is held out if its content hash (16 bytes) is below `below`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["document", "passage"]
    below: str = Field(pattern="^[0-9a-f]{32}$")
    """The threshold as 32 hexadecimal digits; all zeros holds nothing out."""
    passage_characters: int = Field(default=PASSAGE_CHARACTERS, ge=1)

    def holds_out(self, digest: bytes) -> bool:
        """Return whether the unit with this content hash is held out."""
        return digest < bytes.fromhex(self.below)


def choose_threshold(prefixes: NDArray[np.uint64], characters: NDArray[np.int64]) -> str:
    """Return the threshold for 1 % of the units, or 32 if that is more, never over 10 % of the text.

    All zeros where that leaves none of the units.

    Args:
        prefixes: the first 8 bytes of each unit's content hash, shape [units].
        characters: each unit's length, shape [units].
    """
    if not len(prefixes):
        return "0" * 32
    wanted = max(round(len(prefixes) * DOCUMENT_SHARE), MINIMUM_HELD_OUT)
    order = np.argsort(prefixes, kind="stable")
    within = np.cumsum(characters[order]) <= characters.sum() * CHARACTER_SHARE
    count = min(wanted, int(within.argmin()) if not within.all() else len(order))
    # Equal prefixes are equal texts: they stay on one side, so the border moves down to the first of them.
    border = prefixes[order[count]] if count < len(order) else np.iinfo(np.uint64).max
    return f"{int(border) if border > prefixes[order[0]] else 0:016x}" + "0" * 16


def passage_length(total_characters: int) -> int:
    """Return the length of passages for a source of few documents: about 4,000, less if it is very small."""
    return max(_SMALLEST_PASSAGE, min(PASSAGE_CHARACTERS, total_characters // 40))


def cut_passages(text: str, length: int) -> list[str]:
    """Cut a text into passages of about `length` characters, between paragraphs, lines or sentences.

    The passages joined are the text.
    """
    passages, start = [], 0
    while len(text) - start > length * 3 // 2:
        end = _border(text, start + length // 2, start + length * 3 // 2, start + length)
        passages.append(text[start:end])
        start = end
    return [*passages, text[start:]]


def _border(text: str, low: int, high: int, ideal: int) -> int:
    for mark in ("\n\n", "\n", "。", ". ", " "):
        before = text.rfind(mark, low, ideal)
        after = text.find(mark, ideal, high)
        places = [place + len(mark) for place in (before, after) if place >= 0]
        if places:
            return min(places, key=lambda place: abs(place - ideal))
    return ideal


def split_document(text: str, rule: HeldOutRule) -> Iterator[tuple[str, bool]]:
    """Yield a document's pieces (text, held out?): held-out passages alone, those between joined."""
    joined: list[str] = []
    for passage in cut_passages(text, rule.passage_characters):
        if not rule.holds_out(content_hash(passage)):
            joined.append(passage)
            continue
        if joined:
            yield "".join(joined), False
            joined = []
        yield passage, True
    if joined:
        yield "".join(joined), False
