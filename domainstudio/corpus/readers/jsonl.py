"""JSON lines: each line an object with the document in one field."""

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from domainstudio.corpus.readers.items import Document, Item, Rejection

LINE_BYTES = 64 << 20
"""A longer line is rejected: memory stays bounded whatever the file."""


def read(stream: BinaryIO, origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per line that is not blank; `position` is the line number from 1."""
    number = 0
    while line := stream.readline(LINE_BYTES):
        number += 1
        if len(line) == LINE_BYTES and not line.endswith(b"\n"):
            while (more := stream.readline(LINE_BYTES)) and not more.endswith(b"\n"):
                continue
            yield Rejection(origin, number, "too_long", f"{LINE_BYTES}")
        elif line.strip():
            yield _document(line, origin, number, text_field)


def _document(line: bytes, origin: str, number: int, text_field: str) -> Item:
    try:
        row = orjson.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Rejection(origin, number, "bad_encoding", error.reason)
    except orjson.JSONDecodeError as error:
        return Rejection(origin, number, "bad_json", str(error))
    text = row.get(text_field) if isinstance(row, dict) else None
    if not isinstance(text, str):
        return Rejection(origin, number, "missing_text", text_field)
    title = row.get("title")
    return Document(text, origin, number, title if isinstance(title, str) else "")
