"""JSON lines: each line an object with the document in one field."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from domainstudio.corpus.readers.items import Document, Item, Rejection

LINE_BYTES = 32 << 20
"""A longer line is rejected: memory stays bounded whatever the file."""
VALUES = 1_000_000
"""A line of more values is data, no document, and takes thirty times its size in memory."""
_BEFORE_VALUES = (b",", b"[", b"{")


def read(stream: BinaryIO, origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per line that is not blank; `position` is the line number from 1."""
    number = 0
    while line := stream.readline(LINE_BYTES):
        number += 1
        if len(line) == LINE_BYTES and not line.endswith(b"\n"):
            while (more := stream.readline(LINE_BYTES)) and not more.endswith(b"\n"):
                continue
            yield Rejection(origin, number, "too_long", f"{LINE_BYTES}")
        elif len(line) > VALUES and sum(map(line.count, _BEFORE_VALUES)) > VALUES:
            yield Rejection(origin, number, "too_large", f"{VALUES}")
        elif line.strip():
            yield _document(line, origin, number, text_field)


def _document(line: bytes, origin: str, number: int, text_field: str) -> Item:
    try:
        row = orjson.loads(line.removeprefix(BOM_UTF8) if number == 1 else line)
    except orjson.JSONDecodeError as error:
        return _broken(line, origin, number, error)
    text = row.get(text_field) if isinstance(row, dict) else None
    if not isinstance(text, str):
        return Rejection(origin, number, "missing_text", text_field)
    title = row.get("title")
    return Document(text, origin, number, title if isinstance(title, str) else "")


def _broken(line: bytes, origin: str, number: int, error: orjson.JSONDecodeError) -> Rejection:
    """Return why a line is no JSON: its encoding comes first.

    Raises:
        MemoryError: it may be JSON.
    """
    if error.msg.startswith("Not enough memory"):
        raise MemoryError from error
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return Rejection(origin, number, "bad_encoding", wrong.reason)
    return Rejection(origin, number, "bad_json", str(error))
