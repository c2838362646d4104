"""The database: known errors in one sentence, migrations that keep what there was, whole transactions."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import wait_until

from domainstudio.problems import UserError
from domainstudio.project import database
from domainstudio.project.database import connect, known_errors, snapshot, transaction, version_of
from domainstudio.project.migration import MIGRATIONS, check_version, known_version, migrate
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin

FIRST = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;\n"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder of migrations that holds the first."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text(FIRST)
    return folder


@pytest.fixture
def file(tmp_path: Path, migrations: Path) -> Path:
    """A database of version 1 with two rows."""
    path = tmp_path / "notes.sqlite"
    path.touch()
    migrate(path, migrations)
    with closing(connect(path)) as connection, transaction(connection):
        connection.execute("INSERT INTO notes (text) VALUES ('one'), ('two; with a semicolon')")
    return path


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(file)) as found:
        yield found


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as plain:
        return [text for (text,) in plain.execute("SELECT text FROM notes ORDER BY id")]


def backups(file: Path) -> list[Path]:
    return sorted(file.parent.glob("notes-version*.sqlite"))


def code_of(refusal: "pytest.ExceptionInfo[UserError]", file: Path) -> str:
    assert str(file) in str(refusal.value)
    return refusal.value.problem.code


def test_a_new_database_needs_no_backup(file: Path, connection: sqlite3.Connection) -> None:
    assert version_of(connection) == 1
    assert backups(file) == []


def test_a_migration_keeps_the_rows_and_leaves_a_backup_of_the_older_version(
    file: Path, migrations: Path
) -> None:
    (migrations / "0002_stars.sql").write_text(
        "-- A comment; with a semicolon.\nALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;\n"
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN\n  UPDATE notes SET stars = 5; SELECT 1;\nEND;\n"
    )
    (migrations / "0003_more.sql").write_text("UPDATE notes SET stars = 4 WHERE id = 1;\n")
    migrate(file, migrations)
    with closing(connect(file)) as connection:
        assert version_of(connection) == 3
        assert [tuple(row) for row in connection.execute("SELECT text, stars FROM notes")] == [
            ("one", 4),
            ("two; with a semicolon", 3),
        ]
    [backup] = backups(file)
    assert backup.name.startswith("notes-version1-")
    assert notes(backup) == notes(file)
    with closing(sqlite3.connect(backup)) as older:
        assert version_of(older) == 1


def test_an_up_to_date_database_is_left_alone(file: Path, migrations: Path) -> None:
    migrate(file, migrations)
    assert backups(file) == []


def test_a_migration_that_fails_is_undone_wholly_and_can_be_repeated(file: Path, migrations: Path) -> None:
    (migrations / "0002_good.sql").write_text("CREATE TABLE good (id INTEGER);\n")
    bad = migrations / "0003_bad.sql"
    bad.write_text(
        "CREATE TABLE bad (id INTEGER);\nDELETE FROM notes;\nINSERT INTO bad SELECT id FROM nowhere;\n"
    )
    for _attempt in range(2):  # within the same second the second attempt finds the first one's backup
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(file, migrations)
        with closing(connect(file)) as connection:
            tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
            assert version_of(connection) == 2
            assert "good" in tables and "bad" not in tables
        assert notes(file) == ["one", "two; with a semicolon"]
    assert {notes(backup)[0] for backup in backups(file)} == {"one"}
    bad.write_text("CREATE TABLE bad (id INTEGER);\n")
    migrate(file, migrations)
    with closing(connect(file)) as connection:
        assert version_of(connection) == 3


def test_the_newest_migration_is_the_known_version() -> None:
    assert known_version() == len(list(MIGRATIONS.glob("*.sql")))


def test_a_migration_without_number_is_an_error(migrations: Path) -> None:
    (migrations / "second.sql").touch()
    with pytest.raises(ValueError, match=r"second\.sql"):
        known_version(migrations)


def test_a_database_of_a_newer_program_is_refused_untouched(
    file: Path, migrations: Path, connection: sqlite3.Connection
) -> None:
    connection.execute("PRAGMA user_version = 7")
    for attempt in (lambda: check_version(connection, file, migrations), lambda: migrate(file, migrations)):
        with pytest.raises(UserError) as refusal:
            attempt()
        assert code_of(refusal, file) == "project.too_new"
        assert "7" in str(refusal.value) and "1" in str(refusal.value)
    assert version_of(connection) == 7
    assert backups(file) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a busy database a moment only."""
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 10)


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_locked_is_a_sentence_and_usable_afterwards(file: Path) -> None:
    with closing(connect(file)) as writer, closing(connect(file)) as other:
        with transaction(writer):
            with pytest.raises(UserError) as refusal, transaction(other):
                raise AssertionError("the block must not run")
            assert [row["text"] for row in other.execute("SELECT text FROM notes WHERE id = 1")] == ["one"]
        assert code_of(refusal, file) == "project.locked"
        with transaction(other):
            other.execute("INSERT INTO notes (text) VALUES ('three')")
    assert notes(file)[-1] == "three"


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_is_not_migrated(file: Path, migrations: Path) -> None:
    (migrations / "0002_more.sql").write_text("DELETE FROM notes;\n")
    with closing(connect(file)) as writer, transaction(writer), pytest.raises(UserError) as refusal:
        migrate(file, migrations)
    assert code_of(refusal, file) == "project.locked"
    assert len(notes(file)) == 2


@pytest.mark.parametrize(
    "data", [b"this is no database at all, but a text", b"SQLite format 3\x00" + b"\xff" * 200]
)
def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(data)
    for read_only in (False, True):
        with pytest.raises(UserError) as refusal, closing(connect(path, read_only=read_only)) as connection:
            check_version(connection, path)
        assert code_of(refusal, path) == "project.damaged"
    assert path.read_bytes() == data


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with pytest.raises(UserError) as refusal:
        connect(path)
    assert code_of(refusal, path) == "project.cannot_open"
    assert not path.exists()


def test_a_full_disk_is_a_sentence_and_nothing_is_half_done(
    file: Path, connection: sqlite3.Connection
) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(UserError) as refusal, transaction(connection):
        for _number in range(100):
            connection.execute("INSERT INTO notes (text) VALUES (?)", ("x" * 4000,))
    assert code_of(refusal, file) == "project.disk_filled"
    with transaction(connection):
        connection.execute("INSERT INTO notes (text) VALUES ('three')")
    assert notes(file) == ["one", "two; with a semicolon", "three"]


def test_writing_through_a_read_only_connection_is_a_sentence(file: Path) -> None:
    with closing(connect(file, read_only=True)) as reader:
        with pytest.raises(UserError) as refusal, transaction(reader):
            reader.execute("DELETE FROM notes")
        assert code_of(refusal, file) == "project.read_only"
    assert len(notes(file)) == 2


def test_a_block_that_fails_changes_nothing(file: Path, connection: sqlite3.Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(connection):
        connection.execute("DELETE FROM notes")
        _ = 1 / 0
    assert len(notes(file)) == 2


def test_a_commit_that_is_refused_leaves_no_transaction_open(
    file: Path, connection: sqlite3.Connection
) -> None:
    with transaction(connection):
        connection.execute(
            "CREATE TABLE links (note INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)"
        )
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.execute("INSERT INTO links VALUES (99)")
    with transaction(connection):
        connection.execute("INSERT INTO links VALUES (1)")
    assert [tuple(row) for row in connection.execute("SELECT note FROM links")] == [(1,)]


def test_a_disk_that_fails_is_told_from_one_that_was_taken_away(file: Path) -> None:
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    for code in ("project.disk_error", "project.moved"):
        with pytest.raises(UserError) as refusal, known_errors(file):
            raise failed
        assert refusal.value.problem.code == code
        file.unlink(missing_ok=True)


def test_a_mistake_in_a_statement_stays_a_bug(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nowhere"), transaction(connection):
        connection.execute("SELECT * FROM nowhere")


def test_the_schema_of_version_1_migrates_to_the_newest(tmp_path: Path) -> None:
    """What a person's first project holds is opened by every later program."""
    old = tmp_path / "old"
    old.mkdir()
    shutil.copy(MIGRATIONS / "0001_spine.sql", old)
    path = tmp_path / "project.sqlite"
    path.touch()
    migrate(path, old)
    with closing(connect(path)) as connection, transaction(connection):
        connection.execute("INSERT INTO facts VALUES ('base', '{}')")
        connection.execute("INSERT INTO jobs VALUES ('import-1', 'import', 1.0, 2.0)")
    migrate(path)
    with closing(connect(path)) as connection:
        assert version_of(connection) == known_version()
        assert connection.execute("SELECT value FROM facts").fetchone()["value"] == "{}"
        assert connection.execute("SELECT committed_at FROM jobs").fetchone()["committed_at"] == 2.0


def test_a_backup_has_its_name_only_when_it_is_whole(file: Path, migrations: Path) -> None:
    """A person restores it by that name: a copy broken off must not pass for one."""
    (migrations / "0002_good.sql").write_text("CREATE TABLE good (id INTEGER);\n")
    # Killed at the first file that gets a new name: the copy might as well be written by half.
    killed = (
        "import os, sys\nfrom pathlib import Path\nfrom domainstudio.project import migration\n"
        "os.replace = lambda *_: os._exit(9)\nmigration.migrate(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    ended = subprocess.run([sys.executable, "-c", killed, str(file), str(migrations)], check=False)
    assert ended.returncode == 9 and backups(file) == []
    migrate(file, migrations)
    [backup] = backups(file)
    assert notes(backup) == notes(file)
    assert not list(file.parent.glob(".*.sqlite")), "each copy that is broken off would take the room of one"


def test_of_processes_that_migrate_at_once_one_makes_the_backup(file: Path, migrations: Path) -> None:
    """A second one would hold the new version under the name of the old."""
    (migrations / "0002_good.sql").write_text("CREATE TABLE good (id INTEGER);\n")
    program = (
        "import sys\nfrom pathlib import Path\nfrom domainstudio.project import migration\n"
        "back_up = migration._back_up\n"
        "def slowly(connection, file, version):\n"
        "    print('backing up', flush=True), sys.stdin.readline()\n"
        "    back_up(connection, file, version)\n"
        "migration._back_up = slowly\n"
        "migration.migrate(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(file), str(migrations)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout is not None and first.stdout.readline() == b"backing up\n"
    second = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    wait_until(lambda: is_waiting_for_a_lock(second.pid))
    first.communicate(b"\n")
    assert second.communicate()[0] == b"" and (first.returncode, second.returncode) == (0, 0)
    [backup] = backups(file)
    with closing(sqlite3.connect(backup)) as old, closing(sqlite3.connect(file)) as new:
        assert (version_of(old), version_of(new)) == (1, 2)


def is_waiting_for_a_lock(process: int) -> bool:
    return f" {process} " in "".join(
        line for line in Path("/proc/locks").read_text().splitlines() if "->" in line
    )


def test_questions_of_one_snapshot_see_one_state(connection: sqlite3.Connection, file: Path) -> None:
    """What another process commits between two questions is seen by the block after it alone."""

    def count() -> int:
        return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])

    with snapshot(connection):
        before = count()
        with closing(connect(file)) as other, transaction(other):
            other.execute("INSERT INTO notes (text) VALUES ('three')")
        with snapshot(connection):
            assert count() == before
        assert count() == before
    assert count() == before + 1


def test_the_log_gives_the_disk_back_when_a_long_reader_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stayed as large as an import had made it for as long as a window was open."""
    monkeypatch.setattr(database, "_LOG_BYTES", 100_000)
    with create(tmp_path / "law", ModelOrigin(preset="tiny")) as project:
        log = project.path / "project.sqlite-wal"
        with Project(project.path, read_only=True) as reader, database.snapshot(reader.connection):
            reader.connection.execute("SELECT count(*) FROM facts").fetchone()
            for number in range(20):
                with database.transaction(project.connection):
                    row = (f"note {number}", "x" * 200_000)
                    project.connection.execute("INSERT INTO facts VALUES (?, ?)", row)
            assert log.stat().st_size > 4_000_000
        for number in range(3):
            with database.transaction(project.connection):
                project.connection.execute("INSERT INTO facts VALUES (?, '1')", (f"small {number}",))
        assert log.stat().st_size <= 100_000
