"""Contamination: evaluation items that occur in the text a model is trained on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.duplicates.contamination import CHARACTERS, TOKENS, Overlap, find_items
from domainstudio.corpus.duplicates.plan import Part
from domainstudio.corpus.readers.compressed import BROKEN, open_bytes
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.paths import open_plain, read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import contamination as index
from domainstudio.project import duplicates
from domainstudio.project.contamination import Contamination
from domainstudio.project.database import snapshot
from domainstudio.project.project import Project
from domainstudio.workflow.importing import checked_name
from domainstudio.workflow.running import Kind, start

MOST_ITEMS = 1_000_000
MOST_CHARACTERS = 1 << 20
"""Of one item."""
_LONGEST_LINE = 16 << 20
_MOST_TEXT = 256 << 20
"""Characters of all items: they are held in memory."""
_FILE = "contamination.json"
_MOST_LISTED = 100_000
"""Pieces of all items together: of a whole benchmark in the corpus each item has its share of them."""
_SHOWN_CHARACTERS = 1000
"""Of an item or a piece, which has 13 tokens of any length."""
_RESULT_BYTES = 512 << 20
_FIELDS = ("question", "prompt", "text", "input")
"""Where an item's text stands; `choices` or `options` belong to it."""


class CheckWork(BaseModel):
    """Look for the items of a file in every document that is trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    name: str


class FoundItem(BaseModel):
    """An item that occurs in the corpus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: int = Field(ge=0)
    """Its line, from 0."""
    text: str = Field(min_length=1)
    documents: int = Field(ge=1)
    """That have a piece of it."""
    overlaps: tuple[Overlap, ...] = Field(min_length=1)
    """Some of the pieces, with the document of each."""


class Checked(BaseModel):
    """What became of a file of items: those that were found, and how many could not be looked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    items: int = Field(ge=0, le=MOST_ITEMS)
    too_short: int = Field(ge=0, le=MOST_ITEMS)
    """With fewer than 13 tokens and 50 characters."""
    found: tuple[FoundItem, ...]


def start_check(project: Project, file: Path, name: str) -> JobFolder:
    """Start looking for evaluation items in the corpus.

    Raises:
        UserError: there is no text, or the file holds no items.
    """
    if not duplicates.count_compared(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))
    read_items(file)
    return start(project, CHECK, CheckWork(file=str(file.absolute()), name=checked_name(name)))


def read_items(file: Path) -> list[str]:
    """Return the texts of a file of evaluation items: JSON lines with a question, and choices if it has them.

    Raises:
        UserError: it cannot be read, or a line is no such item.
    """
    items = list(_items(file))
    if not items:
        raise UserError(Problem("contamination.no_items", "file", {"file": str(file)}))
    return items


def checked(folder: JobFolder) -> Checked:
    """Return what a finished check found."""
    file = folder.result / _FILE
    return parse_model(Checked, read_small(file, _RESULT_BYTES), str(file))


def _items(file: Path) -> Iterator[str]:
    try:
        open_plain(file).close()  # a pipe or a device would be waited for
        with open_bytes(file) as source:
            yield from _read_items(file, source)
    except FileNotFoundError:
        raise UserError(Problem("corpus.path_missing", "file", {"path": str(file)})) from None
    except (*BROKEN, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        params = {"file": str(file), "reason": next(iter(words.splitlines()), type(error).__name__)}
        raise UserError(Problem("contamination.unreadable", "file", params)) from error


def _read_items(file: Path, source: BinaryIO) -> Iterator[str]:
    number, left = 0, _MOST_TEXT
    while line := source.readline(_LONGEST_LINE + 1):
        number += 1
        if not line.strip():
            continue
        text = _text_of(line) if len(line) <= _LONGEST_LINE else None
        if text is None or number > MOST_ITEMS:
            params = {"file": str(file), "line": number}
            raise UserError(Problem("contamination.no_item", "file", params))
        text = text[:MOST_CHARACTERS]
        left -= len(text)
        if left < 0:
            raise UserError(Problem("file.too_large", "file", {"file": str(file), "most": _MOST_TEXT}))
        yield text


def _text_of(line: bytes) -> str | None:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(values, dict):
        return None
    question = next((values[field] for field in _FIELDS if isinstance(values.get(field), str)), None)
    choices = values.get("choices", values.get("options", []))
    if question is None:
        return None
    parts = choices.values() if isinstance(choices, dict) else choices if isinstance(choices, list) else []
    return "\n".join([question, *(part for part in parts if isinstance(part, str))])


def _run(worker: Worker, work: CheckWork, folder: Path, result: Path) -> None:
    items = read_items(Path(work.file))
    with Project(folder, read_only=True) as project, snapshot(project.connection):
        used = (
            one.only(~one.held_out & ~one.marked) for one in duplicates.compared_parts(project.connection)
        )
        parts = [Part(project.shard(one.job_id, one.shard), *one.columns) for one in used if len(one.rows)]

    def report(done: int, total: int) -> None:
        worker.check_stop()
        worker.progress(done, total, "documents", "reading")

    found = find_items(items, parts, report)
    listed = max(1, _MOST_LISTED // max(1, sum(one.documents > 0 for one in found)))
    made = Checked(
        name=work.name,
        items=len(items),
        too_short=sum(not one.is_checkable for one in found),
        found=tuple(
            FoundItem(
                item=number,
                text=items[number][:_SHOWN_CHARACTERS],
                documents=one.documents,
                overlaps=tuple(_shortened(overlap) for overlap in one.overlaps[:listed]),
            )
            for number, one in enumerate(found)
            if one.documents
        ),
    )
    write_atomically(result / _FILE, made.model_dump_json(indent=1).encode())


def _shortened(overlap: Overlap) -> Overlap:
    return replace(overlap, text=overlap.text[:_SHOWN_CHARACTERS])


def _commit(project: Project, work: CheckWork, folder: JobFolder) -> Callable[[], None]:
    made = checked(folder)
    row = Contamination(work.name, made.items, made.too_short, len(made.found))
    return lambda: index.accept(project.connection, folder.job_id, row)


CHECK = Kind("contamination", CheckWork, run=_run, commit=_commit)
RULE = f"{TOKENS} tokens in a row, or {CHARACTERS} characters"
