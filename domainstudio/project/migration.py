"""The schema of project.sqlite: what a version's is, and how an older database is brought up to date."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from domainstudio.paths import locked, sync_file, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project.database import connect, known_errors, snapshot, transaction, version_of

MIGRATIONS = Path(__file__).parent / "migrations"


def known_version(migrations: Path = MIGRATIONS) -> int:
    """Return the version of the newest migration."""
    return max(_number(file) for file in migrations.glob("*.sql"))


def check_version(connection: sqlite3.Connection, file: Path, migrations: Path = MIGRATIONS) -> int:
    """Return the database's version, refusing one from a newer program and one that is not as it was made.

    Raises:
        UserError: the version is newer than this program knows, or the schema is not that of the version.
    """
    with known_errors(file), snapshot(connection):
        version = version_of(connection)
        found = _schema_of(connection)
    if version > known_version(migrations):
        params = {"file": str(file), "version": version, "known": known_version(migrations)}
        raise UserError(Problem("project.too_new", None, params))
    if found != _schema_at(version, migrations):
        raise UserError(Problem("project.other_schema", None, {"file": str(file)}))
    return version


def _schema_of(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """Return (type, name, table, SQL) of all there is in a database but what SQLite keeps for itself."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_schema").fetchall()
    return frozenset(
        (kind, name, table, " ".join((sql or "").split()))
        for kind, name, table, sql in rows
        if not str(name).startswith(("sqlite_stat", "sqlite_sequence"))
    )


@lru_cache
def _schema_at(version: int, migrations: Path) -> frozenset[tuple[str, ...]]:
    """Return what the schema of a version is: a trigger or a view beyond it would act on what we ask."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in sorted(migrations.glob("*.sql")):
            if _number(step) <= version:
                for statement in _statements(step.read_text(encoding="utf-8")):
                    connection.execute(statement)
        return _schema_of(connection)


def migrate(file: Path, migrations: Path = MIGRATIONS) -> None:
    """Bring a database up to date, each step one transaction, with a backup beside it before the first.

    Raises:
        UserError: the database is from a newer program, locked, damaged, or on a full or read-only disk.
    """
    with closing(connect(file)) as connection:
        version = check_version(connection, file, migrations)
        if not version:  # nobody else knows of it yet
            _take_steps(connection, migrations)
        elif version < known_version(migrations):
            with known_errors(file), locked(file.with_name(f".{file.name}.lock")):
                version = version_of(connection)  # another process may have been faster
                if version < known_version(migrations):
                    _back_up(connection, file, version)
                    _take_steps(connection, migrations)


def _take_steps(connection: sqlite3.Connection, migrations: Path) -> None:
    """Do what is missing to the newest version; called by one process at a time."""
    version = version_of(connection)
    for number, step in sorted((_number(step), step) for step in migrations.glob("*.sql")):
        if number > version:
            with transaction(connection):
                for statement in _statements(step.read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")


def _back_up(connection: sqlite3.Connection, file: Path, version: int) -> None:
    """Leave a copy beside the database, under a name that a person may restore only when it is whole.

    Called by one process at a time: what one that was killed left of its copy is replaced.
    """
    backup = file.with_name(f"{file.stem}-version{version}-{time.strftime('%Y%m%d-%H%M%S')}.sqlite")
    draft = file.with_name(f".{file.stem}-backup.sqlite")
    draft.unlink(missing_ok=True)
    try:
        connection.execute("VACUUM INTO ?", (str(draft),))
        sync_file(draft)
        os.replace(draft, backup)
        sync_folder(file.parent)
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
