"""Tables with a header and delimited columns (CSV, TSV): a row is a document, taken from one column."""

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from domainstudio.corpus.readers.encodings import as_utf8
from domainstudio.corpus.readers.items import Document, Item, Rejection, TooLarge

FIELD_CHARACTERS = 16 << 20
"""A longer field or line ends the reading: most often a quotation mark is not closed."""
DELIMITERS = (",", ";", "\t")
COLUMNS = 1_000_000
"""A line of more fields ends the reading: they take fifty times its size in memory."""
_NAMES_SHOWN = 20


def read(stream: BinaryIO, origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per row; `position` is the line, from 1, in which the row begins.

    Raises:
        TooLarge: a line holds more than `COLUMNS` fields.
    """
    csv.field_size_limit(FIELD_CHARACTERS)
    # What is no UTF-8 becomes lone surrogates, so that one wrong row does not end the reading.
    written = io.TextIOWrapper(as_utf8(stream), "utf-8", errors="surrogateescape", newline="")
    try:
        yield from _rows(written, origin, text_field)
    except csv.Error as error:
        yield Rejection(origin, 0, "unreadable", str(error))
    finally:
        written.detach()


def _rows(written: io.TextIOWrapper, origin: str, text_field: str) -> Iterator[Item]:
    lines = _lines(written)
    header = next(lines, "").removeprefix("\ufeff")
    if not header:
        return
    delimiter, names = _columns(header, text_field)
    if text_field not in names:
        shown = ", ".join(names[:_NAMES_SHOWN])
        yield Rejection(origin, 1, "missing_text", f"{text_field}: {shown}")
        return
    text_at = names.index(text_field)
    title_at = names.index("title") if "title" in names else text_at
    rows = csv.reader(chain([header], lines), delimiter=delimiter)
    next(rows)
    first = rows.line_num + 1
    for row in rows:
        if len(row) != len(names):
            if row:  # a blank line is no row
                yield Rejection(origin, first, "bad_row", f"{len(row)}/{len(names)}")
        else:
            title = row[title_at] if title_at != text_at else ""
            yield _document(row[text_at], title, origin, first)
        first = rows.line_num + 1


def _lines(written: io.TextIOWrapper) -> Iterator[str]:
    while line := written.readline(FIELD_CHARACTERS):
        if len(line) == FIELD_CHARACTERS and not line.endswith(("\n", "\r")):
            raise csv.Error(f"a line is longer than {FIELD_CHARACTERS} characters")
        if len(line) > COLUMNS and any(line.count(mark) > COLUMNS for mark in DELIMITERS):
            raise TooLarge(f"a line of more than {COLUMNS} fields")
        yield line


def _columns(header: str, text_field: str) -> tuple[str, list[str]]:
    """Return (delimiter, names): that which yields the wanted column, else that which yields most."""
    found = [(mark, next(csv.reader([header], delimiter=mark), [])) for mark in DELIMITERS]
    return max(found, key=lambda one: (text_field in one[1], len(one[1])))


def _document(text: str, title: str, origin: str, position: int) -> Item:
    try:
        (text + title).encode()
    except UnicodeEncodeError:
        return Rejection(origin, position, "bad_encoding", "invalid UTF-8")
    return Document(text, origin, position, title)
