"""What every reader yields: documents, and rejections that name file and place."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "unknown_format",
    "unreadable",
    "bad_json",
    "bad_row",
    "bad_encoding",
    "missing_text",
    "too_long",
    "too_large",
    "bad_syntax",
    "empty",
    "nested_archive",
    "unsafe_name",
    "crashed",
    "too_slow",
]


@dataclass(frozen=True)
class Document:
    """One document with where it came from.

    `position` in `origin` is a line number or a row from 1, or a byte offset; an origin within an archive
    is `archive.zip!member`.
    """

    text: str
    origin: str
    position: int
    title: str = ""


@dataclass(frozen=True)
class Rejection:
    """A piece of input that could not become a document; the rest of its file is still read."""

    origin: str
    position: int
    reason: Reason
    detail: str = ""


Item = Document | Rejection


class TooLarge(OSError):
    """The input is larger, or expands further, than this program reads."""
