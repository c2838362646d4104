"""Documents from the columns of Arrow record batches, as Parquet and Arrow files hold them."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import pyarrow as pa

from domainstudio.corpus.readers.items import Document, Item, Rejection

TITLE = "title"
SLICE_ROWS = 32
"""Rows made into Python texts at a time: memory stays low for long documents too."""


def wanted(schema: pa.Schema, text_field: str) -> list[str] | None:
    """Return the columns to read, None if there is no column of texts by this name."""
    if schema.names.count(text_field) != 1 or not _is_text(schema.field(text_field).type):
        return None
    has_title = schema.names.count(TITLE) == 1 and _is_text(schema.field(TITLE).type)
    return [text_field, TITLE] if has_title and text_field != TITLE else [text_field]


def missing(schema: pa.Schema, origin: str, text_field: str) -> Rejection:
    """Return the rejection of a file without such a column; it names the columns there are."""
    columns = ", ".join(f"{field.name} ({field.type})" for field in list(schema)[:20])
    return Rejection(origin, 0, "missing_text", f"{text_field}: {columns}")


def documents(batches: Iterable[pa.RecordBatch], origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per row; `position` is the row from 1."""
    numbers = count(1)
    for batch in batches:
        for start in range(0, batch.num_rows, SLICE_ROWS):
            piece = batch.slice(start, SLICE_ROWS)
            texts = _bytes(piece.column(text_field))
            titles = _bytes(piece.column(TITLE)) if TITLE in piece.schema.names[1:] else [None] * len(texts)
            for text, title in zip(texts, titles, strict=True):
                yield _document(text, title, origin, next(numbers), text_field)


def _document(text: bytes | None, title: bytes | None, origin: str, row: int, text_field: str) -> Item:
    if text is None:
        return Rejection(origin, row, "missing_text", text_field)
    try:
        return Document(text.decode(), origin, row, (title or b"").decode())
    except UnicodeDecodeError as error:
        return Rejection(origin, row, "bad_encoding", error.reason)


def _bytes(column: pa.Array) -> list[bytes | None]:
    """Return texts as bytes: a file may hold wrong UTF-8, which must cost no more than its row."""
    column.validate()  # offsets of a damaged file must not lead outside its buffers
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == pa.string_view():
        column = column.cast(pa.large_string())
    binary = pa.large_binary() if column.type == pa.large_string() else pa.binary()
    found: list[bytes | None] = column.view(binary).to_pylist()
    return found


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())
