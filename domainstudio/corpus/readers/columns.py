"""Documents from the columns of Arrow record batches, as Parquet and Arrow files hold them."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import pyarrow as pa

from domainstudio.corpus.readers.compressed import EXPANSION_LIMIT_BYTES, Expansion
from domainstudio.corpus.readers.items import Document, Item, Rejection

TITLE = "title"
SLICE_ROWS = 32
"""Rows made into Python texts at a time: memory stays low for long documents too."""
_ROW_BYTES = 32
"""What a row counts for beside its text: a damaged or hostile file may claim any number of empty ones."""


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


def documents(
    batches: Iterable[pa.RecordBatch], origin: str, text_field: str, size_bytes: int
) -> Iterator[Item]:
    """Yield one document or rejection per row of a file of `size_bytes`; `position` is the row from 1.

    Raises:
        TooLarge: the rows are far more text than the file holds bytes.
    """
    allowance = Expansion(size_bytes, max(EXPANSION_LIMIT_BYTES, 2 * size_bytes))
    numbers = count(1)
    for batch in batches:
        for start in range(0, batch.num_rows, SLICE_ROWS):
            piece = batch.slice(start, SLICE_ROWS)
            texts = _bytes(piece.column(text_field))
            titles = _bytes(piece.column(TITLE)) if TITLE in piece.schema.names[1:] else [None] * len(texts)
            for text, title in zip(texts, titles, strict=True):
                allowance.use(_ROW_BYTES + len(text or b"") + len(title or b""))
                yield _document(text, title, origin, next(numbers), text_field)


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch as it came from a file, whose offsets and lengths nobody has looked at yet.

    Raises:
        pyarrow.ArrowInvalid: they lead outside its buffers. Wrong UTF-8 is left to `documents`.
    """
    for column in batch.columns:
        column.validate()
        texts = column.dictionary if pa.types.is_dictionary(column.type) else column
        _binary(texts).validate(full=True)
    return batch


def _document(text: bytes | None, title: bytes | None, origin: str, row: int, text_field: str) -> Item:
    if text is None:
        return Rejection(origin, row, "missing_text", text_field)
    try:
        return Document(text.decode(), origin, row, (title or b"").decode())
    except UnicodeDecodeError as error:
        return Rejection(origin, row, "bad_encoding", error.reason)


def _bytes(column: pa.Array) -> list[bytes | None]:
    """Return texts as bytes: a file may hold wrong UTF-8, which must cost no more than its row."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    found: list[bytes | None] = _binary(column).to_pylist()
    return found


def _binary(texts: pa.Array) -> pa.Array:
    """Return texts as what they are stored as."""
    if texts.type == pa.string_view():
        return texts.view(pa.binary_view())
    return texts.view(pa.large_binary() if texts.type == pa.large_string() else pa.binary())


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())
