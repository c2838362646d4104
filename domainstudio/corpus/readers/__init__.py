"""Readers: one module per format; each turns one file into documents and named rejections."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from domainstudio.corpus.readers import docstrings, jsonl, text
from domainstudio.corpus.readers.compressed import BROKEN, COMPRESSED, open_bytes
from domainstudio.corpus.readers.items import Document, Item, Rejection
from domainstudio.problems import Problem, UserError

__all__ = ["READERS", "Document", "Item", "ReaderSettings", "Rejection", "files_of", "format_of", "read_file"]


class ReaderSettings(BaseModel):
    """How the files of one import are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Literal["auto", "docstrings"] = "auto"
    """auto chooses by the file's name; docstrings takes the docstrings of Python sources."""
    text_field: str = "text"
    """The field of a JSON line that holds the document."""


@dataclass(frozen=True)
class Format:
    """A file format: the endings that name it and the function that reads it."""

    endings: tuple[str, ...]
    read: Callable[[Any, str, ReaderSettings], Iterator[Item]]


READERS = {
    "text": Format((".txt",), lambda stream, origin, _: text.read(stream, origin)),
    "jsonl": Format(
        (".jsonl", ".ndjson"),
        lambda stream, origin, settings: jsonl.read(stream, origin, settings.text_field),
    ),
    "docstrings": Format((".py",), lambda stream, origin, _: docstrings.read(stream, origin)),
}


def format_of(path: Path, settings: ReaderSettings) -> Format | None:
    """Return the format of a file by its name, None if this program does not read it."""
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    names = ["docstrings"] if settings.reader == "docstrings" else ["text", "jsonl"]
    ending = inner.suffix.lower()
    return next((READERS[name] for name in names if ending in READERS[name].endings), None)


def files_of(paths: list[Path], settings: ReaderSettings) -> list[Path]:
    """Return the readable files among and below `paths`, each once, in a stable order.

    Raises:
        UserError: a path does not exist, or nothing readable was found.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(Problem("corpus.path_missing", "path", {"path": str(path)}))
        for file in _walk(path) if path.is_dir() else [path]:
            if format_of(file, settings) is not None:
                found.setdefault(file.resolve(), file.absolute())  # a link's target may lack the ending
    if not found:
        endings = [ending for reader in READERS.values() for ending in reader.endings if ending != ".py"]
        names = ", ".join(str(path) for path in paths[:3])
        raise UserError(Problem("corpus.no_files", "path", {"path": names, "endings": " ".join(endings)}))
    return list(found.values())


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        yield from (Path(parent) / name for name in sorted(names))


def read_file(path: Path, settings: ReaderSettings) -> Iterator[Item]:
    """Yield the documents of one file and what of it was rejected; never raises for bad content."""
    origin = os.fsencode(path).decode("utf-8", "replace")  # a name may be in another encoding
    reader = format_of(path, settings)
    if reader is None:
        yield Rejection(origin, 0, "unknown_format", path.suffix)
        return
    is_empty = True
    try:
        with open_bytes(path) as stream:
            for item in reader.read(stream, origin, settings):
                is_empty = False
                yield item
    except (*BROKEN, ValueError) as error:
        yield Rejection(origin, 0, "unreadable", str(error))
        return
    if is_empty and settings.reader == "auto":  # a source without docstrings is no broken input
        yield Rejection(origin, 0, "empty")
