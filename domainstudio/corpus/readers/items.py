"""What every reader yields: documents, and rejections that name file and place."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "unknown_format",
    "unreadable",
    "bad_json",
    "bad_encoding",
    "missing_text",
    "too_long",
    "bad_syntax",
    "empty",
]


@dataclass(frozen=True)
class Document:
    """One document with where it came from: `position` is a line number or a byte offset in `origin`."""

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
