"""How a tokenizer cuts a text: each piece with its id and the bytes of the text that it stands for."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer

from domainstudio.tokenizer import vocabulary

_BYTE = re.compile("<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Piece:
    """One token of a text."""

    text: str
    """The characters it stands for; bytes that are no whole character read \\xe6."""
    identifier: int
    start: int
    end: int
    """Its bytes in the text's UTF-8, [start, end); empty if they stand with the piece before."""

    @property
    def is_whole(self) -> bool:
        """Whether it stands for whole characters."""
        return len(self.text.encode()) == self.end - self.start


def cut(folder: Path, text: str) -> list[Piece]:
    """Return the pieces of a text under the tokenizer in a folder, as packing would cut it.

    The pieces' bytes lie in order and without gaps; together they are the text.

    Raises:
        UserError: there is no tokenizer in the folder.
    """
    data = text.encode("utf-8", "replace")
    text = data.decode()
    file = folder / vocabulary.FILE
    tokenizer = _tokenizer(folder, file.stat().st_mtime_ns if file.is_file() else 0)
    with vocabulary.panics(folder):
        encoding = tokenizer.encode(text, add_special_tokens=False)
    borders = _borders(encoding.tokens, encoding.offsets, text, data)
    return [
        Piece(data[start:end].decode("utf-8", "backslashreplace"), identifier, start, end)
        for identifier, (start, end) in zip(encoding.ids, pairwise(borders), strict=True)
    ]


@lru_cache(maxsize=1)
def _tokenizer(folder: Path, _changed_ns: int) -> Tokenizer:
    """Return the tokenizer in a folder; the last one is kept, a new one takes up to a second to read."""
    tokenizer = vocabulary.load(folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _borders(tokens: list[str], offsets: list[tuple[int, int]], text: str, data: bytes) -> list[int]:
    """Return where each token begins in the text's bytes, and where the last one ends.

    A byte-level vocabulary spells bytes, which are exact. Otherwise the characters that the library names are
    taken; tokens of single bytes part a character between them.
    """
    spelled = _byte_lengths(tokens, data)
    if spelled is not None:
        borders = [0]
        for length in spelled:
            borders.append(borders[-1] + length)
        return borders
    places = [0]
    for character in text:
        places.append(places[-1] + len(character.encode()))
    borders = [0]
    for token, (_start, end) in zip(tokens, offsets, strict=True):
        wish = borders[-1] + 1 if _BYTE.fullmatch(token) else places[end]
        borders.append(min(max(wish, borders[-1]), len(data)))
    if len(borders) > 1:
        borders[-1] = len(data)
    return borders


def _byte_lengths(tokens: list[str], data: bytes) -> list[int] | None:
    """Return the bytes of each token if the vocabulary spells bytes and together they are the text."""
    alphabet = _alphabet()
    spelled = bytearray()
    lengths = []
    for token in tokens:
        try:
            piece = bytes(alphabet[letter] for letter in token)
        except KeyError:  # an added token is spelled as it is
            piece = token.encode()
        spelled += piece
        lengths.append(len(piece))
    return lengths if bytes(spelled) == data else None


@lru_cache(maxsize=1)
def _alphabet() -> dict[str, int]:
    """Return letter → byte of the byte-level alphabet: visible Latin letters are themselves (as GPT-2)."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [value for value in range(256) if value not in set(visible)]
    return {chr(value): value for value in visible} | {
        chr(256 + number): value for number, value in enumerate(hidden)
    }
