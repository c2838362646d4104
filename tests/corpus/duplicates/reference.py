"""What the hashed, vectorised code is compared with: plain tokens, sets of tuples, loops."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import combinations

ONE_EACH = re.compile(
    r"CJK |KANGXI |IDEOGRAPHIC (ITERATION|CLOSING|NUMBER)|VERTICAL IDEOGRAPHIC|HANGZHOU |HIRAGANA "
    r"|HENTAIGANA |KATAKANA|COMBINING KATAKANA|HANGUL (?!SINGLE DOT|DOUBLE DOT)|THAI |LAO |KHMER |MYANMAR "
)
"""Names of characters of which each is a token."""
SELECTOR = re.compile("VARIATION SELECTOR-")


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def is_part(character: str) -> bool:
    name = unicodedata.name(character, "")
    return unicodedata.category(character)[0] in "LNM" and not SELECTOR.match(name)


def is_one(character: str) -> bool:
    return is_part(character) and bool(ONE_EACH.match(unicodedata.name(character, "")))


def tokens(text: str) -> list[str]:
    found, word = [], ""
    for character in [*folded(text), " "]:
        if is_part(character) and not is_one(character):
            word += character
            continue
        if word:
            found.append(word)
        if is_one(character):
            found.append(character)
        word = ""
    return found


def shingles(text: str) -> set[tuple[str, ...]]:
    found = tokens(text)
    return {tuple(found[place : place + 5]) for place in range(len(found) - 4)}


def jaccard(first: set[tuple[str, ...]], second: set[tuple[str, ...]]) -> float:
    return len(first & second) / len(first | second)


def similar(texts: Sequence[str], floor: float) -> Iterator[tuple[int, int, float]]:
    """Yield all pairs of texts by exact comparison of all with all, but those with the same tokens."""
    sets = [(number, shingles(text)) for number, text in enumerate(texts)]
    streams = [tokens(text) for text in texts]
    for (one, mine), (other, theirs) in combinations([(n, s) for n, s in sets if s], 2):
        if (
            min(len(mine), len(theirs)) < floor * max(len(mine), len(theirs))
            or streams[one] == streams[other]
        ):
            continue
        if (value := jaccard(mine, theirs)) >= floor:
            yield one, other, value
