"""What a verb returns, and the arguments that many verbs share."""

import argparse
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domainstudio.language import one_line
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


def add_run_choice(parser: argparse.ArgumentParser, recipe_option: str) -> None:
    """Add which run is meant: its start, its mixture, its recipe, its arm."""
    parser.add_argument(
        "--from",
        dest="origin",
        default="base",
        metavar="base|RUN[@STEP]",
        help=_("weights to start from (base)"),
    )
    parser.add_argument("--mixture", default="default", help=_("name of the mixture"))
    parser.add_argument(recipe_option, dest="recipe", default="default", help=_("name of the recipe"))
    parser.add_argument("--arm", choices=("treated", "control", "naive"), default="treated", help=_(
        "control: the mixture's general text alone; naive: the rest alone; all else the same"))  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Return aligned columns: the first `text_columns` to the left, numbers to the right."""
    cells = [list(head), *([one_line(cell) for cell in row] for row in rows)]
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
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
