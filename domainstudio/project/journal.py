"""The journal of edits: what window, audit and commands changed, so that each can be undone and redone."""

import json
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from domainstudio.language import translate
from domainstudio.project.database import damaged


@dataclass(frozen=True)
class Label:
    """What an edit did: a message of the catalogue and its params."""

    message: str
    params: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> str:
        """Return the label in the person's language; message and params may come from another program."""
        return re.sub(
            r"\{(\w+)\}", lambda found: self.params.get(found[1], found[0]), translate(self.message)
        )


@dataclass(frozen=True)
class Entry:
    """One edit; `before` and `after` are JSON, None where the target did not exist."""

    id: int
    label: Label
    target: str
    """Kind and name of what was changed: `mixture:default`, `source:3`."""
    before: str | None
    after: str | None
    changed_at: float
    is_undone: bool


def is_same(one: str | None, other: str | None) -> bool:
    """Return whether two values are the same JSON, however it is spaced and ordered."""
    if one is None or other is None:
        return one is other
    return bool(json.loads(one) == json.loads(other))


def record(
    connection: sqlite3.Connection, label: Label, target: str, before: str | None, after: str | None
) -> None:
    """Note an edit; called inside the transaction that makes it. What was undone before it is gone.

    An edit that changes nothing is not noted.
    """
    if is_same(before, after):
        return
    connection.execute("DELETE FROM journal WHERE is_undone")
    connection.execute(
        "INSERT INTO journal (label, target, before, after, changed_at) VALUES (?, ?, ?, ?, ?)",
        (
            json.dumps({"message": label.message, "params": dict(label.params)}, ensure_ascii=False),
            target,
            before,
            after,
            time.time(),
        ),
    )


def to_undo(connection: sqlite3.Connection) -> Entry | None:
    """Return the edit that undo takes back: the newest one that stands."""
    row = connection.execute("SELECT * FROM journal WHERE NOT is_undone ORDER BY id DESC LIMIT 1").fetchone()
    return _entry(connection, row) if row else None


def to_redo(connection: sqlite3.Connection) -> Entry | None:
    """Return the edit that redo makes again: the oldest of those undone."""
    row = connection.execute("SELECT * FROM journal WHERE is_undone ORDER BY id LIMIT 1").fetchone()
    return _entry(connection, row) if row else None


def mark(connection: sqlite3.Connection, entry: Entry, *, is_undone: bool) -> None:
    """Note that an edit was undone, or made again; called inside the transaction that does it."""
    connection.execute("UPDATE journal SET is_undone = ? WHERE id = ?", (is_undone, entry.id))


def entries(connection: sqlite3.Connection, limit: int) -> list[Entry]:
    """Return the newest edits, newest first, those undone among them."""
    rows = connection.execute("SELECT * FROM journal ORDER BY id DESC LIMIT ?", (limit,))
    return [_entry(connection, row) for row in rows]


def _entry(connection: sqlite3.Connection, row: sqlite3.Row) -> Entry:
    values = dict(row)
    try:
        label = _LABEL.validate_json(values["label"])
        for value in (values["before"], values["after"]):
            json.loads(value or "null")
    except (ValueError, RecursionError):
        raise damaged(connection) from None
    if not _TARGET.fullmatch(values["target"]) or not 0 <= values["changed_at"] < _LATEST_TIME:
        raise damaged(connection)
    return Entry(**{**values, "label": label, "is_undone": bool(values["is_undone"])})


_LABEL = TypeAdapter(Label)
_TARGET = re.compile(
    r"source:[0-9]{1,18}|removal:standing|verdict:(?:[0-9a-f]{32}){1,2}:[a-z_]+:.+|(?:mixture|recipe):.+",
    re.DOTALL,
)
_LATEST_TIME = 1e11
"""Unix seconds that no clock shows, nor a date could."""
