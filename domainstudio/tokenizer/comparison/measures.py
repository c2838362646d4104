"""What a tokenizer makes of a text: fertility, compression, cut words, how evenly it uses its vocabulary."""

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.tokenizer.encode import batches
from domainstudio.tokenizer.reading import Cuts, Vocabulary
from domainstudio.tokenizer.words import UNSPACED, word_spans

RENYI_ORDER = 2.5
MOSTLY_UNSPACED = 0.3
"""From such a share of its characters on a text is Chinese, or its like: digits and signs are no words."""
_BATCH_CHARACTERS = 1 << 18


class Measure(BaseModel):
    """One tokenizer on one text; counts add up, shares are properties."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int = Field(ge=0)
    bytes: int = Field(ge=0)
    characters: int = Field(ge=0)
    words: int = Field(ge=0)
    """Of scripts that put spaces between words."""
    unspaced: int = Field(ge=0)
    """Characters of scripts that do not, such as Chinese."""
    unspaced_tokens: int = Field(ge=0)
    """Tokens that hold such a character or a part of one."""
    continued_words: int = Field(ge=0)
    """Words that are more than one token."""
    single_byte_tokens: int = Field(ge=0)
    renyi_efficiency: float | None = Field(default=None, ge=0, le=1.001)
    """H_2.5 / log V of the tokens (Zouhar et al. 2023, arXiv 2306.16842); None without tokens."""

    @property
    def has_spaces(self) -> bool:
        """Whether most of the text puts spaces between words."""
        return self.unspaced < MOSTLY_UNSPACED * self.characters

    @property
    def bytes_per_token(self) -> float | None:
        """How much text one token holds; more is shorter."""
        return _ratio(self.bytes, self.tokens)

    @property
    def tokens_per_word(self) -> float | None:
        """Tokens a word, punctuation among them; None of a text that is mostly Chinese or its like."""
        if not self.has_spaces:
            return None
        return _ratio(self.tokens - self.unspaced_tokens, self.words)

    @property
    def tokens_per_unspaced(self) -> float | None:
        """Tokens a character of Chinese and its like."""
        return _ratio(self.unspaced_tokens, self.unspaced)

    @property
    def continued_share(self) -> float | None:
        """Which share of the words is cut (Rust et al. 2021, arXiv 2012.15613)."""
        if not self.has_spaces:
            return None
        return _ratio(self.continued_words, self.words)

    @property
    def single_byte_share(self) -> float | None:
        """Which share of the tokens stands for one byte."""
        return _ratio(self.single_byte_tokens, self.tokens)


def measure(
    vocabulary: Vocabulary, texts: Iterable[str], report: Callable[[int], None] = lambda _: None
) -> Measure:
    """Return what a tokenizer makes of some texts.

    Args:
        vocabulary: cuts them.
        texts: read once.
        report: told how many bytes are cut after each batch; may raise to stop.
    """
    is_single = vocabulary.single_bytes()
    frequencies = np.zeros(vocabulary.size, np.int64)
    size_bytes = characters = words = unspaced = unspaced_tokens = continued = 0
    for batch in batches(texts, _BATCH_CHARACTERS):
        for text, cuts in zip(batch, vocabulary.cut(batch), strict=True):
            size_bytes += len(text.encode())
            characters += len(text)
            frequencies += np.bincount(cuts.ids, minlength=vocabulary.size)
            is_unspaced = _unspaced_places(text)
            unspaced += int(is_unspaced.sum())
            unspaced_tokens += _tokens_within(is_unspaced, cuts)
            found = np.array(word_spans(text), np.int64).reshape(-1, 2)
            words += len(found)
            continued += _cut_words(found, cuts, len(text))
        report(size_bytes)
    return Measure(
        tokens=int(frequencies.sum()),
        bytes=size_bytes,
        characters=characters,
        words=words,
        unspaced=unspaced,
        unspaced_tokens=unspaced_tokens,
        continued_words=continued,
        single_byte_tokens=int(frequencies[is_single].sum()),
        renyi_efficiency=renyi_efficiency(frequencies, vocabulary.size),
    )


def renyi_efficiency(frequencies: NDArray[np.int64], size: int) -> float | None:
    """Return H_2.5(p) / log V, where p is how often each token occurs; None without tokens.

    H_a(p) = log(sum of p^a) / (1 - a), a = 2.5: 1 if all tokens of the vocabulary are equally frequent.
    """
    total = int(frequencies.sum())
    if not total or size < 2:
        return None
    shares = frequencies[frequencies > 0] / total
    entropy = math.log(float((shares**RENYI_ORDER).sum())) / (1 - RENYI_ORDER)
    return max(0.0, entropy / math.log(size))


def percent_of(tokens: float, reference: float) -> float | None:
    """Return tokens in per cent of a reference's, as BloombergGPT's table 3 gives them."""
    return 100 * tokens / reference if reference else None


def _unspaced_places(text: str) -> NDArray[np.bool_]:
    if text.isascii():
        return np.zeros(len(text), bool)
    points = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    found = np.zeros(len(points), bool)
    for first, last in UNSPACED:
        found |= (points >= first) & (points <= last)
    return found


def _tokens_within(is_unspaced: NDArray[np.bool_], cuts: Cuts) -> int:
    """Return how many tokens hold, or are a part of, a character of an unspaced script."""
    before = np.concatenate(([0], np.cumsum(is_unspaced)))
    ends = np.minimum(np.maximum(cuts.ends, cuts.starts + 1), len(is_unspaced))
    return int((before[ends] > before[np.minimum(cuts.starts, ends)]).sum())


def _cut_words(words: NDArray[np.int64], cuts: Cuts, characters: int) -> int:
    """Return how many words have a token that begins within them."""
    begun = np.bincount(cuts.starts, minlength=characters + 1)
    before = np.concatenate(([0], np.cumsum(begun)))
    firsts, lasts = words[:, 0], words[:, 1]
    return int(((before[lasts] > before[firsts + 1]) | (begun[firsts] > 1)).sum())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
