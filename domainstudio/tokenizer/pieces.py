"""How a tokenizer cuts a text: each piece with its id and the bytes of the text that it stands for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.alphabet import bytes_of

SPACE = "▁"
"""How SentencePiece spells a space."""
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

    @property
    def shown(self) -> str:
        """The characters it stands for; bytes that are no whole character read E6."""
        return self.text if self.is_whole else self.text.replace("\\x", " ").strip().upper()


def cut(folder: Path, text: str) -> list[Piece]:
    """Return the pieces of a text under the tokenizer in a folder, as packing would cut it.

    The pieces' bytes lie in order and without gaps; together they are the text.

    Raises:
        UserError: there is no tokenizer in the folder.
    """
    text = text.encode("utf-8", "replace").decode()
    file = folder / vocabulary.FILE
    tokenizer = _tokenizer(folder, file.stat().st_mtime_ns if file.is_file() else 0)
    with vocabulary.panics(folder):
        encoding = tokenizer.encode(text, add_special_tokens=False)
    return pieces_of(encoding.tokens, encoding.ids, encoding.offsets, text)


def pieces_of(
    tokens: Sequence[str], identifiers: Sequence[int], offsets: Sequence[tuple[int, int]], text: str
) -> list[Piece]:
    """Return a text in the pieces that a library names by spelling, id and characters [start, end).

    The pieces' bytes lie in order and without gaps; together they are the text.
    """
    data = text.encode()
    borders = _borders(tokens, offsets, text, data)
    return [
        Piece(data[start:end].decode("utf-8", "backslashreplace"), identifier, start, end)
        for identifier, (start, end) in zip(identifiers, pairwise(borders), strict=True)
    ]


def is_byte(token: str) -> bool:
    """Return whether a token is spelled <0xNN>: a byte of a character that is not in the vocabulary."""
    return _BYTE.fullmatch(token) is not None


def spelled_bytes(token: str, *, is_bytes: bool) -> bytes:
    """Return the bytes that a token stands for.

    Args:
        token: as the vocabulary spells it.
        is_bytes: its letters stand for bytes, as ByteLevel does; else a SentencePiece spelling.
    """
    if is_bytes:
        try:
            return bytes_of(token)
        except UnicodeEncodeError:  # an added token is spelled as it is
            return token.encode()
    found = _BYTE.fullmatch(token)
    return bytes([int(found[1], 16)]) if found else token.replace(SPACE, " ").encode()


@lru_cache(maxsize=1)
def _tokenizer(folder: Path, _changed_ns: int) -> Tokenizer:
    """Return the tokenizer in a folder; the last one is kept, a new one takes up to a second to read."""
    tokenizer = vocabulary.load(folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _borders(tokens: Sequence[str], offsets: Sequence[tuple[int, int]], text: str, data: bytes) -> list[int]:
    """Return where each token begins in the text's bytes, and where the last one ends.

    Where the tokens' spellings together are the text, that is exact. Otherwise the characters that the
    library names are taken; tokens of single bytes part a character between them.
    """
    spelled = _spelled_lengths(tokens, data)
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
        wish = borders[-1] + 1 if is_byte(token) else places[end]
        borders.append(min(max(wish, borders[-1]), len(data)))
    if len(borders) > 1:
        borders[-1] = len(data)
    return borders


def _spelled_lengths(tokens: Sequence[str], data: bytes) -> list[int] | None:
    """Return the bytes of each token if their spellings are the text, but for a space put before it."""
    for is_bytes in (True, False):
        spelled = [spelled_bytes(token, is_bytes=is_bytes) for token in tokens]
        if b"".join(spelled) == data:
            return [len(piece) for piece in spelled]
        if not is_bytes and b"".join(spelled) == b" " + data:
            return [len(spelled[0]) - 1, *(len(piece) for piece in spelled[1:])]
    return None
