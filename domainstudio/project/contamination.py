"""Checks of evaluation items against the corpus, in the index."""

import sqlite3
from dataclasses import dataclass

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


def accept(connection: sqlite3.Connection, job_id: str, row: Contamination) -> None:
    """Add a check; called inside the committing transaction."""
    values = (job_id, row.name, row.items, row.too_short, row.found)
    connection.execute("INSERT INTO contaminations VALUES (?, ?, ?, ?, ?)", values)


def newest(connection: sqlite3.Connection) -> list[Contamination]:
    """Return the newest check of every set of items, by name."""
    rows = connection.execute(
        "SELECT name, items, too_short, found FROM contaminations JOIN jobs ON jobs.id = job_id"
        " WHERE committed_at IS NOT NULL ORDER BY committed_at"
    )
    found = {row["name"]: Contamination(**dict(row)) for row in rows}
    if any(min(one.items, one.too_short, one.found) < 0 for one in found.values()):
        raise damaged(connection)
    return [found[name] for name in sorted(found)]
