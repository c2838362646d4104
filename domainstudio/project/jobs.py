"""Jobs in the index: registered when made, and committed once, whoever does it."""

import sqlite3
import time
from collections.abc import Callable

from domainstudio.jobs.folder import job_number
from domainstudio.jobs.spec import JOB_ID
from domainstudio.project.database import damaged, transaction


def register(connection: sqlite3.Connection, job_id: str, kind: str) -> None:
    """Note that a job exists; a repeat is a no-op."""
    with transaction(connection):
        connection.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, NULL)", (job_id, kind, time.time()))


def first_free_number(connection: sqlite3.Connection, kind: str) -> int:
    """Return a number above that of every job of this kind there ever was."""
    rows = connection.execute("SELECT id FROM jobs WHERE kind = ?", (kind,)).fetchall()
    return 1 + max((job_number(row["id"]) for row in rows if JOB_ID.fullmatch(row["id"])), default=0)


def is_committed(connection: sqlite3.Connection, job_id: str) -> bool:
    """Return whether the job's rows are visible."""
    row = connection.execute("SELECT committed_at FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row is not None and row["committed_at"] is not None


def committed(connection: sqlite3.Connection, kind: str) -> int:
    """Return how many jobs of a kind are committed."""
    query = "SELECT count(*) FROM jobs WHERE kind = ? AND committed_at IS NOT NULL"
    return int(connection.execute(query, (kind,)).fetchone()[0])


def commit(connection: sqlite3.Connection, job_id: str, make_visible: Callable[[], None]) -> bool:
    """Run `make_visible` and set committed_at in one transaction; return False if somebody already did.

    Raises:
        UserError: the database has rows of the job already, and yet says that it was not committed.
    """
    with transaction(connection):
        if is_committed(connection, job_id):
            return False
        try:
            make_visible()
        except sqlite3.IntegrityError as error:
            raise damaged(connection) from error
        connection.execute("UPDATE jobs SET committed_at = ? WHERE id = ?", (time.time(), job_id))
    return True
