"""A text cut into what a reader sees change: words, single characters where words are not spaced, marks."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit.mixing import mixed


class Kind(IntEnum):
    """What a character is to the cut."""

    WORD = 0
    DIGIT = 1
    SINGLE = 2
    """A token of its own: of a script without spaces, or a sign that carries meaning, such as % or <."""
    MARK = 3
    """A token of its own that only divides or adorns: a comma, a quotation mark, a bracket, a dash."""
    SPACE = 4


_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3040, 0x30FF),  # kana
    (0x3130, 0x318F),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x20000, 0x3FFFF),
)
_MEANINGFUL = frozenset("%‰‱&@/\\§¶†‡")
"""Punctuation by Unicode whose change a reader must not overlook."""
_ADORNING = frozenset("`´¨^")
_WITHIN_NUMBERS = ".,:/-–'’"
_WEIGHTS = np.array([2, 2, 1, 0, 0])
"""By kind of character."""
_SENTENCE_ENDS = frozenset(".!?;:。")
_BEFORE_NUMBERS = "+-–−±."
_FACTOR = 0xD1342543DE82EF95
"""Odd, and so without a common divisor with 2**64."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of a text; each takes the white space after it along, the first also that before it."""

    starts: NDArray[np.int64]
    """Place of each token's first character, and the length of the text: shape [tokens + 1]."""
    keys: NDArray[np.uint64]
    """Equal for tokens that differ at most in case, width or white space, shape [tokens]."""
    exact: NDArray[np.uint64]
    """Equal for the same tokens, shape [tokens]."""
    cores: NDArray[np.int64]
    """Place after each token's last character that is not white space, shape [tokens]."""
    weights: NDArray[np.int64]
    """2 for a word, 1 for a character of its own, 0 for punctuation or white space alone, shape [tokens]."""
    ends_line: NDArray[np.bool_]
    """After which tokens a new line begins, shape [tokens]."""
    dense: str
    """The text without its white space, but for a space where it parts two numbers."""
    folded: str
    """The same in one case and width."""
    dense_starts: NDArray[np.int64]
    """Place of each token in those, shape [tokens + 1]."""
    folded_sums: NDArray[np.uint64]
    """Sum of a hash of each character of `folded` before a token, shape [tokens + 1]."""
    word_sums: NDArray[np.uint64]
    """Sum of the keys, but those of marks, before a token, shape [tokens + 1]."""

    def dense_text(self, begin: int, end: int) -> str:
        """Return tokens without white space."""
        return self.dense[self.dense_starts[begin] : self.dense_starts[end]].strip(" ")

    def folded_text(self, begin: int, end: int) -> str:
        """Return tokens without white space in one case and width."""
        return self.folded[self.dense_starts[begin] : self.dense_starts[end]].strip(" ")

    def words(self, begin: int, end: int) -> list[int]:
        """Return the keys of tokens without the marks."""
        found: list[int] = self.keys[begin:end][self.weights[begin:end] > 0].tolist()
        return found

    def break_before(self, place: int) -> int:
        """Return how much of a break there is before a token: 2 for a new line, 1 for a sentence."""
        if not place or self.ends_line[place - 1]:
            return 2
        return int(self.folded[self.dense_starts[place] - 1] in _SENTENCE_ENDS)


@cache
def _kind(character: str) -> Kind:
    category = unicodedata.category(character)
    if character.isspace() or category in ("Cc", "Cf", "Zl", "Zp", "Zs"):
        return Kind.SPACE
    if category == "Nd":
        return Kind.DIGIT
    if any(first <= ord(character) <= last for first, last in _UNSPACED):
        return Kind.SINGLE
    if category[0] in "LMN":
        return Kind.WORD
    is_mark = (category[0] == "P" and character not in _MEANINGFUL) or character in _ADORNING
    return Kind.MARK if is_mark else Kind.SINGLE


@cache
def _folded(character: str) -> int:
    """Return the code of the character in lower case and usual width, itself if that is several.

    Raised and lowered ones are others: 10² is not 102.
    """
    if unicodedata.decomposition(character).startswith(("<super>", "<sub>", "<circle>")):
        return ord(character)
    found = unicodedata.normalize("NFKC", character).casefold()
    return ord(found) if len(found) == 1 else ord(character)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _text(codes: NDArray[np.uint32]) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _looked_up(
    codes: NDArray[np.uint32], distinct: Iterable[str], values: Iterable[int]
) -> NDArray[np.uint32]:
    table = np.zeros(int(codes.max(initial=0)) + 1, np.uint32)
    table[[ord(character) for character in distinct]] = list(values)
    return table[codes]


def cut(text: str) -> Tokens:
    """Return the tokens of a text; takes about 150 bytes of memory for each character."""
    codes, distinct = _codes(text), set(text)
    kinds = _looked_up(codes, distinct, map(_kind, distinct))
    is_within = _is_within_number(codes, kinds)
    is_space = kinds == Kind.SPACE
    starts = np.append(_firsts(kinds, is_within), len(codes))
    solid = np.maximum.accumulate(np.where(is_space, -1, np.arange(len(codes))))
    cores = np.maximum(solid[starts[1:] - 1] + 1, starts[:-1])
    is_kept = ~is_space
    is_kept[_between_numbers(kinds, starts, cores)] = True
    dense_starts = _until(is_kept)[starts].astype(np.int64)
    folds = _looked_up(codes, distinct, map(_folded, distinct))
    letters = mixed(folds.astype(np.uint64)) * ~is_space
    weights = np.where(is_within, _WEIGHTS[Kind.DIGIT], _WEIGHTS[kinds])
    weights = np.maximum.reduceat(weights, starts[:-1]) if len(codes) else weights
    keys = _hashes(letters[is_kept], dense_starts)
    lines = (codes == ord("\n")) | (codes == ord("\r"))
    return Tokens(
        starts=starts,
        keys=keys,
        exact=_hashes(mixed(codes.astype(np.uint64)), starts),
        cores=cores,
        weights=weights,
        ends_line=_until(lines)[starts[1:]] > _until(lines)[cores],
        dense=_text(np.where(is_space, ord(" "), codes)[is_kept]),
        folded=_text(np.where(is_space, ord(" "), folds)[is_kept]),
        dense_starts=dense_starts,
        folded_sums=_until(letters)[starts],
        word_sums=_until(keys * (weights > 0)),
    )


def _is_within_number(codes: NDArray[np.uint32], kinds: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which characters belong to a number but are no digits: in 1,204.5 and 2026-11-21, -5 and .5."""
    is_digit = kinds == Kind.DIGIT
    after_digit, before_digit = np.append(False, is_digit[:-1]), np.append(is_digit[1:], False)
    is_word = is_digit | (kinds == Kind.WORD)
    after_word = np.append(False, is_word[:-1])
    inner = np.isin(codes, _codes(_WITHIN_NUMBERS)) & after_digit[: len(codes)]
    sign = np.isin(codes, _codes(_BEFORE_NUMBERS)) & ~after_word[: len(codes)]
    found: NDArray[np.bool_] = (inner | sign) & before_digit[: len(codes)]
    return found


def _firsts(kinds: NDArray[np.uint32], is_within: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the place of each token's first character; white space before all goes with the first."""
    is_word = (kinds == Kind.WORD) | (kinds == Kind.DIGIT) | is_within
    follows_word = is_word & np.append(False, is_word[:-1])[: len(kinds)]
    firsts = np.flatnonzero((kinds != Kind.SPACE) & ~follows_word)
    return np.append(0, firsts[1:]) if len(kinds) else firsts


def _between_numbers(
    kinds: NDArray[np.uint32], starts: NDArray[np.int64], cores: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the places of white space without which two numbers would be one."""
    ends, nexts = cores[:-1], starts[1:-1]
    apart = ends < nexts
    ends, nexts = ends[apart], nexts[apart]
    found: NDArray[np.int64] = ends[(kinds[ends - 1] == Kind.DIGIT) & (kinds[nexts] == Kind.DIGIT)]
    return found


def _until(values: NDArray[np.bool_] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the sum of the values before each place and before the end."""
    found = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=found[1:])
    return found


def _hashes(values: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a polynomial hash of each range of values, shape [starts - 1]; the values are mixed ones."""
    until = _until(values * _powers(_FACTOR, len(values)))
    backwards = _powers(pow(_FACTOR, -1, 2**64), len(values) + 1)
    found: NDArray[np.uint64] = (until[starts[1:]] - until[starts[:-1]]) * backwards[starts[:-1]]
    return found


def _powers(factor: int, count: int) -> NDArray[np.uint64]:
    factors = np.full(count, factor, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)
