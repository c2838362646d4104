"""Markdown: kept as it is written, without the YAML front matter that some tools put before it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from domainstudio.corpus.readers import text
from domainstudio.corpus.readers.items import Document, Item

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?:[^\r\n]*\r?\n)*?(?:---|\.\.\.)[ \t]*(?:\r?\n|$)")
_KEY = re.compile(r"^[\w-]+[ \t]*:", re.MULTILINE)


def read(stream: BinaryIO, origin: str) -> Iterator[Item]:
    """Yield the documents of a Markdown file, as of plain text."""
    for item in text.read(stream, origin):
        is_first = isinstance(item, Document) and item.position == 0
        yield replace(item, text=_body(item.text)) if is_first and isinstance(item, Document) else item


def _body(written: str) -> str:
    """Return the text after its front matter; a ruler at the very top is no front matter."""
    found = _FRONT_MATTER.match(written)
    return written[found.end() :] if found and _KEY.search(found[0]) else written
