"""Shingles: the 5-grams of tokens of each document as 64-bit hashes, whole batches at a time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import xxhash
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.folding import SINGLE, token_entries

SIZE = 5
"""Tokens of one shingle; a document of fewer has none."""
BATCH_CHARACTERS = 1 << 17
"""What is worked on at a time stays in the processor's cache."""

_BREAK = re.compile(r"[\s\u3001\u3002\uff0c]")
_ODD = np.uint64(0x9E3779B97F4A7C15)
_BASE = 0xD1342543DE82EF95
_MIX = np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True, eq=False)
class Shingled:
    """The shingles of some documents, those of one document in its order and not yet unique."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    """[documents + 1]: where those of each document begin, and last where they end."""
    digests: NDArray[np.uint64]
    """[documents, 2]: the hash of the document's tokens: equal for documents that differ only in case, white
    space, punctuation and compatibility characters; (0, 0) without any token."""


def shingle(texts: Sequence[str]) -> Iterator[Shingled]:
    """Yield the shingles of a batch of texts: at once, but those of a long text alone a piece at a time.

    A token is a run of letters, digits and marks, or one character of Han, kana, Hangul, Thai, Lao, Khmer and
    Myanmar, in NFKC and case folded. The digest that comes with a piece is of all tokens up to its end.

    Args:
        texts: as `batches` yields them.
    """
    if len(texts) == 1 and len(texts[0]) > BATCH_CHARACTERS:
        yield from _shingle_long(texts[0])
        return
    tokens, _, ends = token_hashes(*token_entries(texts))
    offsets = np.concatenate(([0], ends))
    digests = np.zeros((len(texts), 2), np.uint64)
    for place, (start, end) in enumerate(pairwise(offsets.tolist())):
        if end > start:
            digests[place] = np.frombuffer(xxhash.xxh3_128_digest(tokens[start:end].data), "<u8")
    yield Shingled(*_grams(tokens, offsets), digests)


def _shingle_long(text: str) -> Iterator[Shingled]:
    digest, before = xxhash.xxh3_128(), np.empty(0, np.uint64)
    for piece in pieces(text):
        tokens = token_hashes(*token_entries([piece]))[0]
        digest.update(tokens.data)
        tokens = np.concatenate((before, tokens))
        before = tokens[-(SIZE - 1) :]
        digests = np.frombuffer(digest.digest(), "<u8")[None] * np.uint64(len(tokens) > 0)
        yield Shingled(*_grams(tokens, np.array([0, len(tokens)])), digests)


def shingle_sets(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the sets of shingles of a batch of texts, each ascending: uint64; and int64 [texts + 1] offsets.

    Args:
        texts: as `batches` yields them.
    """
    parts = list(shingle(texts))
    if len(parts) == 1:
        return _unique(parts[0].hashes, parts[0].offsets)
    hashes = np.concatenate([part.hashes for part in parts])  # of one text
    del parts
    return _unique(hashes, np.array([0, len(hashes)]))


def _unique(
    hashes: NDArray[np.uint64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Sort the hashes of each document in place and return those that differ from the one before."""
    is_first, sizes = np.ones(len(hashes), bool), [0]
    for start, end in pairwise(offsets.tolist()):
        own = hashes[start:end]
        own.sort()
        np.not_equal(own[1:], own[:-1], out=is_first[start + 1 : end])
        sizes.append(int(np.count_nonzero(is_first[start:end])))
    return hashes[is_first], np.cumsum(sizes)


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in batches of about `BATCH_CHARACTERS`, a longer text alone."""
    batch, characters = list[str](), 0
    for text in texts:
        if batch and characters + len(text) > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch


def token_hashes(
    entries: NDArray[np.uint32], ends: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the hash of each token, where its first character is, and where each text's tokens end.

    Args:
        entries: as `folding.token_entries` returns them, at most 2 * `BATCH_CHARACTERS` for speed.
        ends: of each text in `entries`.
    """
    is_token = entries != 0
    is_word = is_token ^ (entries >= SINGLE)
    is_start = is_token.copy()
    is_start[1:] ^= is_word[1:] & is_word[:-1]
    starts = np.flatnonzero(is_start)
    rising, falling = powers(len(entries))
    # Separators count as zero, so that a token's polynomial is a difference of sums, shifted to its start.
    sums = entries.astype(np.uint64)
    sums *= rising
    np.cumsum(sums, out=sums)
    before = sums[starts - 1]
    before[starts == 0] = 0
    tokens = np.diff(before, append=sums[-1:])
    tokens *= falling[starts]
    tokens ^= tokens >> np.uint64(32)
    tokens *= _ODD
    return tokens, starts, np.searchsorted(starts, ends)


def pieces(text: str) -> Iterator[str]:
    """Yield a long text in pieces that end between tokens.

    A text without white space or ideographic stops for `BATCH_CHARACTERS` is cut wherever that is.
    """
    start = 0
    while start < len(text):
        least = start + BATCH_CHARACTERS
        found = _BREAK.search(text, least, least + BATCH_CHARACTERS)
        end = found.end() if found else least
        yield text[start:end]
        start = end


def _grams(
    tokens: NDArray[np.uint64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of every run of `SIZE` tokens within a document, and where those of each begin.

    Args:
        tokens: of all documents.
        offsets: [documents + 1]: where the tokens of each begin, and last where they end.
    """
    count = max(0, len(tokens) - SIZE + 1)
    hashes = tokens[:count].copy()
    for place in range(1, SIZE):
        hashes *= _MIX
        hashes += tokens[place : place + count]
    # Each document's last runs reach into the next.
    starts, ends = offsets[:-1], np.maximum(offsets[1:] - (SIZE - 1), offsets[:-1])
    change = np.zeros(len(tokens) + 1, np.int8)
    np.add.at(change, starts, 1)
    np.add.at(change, ends, -1)
    is_within = np.cumsum(change[:count], dtype=np.int8).astype(bool)
    return _mixed(hashes)[is_within], np.concatenate(([0], np.cumsum(ends - starts)))


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread each bit over all (in place): what follows takes low and high bits for independent."""
    hashes ^= hashes >> np.uint64(32)
    hashes *= _ODD
    hashes ^= hashes >> np.uint64(29)
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(32)
    return hashes


def powers(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first powers of an odd base modulo 2**64, and of its inverse: uint64 [count] each."""
    rising, falling = _powers(max(2 * BATCH_CHARACTERS, 1 << (count - 1).bit_length()))
    return rising[:count], falling[:count]


@cache
def _powers(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    found = []
    for base in (_BASE, pow(_BASE, -1, 1 << 64)):
        factors = np.full(count, base, np.uint64)
        factors[0] = 1
        found.append(np.cumprod(factors))
    return found[0], found[1]
