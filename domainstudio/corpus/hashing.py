"""The content hash: equal for texts that differ only in case, white space or compatibility characters."""

import unicodedata

import xxhash

HASH_BYTES = 16


def normalise(text: str) -> str:
    """Return the text in NFKC, lower case, each run of white space one space."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def content_hash(text: str) -> bytes:
    """Return the 16-byte xxh3-128 of the normalised text (big-endian, so it also orders evenly)."""
    return xxhash.xxh3_128_digest(normalise(text).encode("utf-8", "surrogatepass"))
