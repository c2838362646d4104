"""The byte-level alphabet: each of the 256 bytes has a visible letter, to spell pieces of vocabularies."""

_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]

LETTER_OF = {byte: byte for byte in _VISIBLE} | {byte: 256 + n for n, byte in enumerate(_HIDDEN)}
"""Byte → code point of its letter, for `str.translate` on Latin-1 (as GPT-2's `bytes_to_unicode`)."""

_BYTE_OF = {byte: 0xFFFF for byte in _HIDDEN} | {letter: byte for byte, letter in LETTER_OF.items()}

LETTERS = "".join(sorted(map(chr, LETTER_OF.values())))
"""All 256, in the order in which vocabularies list them."""


def spell(data: bytes) -> str:
    """Return the letters of some bytes."""
    return data.decode("latin-1").translate(LETTER_OF)


def bytes_of(letters: str) -> bytes:
    """Return the bytes that some letters spell.

    Raises:
        UnicodeEncodeError: a character is no letter of the alphabet.
    """
    return letters.translate(_BYTE_OF).encode("latin-1")
