"""The terms of a field: words, and runs of Chinese characters that hold together, with their frequency."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from domainstudio.tokenizer.reading import Cuts, Vocabulary
from domainstudio.tokenizer.words import word_spans

LEAST_COUNT = 5
LONGEST_RUN = 8
"""Characters of a Chinese term at most; one more is counted, to see what goes on behind it."""
NEW_RATIO = 10.0
"""A term is new to general text if it is so many times rarer there."""
MOST_TYPES = 2_000_000
"""Of different words or runs that are counted at once; beyond it, those seen once are forgotten."""
_LEAST_LETTERS = 3
_LEAST_BITS = 5.0
"""Mutual information of the parts of a Chinese term at least (as in new word discovery)."""
_FEW_SHARE = 0.75
"""A run that so often has one of two characters beside it on a side does not end there: it is a part."""
_NUMERALS = frozenset("第〇零一二三四五六七八九十百千万亿")
"""What a number or its rank begins with; 第三条, article three, is no term."""
_TopTwo = tuple[int, int]
_NONE_BESIDE: tuple[_TopTwo, _TopTwo] = ((0, 0), (0, 0))
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]{2,}")


class Term(BaseModel):
    """One term of the domain, and how a tokenizer cuts it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    count: int
    """In the domain's sample."""
    per_million_domain: float
    """A million characters."""
    per_million_general: float
    pieces: tuple[str, ...]
    """Bytes that are no whole character in hexadecimal."""

    @property
    def saved(self) -> int:
        """How many tokens the sample would have fewer if the term were one."""
        return self.count * (len(self.pieces) - 1)

    @property
    def is_new(self) -> bool:
        """Whether general text hardly knows it."""
        return self.per_million_domain >= NEW_RATIO * self.per_million_general


class TermCounts:
    """How often words and runs of Chinese characters occur."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.words: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.characters = 0

    def add(self, text: str) -> None:
        """Count the words and runs of one text."""
        self.characters += len(text)
        self.words.update(text[first:last] for first, last in word_spans(text))
        if not text.isascii():
            for run in _HAN.finditer(text):
                self.runs.update(_parts(run[0]))
        for counts in (self.words, self.runs):
            if len(counts) > MOST_TYPES:
                for rare in [key for key, count in counts.items() if count == 1]:
                    del counts[rare]

    def terms(self) -> dict[str, int]:
        """Return the terms with their counts."""
        words = {
            word: count
            for word, count in self.words.items()
            if count >= LEAST_COUNT and sum(map(str.isalpha, word)) >= _LEAST_LETTERS
        }
        return words | self._chinese()

    def of(self, term: str) -> int:
        """Return how often a term occurs."""
        return self.words[term] or self.runs[term]

    def _chinese(self) -> dict[str, int]:
        """Return runs whose parts attract each other and whose neighbours vary, as in new word discovery."""
        total = sum(count for run, count in self.runs.items() if len(run) == 1)
        found = {
            run: count
            for run, count in self.runs.items()
            if 1 < len(run) <= LONGEST_RUN
            and count >= LEAST_COUNT
            and run[0] not in _NUMERALS
            and self._bits(run, count, total) >= _LEAST_BITS
        }
        beside = self._beside(found)
        return {
            run: count
            for run, count in found.items()
            if max(map(sum, beside.get(run, _NONE_BESIDE))) < _FEW_SHARE * count
        }

    def _beside(self, found: dict[str, int]) -> dict[str, tuple[_TopTwo, _TopTwo]]:
        """Return how often the two most frequent characters stand before each run, and behind it."""
        beside: dict[str, tuple[_TopTwo, _TopTwo]] = {}
        for run, count in self.runs.items():
            if len(run) < 3 or count < LEAST_COUNT:
                continue
            for part, side in ((run[1:], 0), (run[:-1], 1)):
                if part in found:
                    both = list(beside.get(part, _NONE_BESIDE))
                    both[side] = (max(both[side][0], count), sorted((*both[side], count))[1])
                    beside[part] = (both[0], both[1])
        return beside

    def _bits(self, run: str, count: int, total: int) -> float:
        """Return the mutual information of the two parts that attract each other least."""
        return min(
            math.log2(count * total / (max(1, self.runs[run[:cut]]) * max(1, self.runs[run[cut:]])))
            for cut in range(1, len(run))
        )


def cut_worst(
    vocabulary: Vocabulary, domain: TermCounts, general: TermCounts, most: int, *, only_new: bool = False
) -> list[Term]:
    """Return the domain's terms whose cutting costs the most tokens, the costliest first.

    Args:
        vocabulary: cuts them, a word with the space before it.
        domain: the terms.
        general: how often they occur elsewhere; may be empty.
        most: how many to return at most.
        only_new: only those that general text hardly knows.
    """
    counts = domain.terms()
    spelled = {term: term if _HAN.fullmatch(term) else f" {term}" for term in counts}
    tokens = {
        term: len(cuts.ids) - _is_space_alone(text, cuts)
        for (term, text), cuts in zip(spelled.items(), vocabulary.cut(list(spelled.values())), strict=True)
    }
    ranked = sorted(counts, key=lambda term: (-counts[term] * (tokens[term] - 1), term))
    found: list[Term] = []
    for text in ranked:
        if len(found) == most or tokens[text] < 2:
            break
        pieces = [piece.shown for piece in vocabulary.pieces(spelled[text])]
        term = Term(
            text=text,
            count=counts[text],
            per_million_domain=1e6 * counts[text] / max(1, domain.characters),
            per_million_general=1e6 * general.of(text) / max(1, general.characters),
            pieces=tuple(pieces[len(pieces) - tokens[text] :]),
        )
        if term.is_new or not only_new:
            found.append(term)
    return found


def _is_space_alone(text: str, cuts: Cuts) -> bool:
    """Return whether the space before a term is a token of its own, which is none of the term's."""
    return len(cuts.ids) > 1 and int(cuts.ends[0]) <= int(text.startswith(" "))


def _parts(run: str) -> Iterator[str]:
    for length in range(1, LONGEST_RUN + 2):
        for start in range(len(run) - length + 1):
            yield run[start : start + length]
