"""Checks of evaluation items against the corpus, in the index."""

import sqlite3
from dataclasses import dataclass

from domainstudio.project import documents
from domainstudio.project.database import damaged


@dataclass(frozen=True)
class Contamination:
    """What a check of a set of items found."""

    name: str
    items: int
    too_short: int
    """That could not be looked for."""
    found: int
    """That occur in the corpus."""


@dataclass(frozen=True)
class Check:
    """A check that is committed; the items that occur lie in the result of its job."""

    job_id: str
    checked_at: float
    """Seconds since the epoch."""
    result: Contamination


def accept(connection: sqlite3.Connection, job_id: str, row: Contamination) -> None:
    """Add a check; called inside the committing transaction."""
    values = (job_id, row.name, row.items, row.too_short, row.found)
    connection.execute("INSERT INTO contaminations VALUES (?, ?, ?, ?, ?)", values)


def checks(connection: sqlite3.Connection) -> list[Check]:
    """Return every check, the newest first."""
    rows = connection.execute(
        "SELECT job_id, committed_at, name, items, too_short, found"
        " FROM contaminations JOIN jobs ON jobs.id = job_id"
        " WHERE committed_at IS NOT NULL ORDER BY committed_at DESC, job_id DESC"
    )
    made = [Check(row[0], row[1], Contamination(*row[2:])) for row in rows.fetchall()]
    if any(min(one.result.items, one.result.too_short, one.result.found) < 0 for one in made):
        raise damaged(connection)
    return made


def newest(connection: sqlite3.Connection) -> list[Contamination]:
    """Return the newest check of every set of items, by name."""
    found = {one.result.name: one.result for one in reversed(checks(connection))}
    return [found[name] for name in sorted(found)]


def count_looked_at(connection: sqlite3.Connection) -> int:
    """Return how many documents a check would look at: those that are trained on."""
    counts = documents.state_counts(connection)
    return sum(count.documents for count in counts if count.state == documents.TRAINING)
