"""Contamination: evaluation items that occur in the text a model is trained on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.duplicates.contamination import CHARACTERS, TOKENS, Overlap, find_items
from domainstudio.corpus.duplicates.plan import Part
from domainstudio.corpus.readers.compressed import open_bytes
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.paths import read_small, write_atomically
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
        raise UserError(Problem("contamination.no_items", "file", {"file": str(file), "line": 0}))
    return items


def checked(folder: JobFolder) -> Checked:
    """Return what a finished check found."""
    file = folder.result / _FILE
    return parse_model(Checked, read_small(file), str(file))


def _items(file: Path) -> Iterator[str]:
    bad = UserError(Problem("contamination.no_items", "file", {"file": str(file), "line": 1}))
    try:
        with open_bytes(file) as source:
            for number, line in enumerate(source):
                if not line.strip():
                    continue
                text = _text_of(line)
                if text is None or number >= MOST_ITEMS:
                    params = {"file": str(file), "line": number + 1}
                    raise UserError(Problem("contamination.no_items", "file", params))
                yield text[:MOST_CHARACTERS]
    except (OSError, EOFError, ValueError) as error:
        raise bad from error


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
    made = Checked(
        name=work.name,
        items=len(items),
        too_short=sum(not one.is_checkable for one in found),
        found=tuple(
            FoundItem(item=number, text=items[number], documents=one.documents, overlaps=one.overlaps)
            for number, one in enumerate(found)
            if one.documents
        ),
    )
    write_atomically(result / _FILE, made.model_dump_json(indent=1).encode())


def _commit(project: Project, work: CheckWork, folder: JobFolder) -> Callable[[], None]:
    made = checked(folder)
    row = Contamination(work.name, made.items, made.too_short, len(made.found))
    return lambda: index.accept(project.connection, folder.job_id, row)


CHECK = Kind("contamination", CheckWork, run=_run, commit=_commit)
RULE = f"{TOKENS} tokens in a row, or {CHARACTERS} characters"
