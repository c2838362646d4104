"""Plain text: a file is a document; a very long one becomes several, cut between paragraphs."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from domainstudio.corpus.readers.encodings import as_utf8
from domainstudio.corpus.readers.items import Document, Item, Rejection

PIECE_BYTES = 1 << 20


def read(source: BinaryIO, origin: str) -> Iterator[Item]:
    """Yield the documents of a text; `position` is the byte offset of each, counted in UTF-8."""
    stream = as_utf8(source)
    offset, rest = 0, b""
    while True:
        data = stream.read(PIECE_BYTES)
        piece = rest + data
        cut = _cut(piece) if len(data) == PIECE_BYTES else len(piece)
        piece, rest = piece[:cut], piece[cut:]
        if piece:
            yield _document(piece, origin, offset)
        offset += len(piece)
        if not data or (len(data) < PIECE_BYTES and not rest):
            return


def _cut(piece: bytes) -> int:
    """Return where to end a piece: after its last blank line, else line, else whole character."""
    for border in (b"\n\n", b"\n", b" "):
        place = piece.rfind(border, len(piece) // 2)
        if place >= 0:
            return place + len(border)
    end = len(piece)
    while end > len(piece) - 4 and piece[end - 1] & 0xC0 == 0x80:
        end -= 1
    return end - 1


def _document(piece: bytes, origin: str, offset: int) -> Item:
    mark = len(BOM_UTF8) if offset == 0 and piece.startswith(BOM_UTF8) else 0
    try:
        return Document(piece[mark:].decode(), origin, offset)
    except UnicodeDecodeError as error:
        return Rejection(origin, offset + mark + error.start, "bad_encoding", error.reason)
