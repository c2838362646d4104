"""A project from a stranger: nothing in it is run, nothing leads out of it, each trick has its sentence."""

import json
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import Command

from domainstudio.problems import UserError
from domainstudio.project.journal import Label
from domainstudio.project.project import DATABASE, Project, create
from domainstudio.recipe.run import ModelOrigin

SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""Ends a rollback journal that names another file (pager.c of SQLite)."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create(tmp_path / "given", ModelOrigin(preset="tiny")).connection.close()
    return tmp_path / "given"


@pytest.fixture
def database(project: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(project / DATABASE, isolation_level=None)) as opened:
        yield opened


def refusal_of(project: Path) -> str:
    with pytest.raises(UserError) as refusal, Project(project):
        pass
    return refusal.value.problem.code


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM sources; END",
        "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
        "CREATE TABLE more (x)",
        "DROP TABLE journal",
        "CREATE UNIQUE INDEX i ON documents (length(title))",
        "ALTER TABLE sources ADD COLUMN more TEXT",
    ],
)
def test_a_database_with_another_schema_is_not_opened(
    project: Path, database: sqlite3.Connection, statement: str
) -> None:
    """A trigger would act on what we write, and a view in the place of a table never end."""
    database.execute(statement)
    assert refusal_of(project) == "project.other_schema"


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine" / DATABASE
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE passwords (word)")
    before = file.read_bytes()[100:]
    assert refusal_of(file.parent) == "project.other_schema"
    assert file.read_bytes()[100:] == before


def test_a_journal_cannot_have_another_file_deleted(project: Path, tmp_path: Path) -> None:
    """SQLite rolls a journal back and deletes the file that its end names: any file of the person."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    with closing(sqlite3.connect(project / DATABASE, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        for number in range(50):
            writer.execute("INSERT INTO facts VALUES (?, ?)", (str(number), "x" * 4000))
        journal = (project / f"{DATABASE}-journal").read_bytes()
        shutil.copy(project / DATABASE, tmp_path / "torn")
    name = str(precious).encode()
    end = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name))
    shutil.copy(tmp_path / "torn", project / DATABASE)
    (project / f"{DATABASE}-journal").write_bytes(journal + end + SUPER_JOURNAL)
    assert refusal_of(project) == "project.foreign_journal"
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_database_that_is_a_link_is_not_opened(project: Path, tmp_path: Path, suffix: str) -> None:
    """What it links to would be written: to WAL, with our tables."""
    file = project / f"{DATABASE}{suffix}"
    if not suffix:
        file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert refusal_of(project) == "project.is_link"


@pytest.mark.parametrize("name", ["documents", "tokens", "models", "jobs"])
def test_a_part_of_a_project_that_is_a_link_is_refused(project: Path, tmp_path: Path, name: str) -> None:
    (project / name).rmdir()
    (project / name).symlink_to(tmp_path)
    assert refusal_of(project) == "project.is_link"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM facts",
        "UPDATE facts SET value = '{}'",
        'UPDATE facts SET value = \'{"preset": "../../evil"}\'',
        "UPDATE facts SET value = CAST(x'ff' AS TEXT)",
        "INSERT INTO sources VALUES (1, 'x', 'admin', '{}', 'import-1', 'documents')",
        "INSERT INTO tokenizers VALUES (1, NULL, '../..', 'x', -5)",
        "INSERT INTO imports VALUES ('import-1', 1, 'no json')",
    ],
)
def test_rows_that_this_program_never_writes_are_refused(
    project: Path, database: sqlite3.Connection, refused: Command, statement: str
) -> None:
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("INSERT INTO jobs VALUES ('import-1', 'import', 1, 2)")
    database.execute(statement)
    assert refused("project", "info", project)


def test_a_document_is_not_read_from_outside(small_project: Path, tmp_path: Path, refused: Command) -> None:
    shard = next((small_project / "documents").glob("*/*.parquet"))
    shard.rename(tmp_path / "outside.parquet")
    with closing(sqlite3.connect(small_project / DATABASE, isolation_level=None)) as database:
        database.execute("UPDATE documents SET shard = ? WHERE id = 1", (str(tmp_path / "outside.parquet"),))
        database.execute("UPDATE documents SET shard = '../../../outside.parquet' WHERE id = 2")
    shard.symlink_to(tmp_path / "outside.parquet")
    for document in (2, 3):  # by a path that climbs, and by a link
        assert "leads out of" in refused("corpus", "text", small_project, document)
    assert "cannot be read" in refused("corpus", "text", small_project, 1)


def test_names_cannot_command_the_terminal(
    small_project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    from domainstudio.cli.main import run_command

    name = "law\x1b]0;pwned\x07\x9b2J\n\u202ereversed"
    with closing(sqlite3.connect(small_project / DATABASE, isolation_level=None)) as database:
        database.execute("UPDATE sources SET name = ? WHERE name = 'domain'", (name,))
    assert name in [row["counts"]["name"] for row in command("corpus", "table", small_project)]
    for arguments in (["corpus", "table"], ["corpus", "table", "--json"], ["mixture", "show"]):
        run_command([*arguments[:2], str(small_project), *arguments[2:]])
        shown = "".join(capsys.readouterr())
        assert "law" in shown or arguments[0] == "mixture"
        assert not any(sign in shown for sign in "\x1b\x9b\x07\u202e"), repr(shown)


def test_an_edits_label_is_words_and_no_template() -> None:
    """A format would take a width of gigabytes, or read what it was not given."""
    label = Label("{a:>9999999999} {a.__class__} {name}", {"a": "x", "name": "law"})
    assert label.words() == "{a:>9999999999} {a.__class__} law"


@pytest.mark.parametrize(
    ("target", "after"),
    [
        ("source:999", '{"name": "x", "role": "domain"}'),
        ("source:x", "null"),
        ("nothing:x", "{}"),
        ("recipe:default", "[[["),
        ("source:1", '{"name": "x", "role": "admin"}'),
    ],
)
def test_a_crafted_edit_is_not_undone(small_project: Path, refused: Command, target: str, after: str) -> None:
    with closing(sqlite3.connect(small_project / DATABASE, isolation_level=None)) as database:
        database.execute(
            "INSERT INTO journal (label, target, before, after, changed_at) VALUES (?, ?, ?, NULL, 1)",
            (json.dumps({"message": "x", "params": {}}), target, after),
        )
    assert refused("project", "undo", small_project)
