"""Verdicts in the index: one for each pair, queue and reviewer, and in the journal like every edit."""

import sqlite3
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domainstudio.corpus.audit.verdicts import Decision, Queue, Verdict
from domainstudio.project import journal
from domainstudio.project.database import damaged, transaction
from domainstudio.project.journal import Label

_HASH = r"^[0-9a-f]{32}$"
_LATEST_TIME = 1e11
"""Unix seconds that no clock shows, nor a date could."""
_LABELS: Mapping[Decision, Label] = {
    "accept": Label("Removal accepted"),
    "reject": Label("Both texts kept"),
    "keep": Label("The other text kept"),
    "split": Label("Text split off"),
    "unsure": Label("Pair left open"),
}


class _Body(BaseModel):
    """A verdict as JSON keeps it: hashes in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    removed: str = Field(pattern=_HASH)
    kept: str | None = Field(pattern=_HASH)
    decision: Decision
    queue: Queue
    reviewer: str = Field(min_length=1)
    similarity: float | None = Field(ge=0, le=1)
    unix_seconds: float = Field(ge=0, lt=_LATEST_TIME)

    @model_validator(mode="after")
    def _is_of_its_queue(self) -> Self:
        """A survivor is judged alone, and nobody can choose between it and another."""
        is_alone = self.queue == "survivor"
        if is_alone != (self.kept is None) or (is_alone and self.decision in ("keep", "split")):
            raise ValueError("not a decision of this queue")
        return self

    @classmethod
    def of(cls, verdict: Verdict) -> "_Body":
        kept = verdict.kept.hex() if verdict.kept is not None else None
        return cls(**{**vars(verdict), "removed": verdict.removed.hex(), "kept": kept})

    @property
    def verdict(self) -> Verdict:
        kept = bytes.fromhex(self.kept) if self.kept is not None else None
        return Verdict(**{**dict(self), "removed": bytes.fromhex(self.removed), "kept": kept})


_SURVIVOR_LABEL = Label("Kept text judged")


def decide(connection: sqlite3.Connection, verdict: Verdict) -> None:
    """Save a verdict in place of an earlier one of the same reviewer in the same queue, and note it."""
    key, body = b"".join(verdict.key), _Body.of(verdict).model_dump_json()
    target = f"verdict:{key.hex()}:{verdict.queue}:{verdict.reviewer}"
    label = _SURVIVOR_LABEL if verdict.kept is None else _LABELS[verdict.decision]
    with transaction(connection):
        before = stored(connection, target)
        put(connection, target, body)
        journal.record(connection, label, target, before, body)


def verdicts(connection: sqlite3.Connection) -> list[Verdict]:
    """Return all verdicts in the order in which they were taken.

    Raises:
        UserError: what is stored is not valid for this program.
    """
    rows = connection.execute("SELECT * FROM verdicts ORDER BY decided_at, key").fetchall()
    found = []
    for row in rows:
        verdict = _read(connection, row["body"])
        place = (b"".join(verdict.key), verdict.queue, verdict.reviewer, verdict.unix_seconds)
        if place != (row["key"], row["queue"], row["reviewer"], row["decided_at"]):
            raise damaged(connection)
        found.append(verdict)
    return found


def count(connection: sqlite3.Connection, queue: Queue) -> int:
    """Return how many verdicts there are in a queue."""
    query = "SELECT count(*) FROM verdicts WHERE queue = ?"
    return int(connection.execute(query, (queue,)).fetchone()[0])


def stored(connection: sqlite3.Connection, target: str) -> str | None:
    """Return the JSON of the verdict that the journal calls `target`, None if there is none."""
    query = "SELECT body FROM verdicts WHERE key = ? AND queue = ? AND reviewer = ?"
    row = connection.execute(query, _place(target)).fetchone()
    return row["body"] if row else None


def put(connection: sqlite3.Connection, target: str, body: str | None) -> None:
    """Replace the JSON of a verdict, or remove it; called inside a transaction."""
    if body is None:
        connection.execute(
            "DELETE FROM verdicts WHERE key = ? AND queue = ? AND reviewer = ?", _place(target)
        )
        return
    verdict, place = _read(connection, body), _place(target)
    if place != (b"".join(verdict.key), verdict.queue, verdict.reviewer):
        raise damaged(connection)
    connection.execute(
        "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)", (*place, body, verdict.unix_seconds)
    )


def _read(connection: sqlite3.Connection, body: str) -> Verdict:
    try:
        return _Body.model_validate_json(body).verdict
    except ValidationError:
        raise damaged(connection) from None


def _place(target: str) -> tuple[bytes, str, str]:
    _kind, key, queue, reviewer = target.split(":", 3)
    return bytes.fromhex(key), queue, reviewer
