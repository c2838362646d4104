"""Connections to project.sqlite: pragmas, transactions, and known errors apart from bugs."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from domainstudio.disk import disk_problem, may_hold_more_files, no_room
from domainstudio.paths import open_plain
from domainstudio.problems import Problem, UserError

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
        if code == "project.disk_error" and not file.exists():  # its disk was taken away
            raise UserError(Problem("project.moved", "project", {"folder": str(file.parent)})) from error
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


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version that a database has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
