"""Readers: one module per format; each turns one file into documents and named rejections."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict

from domainstudio.corpus.readers import (
    archives,
    arrow,
    delimited,
    docstrings,
    html,
    jsonl,
    markdown,
    parquet,
    text,
)
from domainstudio.corpus.readers.compressed import BROKEN, Expansion, decompressed, is_compressed, open_bytes
from domainstudio.corpus.readers.html import Extraction
from domainstudio.corpus.readers.items import Document, Item, Rejection, TooLarge

__all__ = [
    "READERS",
    "Document",
    "Item",
    "ReaderSettings",
    "Rejection",
    "endings",
    "format_of",
    "is_isolated",
    "origin_of",
    "read_file",
]


class ReaderSettings(BaseModel):
    """How the files of one import are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Literal["auto", "docstrings"] = "auto"
    """auto chooses by the file's name; docstrings takes the docstrings of Python sources."""
    text_field: str = "text"
    """The field of a JSON line, or the column of a table, that holds the document."""
    html: Extraction = "fast"
    """fast takes all blocks but navigation and the like; thorough looks for the article (60 times slower)."""


@dataclass(frozen=True)
class Format:
    """A file format: the endings that name it and the function that reads it."""

    endings: tuple[str, ...]
    read: Callable[[Any, str, ReaderSettings], Iterator[Item]]
    seeks: bool = False
    """Read here and there, not from the beginning to the end: such a file cannot be compressed as a whole."""
    isolated: bool = True
    """A damaged file may crash, hang or fill the process that reads it: to be read in one of its own."""


READERS = {
    "text": Format((".txt",), lambda stream, origin, _: text.read(stream, origin), isolated=False),
    "markdown": Format(
        (".md", ".markdown"), lambda stream, origin, _: markdown.read(stream, origin), isolated=False
    ),
    "jsonl": Format(
        (".jsonl", ".ndjson"),
        lambda stream, origin, settings: jsonl.read(stream, origin, settings.text_field),
        isolated=False,
    ),
    "delimited": Format(
        (".csv", ".tsv"),
        lambda stream, origin, settings: delimited.read(stream, origin, settings.text_field),
        isolated=False,
    ),
    "html": Format(
        (".html", ".htm", ".xhtml"),
        lambda stream, origin, settings: html.read(stream, origin, settings.html),
    ),
    "parquet": Format(
        (".parquet",),
        lambda stream, origin, settings: parquet.read(stream, origin, settings.text_field),
        seeks=True,
    ),
    "arrow": Format(
        (".arrow", ".arrows", ".feather"),
        lambda stream, origin, settings: arrow.read(stream, origin, settings.text_field),
        seeks=True,
    ),
    "zip": Format(
        (".zip",),
        lambda stream, origin, settings: archives.read(stream, origin, partial(_read_member, settings)),
        seeks=True,
    ),
    "docstrings": Format((".py",), lambda stream, origin, _: docstrings.read(stream, origin)),
}


def endings() -> list[str]:
    """Return the endings of files that are read by their name."""
    return [ending for name, reader in READERS.items() if name != "docstrings" for ending in reader.endings]


def format_of(path: PurePath, settings: ReaderSettings) -> Format | None:
    """Return the format of a file by its name, None if this program does not read it."""
    ending = (path.with_suffix("") if is_compressed(path) else path).suffix.lower()
    for name, reader in READERS.items():
        if (name == "docstrings") == (settings.reader == "docstrings") and ending in reader.endings:
            return reader
    return None


def is_isolated(path: PurePath, settings: ReaderSettings) -> bool:
    """Return whether a file is to be read in a process of its own."""
    reader = format_of(path, settings)
    return reader is not None and (reader.isolated or is_compressed(path))


def origin_of(path: Path) -> str:
    """Return how a document names the file it comes from; a file's name may be in another encoding."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_file(path: Path, settings: ReaderSettings) -> Iterator[Item]:
    """Yield the documents of one file and what of it was rejected; never raises for bad content."""
    origin = origin_of(path)
    reader = format_of(path, settings)
    if reader is None:
        yield Rejection(origin, 0, "unknown_format", path.suffix)
    elif reader.seeks and is_compressed(path):
        yield Rejection(origin, 0, "unreadable", f"such a file cannot be read as {path.suffix}: unpack it")
    else:
        try:
            with open_bytes(path) as stream:
                yield from _read_stream(stream, origin, reader, settings)
        except OSError as error:
            yield Rejection(origin, 0, "unreadable", str(error))


def _read_stream(stream: BinaryIO, origin: str, reader: Format, settings: ReaderSettings) -> Iterator[Item]:
    is_empty = True
    try:
        for item in reader.read(stream, origin, settings):
            is_empty = False
            yield item
    except TooLarge as error:
        yield Rejection(origin, 0, "too_large", str(error))
    except MemoryError:
        yield Rejection(origin, 0, "too_large", "it takes more memory than there is for reading")
    except UnicodeError as error:
        yield Rejection(origin, 0, "bad_encoding", str(error))
    except (*BROKEN, ValueError) as error:
        yield Rejection(origin, 0, "unreadable", str(error))
    else:
        if is_empty and settings.reader == "auto":  # a source without docstrings is no broken input
            yield Rejection(origin, 0, "empty")


def _read_member(
    settings: ReaderSettings, stream: BinaryIO, origin: str, name: PurePath, allowance: Expansion
) -> Iterator[Item] | None:
    """Read a member of an archive; None if this program does not read such files."""
    reader = format_of(name, settings)
    if reader is None:
        return None
    if is_compressed(name):
        if reader.seeks:
            detail = f"such a file cannot be read as {name.suffix}: unpack it"
            return iter((Rejection(origin, 0, "unreadable", detail),))
        return _read_stream(decompressed(stream, name, allowance), origin, reader, settings)
    return (
        _read_copy(stream, origin, reader, settings)
        if reader.seeks
        else _read_stream(stream, origin, reader, settings)
    )


def _read_copy(stream: BinaryIO, origin: str, reader: Format, settings: ReaderSettings) -> Iterator[Item]:
    with archives.seekable(stream) as copy:
        yield from _read_stream(copy, origin, reader, settings)
