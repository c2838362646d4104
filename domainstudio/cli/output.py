"""What a verb returns, and the arguments that many verbs share."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domainstudio.language import translate as _


@dataclass(frozen=True)
class Output:
    """The result of a command: one document for --json, text for a person."""

    document: Any
    text: str


Handler = Callable[[argparse.Namespace], Output | None]


def add_verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, purpose: str, handler: Handler
) -> argparse.ArgumentParser:
    """Add a verb that works on a project."""
    parser = verbs.add_parser(name, help=_(purpose), description=_(purpose))
    parser.add_argument("project", type=Path, metavar="PROJECT", help=_("the project's folder"))
    add_common(parser, handler)
    return parser


def add_common(parser: argparse.ArgumentParser, handler: Handler) -> None:
    """Add what every verb has."""
    parser.add_argument("--json", action="store_true", help=_("print one JSON document"))
    parser.set_defaults(handler=handler)


def add_detach(parser: argparse.ArgumentParser) -> None:
    """Add the wish not to wait for a job."""
    parser.add_argument("--detach", action="store_true", help=_("leave the job running and return at once"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Return aligned columns: the first `text_columns` to the left, numbers to the right."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        parts = []
        for column, cell in enumerate(row):
            blank = " " * (widths[column] - _width(cell))
            parts.append(cell + blank if column < text_columns else blank + cell)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Return the columns a text takes on a terminal: wide East Asian characters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
