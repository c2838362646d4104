"""Contamination: evaluation items that occur in the text a model is trained on."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.duplicates.contamination import CHARACTERS, TOKENS, ItemReport, Overlap, find_items
from domainstudio.corpus.duplicates.plan import Part
from domainstudio.corpus.readers.compressed import BROKEN, open_bytes
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.paths import open_plain, read_small, write_atomically
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project import contamination as index
from domainstudio.project import corpus, documents, duplicates
from domainstudio.project.contamination import Check, Contamination
from domainstudio.project.database import snapshot
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.importing import checked_name
from domainstudio.workflow.running import Kind, start, work_of

MOST_ITEMS = 1_000_000
MOST_CHARACTERS = 1 << 20
"""Of one item."""
MOST_FOUND = 1000
"""So many of the items that occur are kept with their documents; of the others the line alone."""
_TEXT_CHARACTERS, _PIECE_CHARACTERS = 4000, 200
"""Kept of the text of an item, and of a piece of it."""
_LONGEST_LINE = 16 << 20
_MOST_TEXT = 256 << 20
"""Characters of all items: they are held in memory."""
_FILE = "contamination.json"
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
    """The first that occur, at most `MOST_FOUND`."""
    further: tuple[int, ...] = ()
    """Lines, from 0, of the others that occur."""
    documents: int | None = None
    """That were looked at; None in a check by an older version."""

    @property
    def occurring(self) -> int:
        """How many items occur in the corpus."""
        return len(self.found) + len(self.further)


@dataclass(frozen=True)
class OpenedCheck:
    """A check with the items it found."""

    check: Check
    result: Checked
    is_stale: bool
    """Whether documents have come, gone, or were marked since."""


@dataclass(frozen=True)
class Holder:
    """A document that has a piece of an item."""

    document: int
    """Its id."""
    title: str
    source: str
    """Its name."""
    piece: str
    """What both have, folded."""


def start_check(project: Project, file: Path, name: str) -> JobFolder:
    """Start looking for evaluation items in the corpus.

    Raises:
        UserError: there is no text, or the file holds no items.
    """
    if not duplicates.count_compared(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))
    read_items(file)
    return start(project, CHECK, CheckWork(file=str(file.absolute()), name=checked_name(name)))


def check_again(project: Project, check: Check) -> JobFolder:
    """Start the same check once more: on the file as it is now, in the corpus as it is now.

    Raises:
        UserError: the job is gone, or the file is.
    """
    work: CheckWork = work_of(project.job(check.job_id).spec(), CHECK)
    return start_check(project, Path(work.file), work.name)


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
    return parse_model(Checked, read_small(file), str(file))


def open_check(project: Project, check: Check) -> OpenedCheck:
    """Return a check with what it found.

    Raises:
        UserError: its result is gone or damaged.
    """
    try:
        made = checked(project.job(check.job_id))
    except (UserError, OSError) as error:
        params = {"name": check.result.name, "job": check.job_id, "reason": _why(error)}
        raise UserError(Problem("contamination.result_unreadable", None, params)) from None
    is_stale = made.documents not in (None, index.count_looked_at(project.connection))
    return OpenedCheck(check, made, is_stale)


def holders(project: Project, item: FoundItem) -> list[Holder]:
    """Return the documents that have a piece of an item, as far as they are listed, each once."""
    pieces: dict[int, str] = {}
    for overlap in item.overlaps:
        pieces.setdefault(overlap.document, overlap.text)
    rows = {row.id: row for row in documents.rows_of(project.connection, pieces)}
    names = {source.id: source.name for source in corpus.sources(project.connection)}
    return [
        Holder(number, rows[number].title, names.get(rows[number].source_id, "–"), piece)
        if number in rows
        else Holder(number, "–", "–", piece)
        for number, piece in pieces.items()
    ]


def _why(error: UserError | OSError) -> str:
    """Return in words why a result cannot be read."""
    if isinstance(error, UserError):
        return str(error.problem.params.get("reason") or sentence(error.problem))
    return os.strerror(error.errno) if error.errno else str(error)


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
        used = [
            one.only(~one.held_out & ~one.marked) for one in duplicates.compared_parts(project.connection)
        ]
        parts = [Part(project.shard(one.job_id, one.shard), *one.columns) for one in used if len(one.rows)]

    def report(done: int, total: int) -> None:
        worker.check_stop()
        worker.progress(done, total, "documents", "reading")

    found = find_items(items, parts, report)
    made = result_of(work.name, items, found, sum(len(one.rows) for one in used))
    write_atomically(result / _FILE, made.model_dump_json(indent=1).encode())


def result_of(name: str, items: list[str], found: list[ItemReport], documents: int) -> Checked:
    """Return what is kept of a check that looked at so many documents."""
    occurring = [number for number, one in enumerate(found) if one.documents]
    return Checked(
        name=name,
        items=len(items),
        too_short=sum(not one.is_checkable for one in found),
        found=tuple(_kept(number, items[number], found[number]) for number in occurring[:MOST_FOUND]),
        further=tuple(occurring[MOST_FOUND:]),
        documents=documents,
    )


def _kept(number: int, text: str, found: ItemReport) -> FoundItem:
    """Return what is kept of an item that occurs: a result stays small however much does."""
    overlaps = tuple(replace(one, text=one.text[:_PIECE_CHARACTERS]) for one in found.overlaps)
    return FoundItem(item=number, text=text[:_TEXT_CHARACTERS], documents=found.documents, overlaps=overlaps)


def _commit(project: Project, work: CheckWork, folder: JobFolder) -> Callable[[], None]:
    made = checked(folder)
    row = Contamination(work.name, made.items, made.too_short, made.occurring)
    return lambda: index.accept(project.connection, folder.job_id, row)


CHECK = Kind("contamination", CheckWork, run=_run, commit=_commit)
RULE = f"{TOKENS} tokens in a row, or {CHARACTERS} characters"
