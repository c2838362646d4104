"""Connections to project.sqlite: pragmas, transactions, migrations, and known errors apart from bugs."""

import errno
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from domainstudio.paths import (
    disk_problem,
    locked,
    may_hold_more_files,
    no_room,
    open_plain,
    sync_file,
    sync_folder,
)
from domainstudio.problems import Problem, UserError

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 5000
_LOG_BYTES = 16 << 20
"""What SQLite's log keeps of the disk once all of it is in the database: a long reader lets it grow."""
_KNOWN_ERRORS = {
    sqlite3.SQLITE_BUSY: "project.locked",
    sqlite3.SQLITE_LOCKED: "project.locked",
    sqlite3.SQLITE_READONLY: "project.read_only",
    sqlite3.SQLITE_CANTOPEN: "project.cannot_open",
    sqlite3.SQLITE_IOERR: "project.disk_error",
    sqlite3.SQLITE_CORRUPT: "project.damaged",
    sqlite3.SQLITE_NOTADB: "project.damaged",
    sqlite3.SQLITE_TOOBIG: "project.damaged",
}
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
"""What SQLite says of a full disk, the second of the file that connections share."""
_OF_THE_DATA = ("integer overflow", "malformed JSON")
"""What SQLite says of values that this program never writes, under the code it has for every mistake."""
LONGEST_VALUE = 64 << 20
"""Bytes; the longest that is written is the summary of an import."""
_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""Ends a rollback journal that names another file, which SQLite would delete after rolling back."""
_SIDE_FILES = ("-wal", "-shm", "-journal")


@contextmanager
def known_errors(file: Path) -> Iterator[None]:
    """Turn what a person can mend (locked, full, damaged …) into a UserError; other errors pass as bugs.

    Errors of the disk at other files of the project count too.
    """
    try:
        yield
    except sqlite3.Error as error:
        number = getattr(error, "sqlite_errorcode", 0)
        code = _KNOWN_ERRORS.get(number & 0xFF)
        if code is None and _is_of_the_data(error):
            code = "project.damaged"
        is_shut = code == "project.cannot_open" and file.exists() and not may_hold_more_files(file)
        if number in _FULL or is_shut:
            raise UserError(no_room(file)) from error
        if code is None:
            raise
        raise UserError(Problem(code, None, {"file": str(file)})) from error
    except OSError as error:
        problem = disk_problem(error, file)
        if problem is None:
            raise
        raise UserError(problem) from error


def _is_of_the_data(error: sqlite3.Error) -> bool:
    """Return whether an error without a code of its own is about values in the database."""
    if isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        return True  # a text that is no UTF-8
    return str(error).startswith(_OF_THE_DATA)


def connect(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database in autocommit mode: transactions are explicit, see `transaction`.

    On a disk that is read-only or has no byte left, on which SQLite cannot make the file that connections
    share, it is opened as it lies there: what is on it can be seen, and runs deleted to make room.

    Raises:
        UserError: it cannot be opened, is no database, or would lead SQLite to other files.
    """
    with known_errors(file):
        _check_files(file)
        try:
            return _open(file, "mode=ro" if read_only else "mode=rw")
        except sqlite3.OperationalError as error:
            if not _lies_still(file, error, read_only):
                raise
            return _open(file, "mode=ro&immutable=1", _AsItLies)


class _AsItLies(sqlite3.Connection):
    """A connection to a database that its disk does not let anybody write."""

    def refuse(self, file: Path) -> NoReturn:
        """Raise why."""
        number = errno.ENOSPC if os.access(file.parent, os.W_OK) else errno.EROFS
        raise OSError(number, os.strerror(number), str(file))


def _open(
    file: Path, options: str, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{file.resolve().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        factory=factory,
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if options == "mode=rw":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        version_of(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _lies_still(file: Path, error: sqlite3.Error, read_only: bool) -> bool:
    """Return whether nobody can write a database that could not be opened: its folder, or disk, forbids it.

    A full disk may get room again, and a reader stays longer than a command: it is refused.
    """
    is_full = not read_only and (error.sqlite_errorcode in _FULL or not may_hold_more_files(file))
    log = file.with_name(f"{file.name}-wal")
    is_written = log.exists() and log.stat().st_size > 0
    return file.is_file() and not is_written and (is_full or not os.access(file.parent, os.W_OK))


def _check_files(file: Path) -> None:
    """Refuse a database beside which something would have SQLite write or delete elsewhere.

    Raises:
        UserError: it, its log or its journal is a link, or the journal names another file.
    """
    for beside in (file, *(file.with_name(file.name + suffix) for suffix in _SIDE_FILES)):
        if beside.is_symlink():
            raise UserError(Problem("project.is_link", None, {"file": str(beside)}))
    journal = file.with_name(f"{file.name}-journal")
    if journal.exists():
        with open_plain(journal) as source:
            source.seek(max(0, journal.stat().st_size - len(_SUPER_JOURNAL)))
            if source.read() == _SUPER_JOURNAL:
                raise UserError(Problem("project.foreign_journal", None, {"file": str(journal)}))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one writing transaction, begun IMMEDIATE so that a busy database is waited for."""
    file = Path(connection.execute("PRAGMA database_list").fetchone()["file"])
    with known_errors(file):
        if isinstance(connection, _AsItLies):
            connection.refuse(file)
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


def settle(connection: sqlite3.Connection, file: Path) -> None:
    """Bring all that was committed into the database's own file, so that it may be renamed.

    Raises:
        UserError: the disk has no room for it.
    """
    with known_errors(file):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def damaged(connection: sqlite3.Connection) -> UserError:
    """Return the UserError about a row that this program cannot have written."""
    file = connection.execute("PRAGMA database_list").fetchone()["file"]
    return UserError(Problem("project.damaged", None, {"file": file}))


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
