"""Connections to project.sqlite: pragmas, transactions, migrations, and known errors apart from bugs."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from domainstudio.paths import disk_problem
from domainstudio.problems import Problem, UserError

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 5000
_KNOWN_ERRORS = {
    sqlite3.SQLITE_BUSY: "project.locked",
    sqlite3.SQLITE_LOCKED: "project.locked",
    sqlite3.SQLITE_FULL: "project.disk_full",
    sqlite3.SQLITE_READONLY: "project.read_only",
    sqlite3.SQLITE_CANTOPEN: "project.cannot_open",
    sqlite3.SQLITE_IOERR: "project.disk_error",
    sqlite3.SQLITE_CORRUPT: "project.damaged",
    sqlite3.SQLITE_NOTADB: "project.damaged",
}


@contextmanager
def known_errors(file: Path) -> Iterator[None]:
    """Turn what a person can mend (locked, full, damaged …) into a UserError; other errors pass as bugs.

    Errors of the disk at other files of the project count too.
    """
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if primary in _KNOWN_ERRORS:
            raise UserError(Problem(_KNOWN_ERRORS[primary], None, {"file": str(file)})) from error
        raise
    except OSError as error:
        problem = disk_problem(error, file)
        if problem is None:
            raise
        raise UserError(problem) from error


def connect(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database in autocommit mode: transactions are explicit, see `transaction`.

    Raises:
        UserError: it cannot be opened or is no database.
    """
    mode = "ro" if read_only else "rw"
    with known_errors(file):
        connection = sqlite3.connect(
            f"{file.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one writing transaction, begun IMMEDIATE so that a busy database is waited for."""
    file = Path(connection.execute("PRAGMA database_list").fetchone()["file"])
    with known_errors(file):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has rolled back already
                connection.execute("ROLLBACK")
            raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all questions of the block see one state, whatever others commit between them; may be nested."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # a failed disk has rolled back already
            connection.execute("ROLLBACK")


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that is another one once any other connection has committed something."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def known_version(migrations: Path = MIGRATIONS) -> int:
    """Return the version of the newest migration."""
    return max(_number(file) for file in migrations.glob("*.sql"))


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version that a database has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, file: Path, migrations: Path = MIGRATIONS) -> int:
    """Return the database's version, refusing one from a newer program.

    Raises:
        UserError: the version is newer than this program knows.
    """
    with known_errors(file):
        version = version_of(connection)
    if version > known_version(migrations):
        params = {"file": str(file), "version": version, "known": known_version(migrations)}
        raise UserError(Problem("project.too_new", None, params))
    return version


def migrate(file: Path, migrations: Path = MIGRATIONS) -> None:
    """Bring a database up to date, each step one transaction, with a backup beside it before the first.

    Raises:
        UserError: the database is from a newer program, locked, damaged, or on a full or read-only disk.
    """
    with closing(connect(file)) as connection:
        version = check_version(connection, file, migrations)
        pending = sorted(
            (_number(step), step) for step in migrations.glob("*.sql") if _number(step) > version
        )
        if not pending:
            return
        if version:
            _back_up(connection, file, version)
        for number, step in pending:
            with transaction(connection):
                if version_of(connection) >= number:
                    continue  # another process was faster
                for statement in _statements(step.read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")


def _back_up(connection: sqlite3.Connection, file: Path, version: int) -> None:
    """Leave a copy beside the database, under a name that a person may restore only when it is whole."""
    backup = file.with_name(f"{file.stem}-version{version}-{time.strftime('%Y%m%d-%H%M%S')}.sqlite")
    draft = file.with_name(f".backup-{uuid4().hex}.sqlite")
    try:
        with known_errors(file):
            connection.execute("VACUUM INTO ?", (str(draft),))
            os.replace(draft, backup)
    finally:
        draft.unlink(missing_ok=True)


def _number(file: Path) -> int:
    match = re.match(r"(\d{4})_", file.name)
    if match is None:
        raise ValueError(f"a migration's name begins with four digits: {file.name}")
    return int(match[1])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one (executescript would end the transaction)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        raise ValueError(f"a migration's last statement has no semicolon: {pending.strip()[:80]}")
