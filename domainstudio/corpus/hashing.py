"""The content hash: equal for texts that differ only in case, white space or compatibility characters."""

import unicodedata

import xxhash

HASH_BYTES = 16
_MARKS = 1024
"""About as many combining marks as are put in order together; a character of any text has but a few."""
_SURE = 32


def normalise(text: str) -> str:
    """Return the text in NFKC, lower case, each run of white space one space."""
    return " ".join(composed(text).lower().split())


def content_hash(text: str) -> bytes:
    """Return the 16-byte xxh3-128 of the normalised text (big-endian, so it also orders evenly)."""
    return xxhash.xxh3_128_digest(normalise(text).encode("utf-8", "surrogatepass"))


def composed(text: str) -> str:
    """Return the text in NFKC, but noise of combining marks alone in pieces.

    Python puts the marks of one character in order in quadratic time: hours for a megabyte of them.
    """
    cuts = [
        place
        for place in range(_MARKS, len(text), _MARKS)
        if all(map(unicodedata.combining, text[place - _SURE : place + _SURE]))
    ]
    pieces = (text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)
