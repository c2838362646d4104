"""A project folder: made whole or not at all, and opened only if it is one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domainstudio.problems import UserError
from domainstudio.project.database import transaction
from domainstudio.project.migration import known_version
from domainstudio.project.project import DATABASE, Project, create, making
from domainstudio.recipe.run import ModelOrigin

TINY = ModelOrigin(preset="tiny")


def code_of(refusal: "pytest.ExceptionInfo[UserError]") -> str:
    return refusal.value.problem.code


@pytest.mark.parametrize("name", ["law", "法律 项目", "a?b#c 100%&d=1", "with'quote\"", "file:x"])
def test_a_new_project_knows_its_base_and_opens_again(tmp_path: Path, name: str) -> None:
    origin = ModelOrigin(folder="/models/qwen", run="train-3", step=200)
    with create(tmp_path / "deep" / name, origin) as project:
        assert (project.name, project.base) == (name, origin)
    with Project(tmp_path / "deep" / name) as project:
        assert project.base == origin
    assert sorted(path.name for path in (tmp_path / "deep" / name).iterdir()) == [
        "documents", "duplicates", "jobs", "models", DATABASE, "tokens",
    ]  # fmt: skip


def test_an_empty_folder_may_become_a_project(tmp_path: Path) -> None:
    (tmp_path / "law").mkdir()
    with create(tmp_path / "law", TINY) as project:
        assert project.base == TINY


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "thesis.doc").write_text("ten years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("law", "file"):
        with pytest.raises(UserError) as refusal:
            create(tmp_path / name, TINY)
        assert code_of(refusal) == "project.folder_taken"
        assert str(tmp_path / name) in str(refusal.value)
    assert [path.name for path in (tmp_path / "law").iterdir()] == ["thesis.doc"]


def test_a_project_cannot_be_made_twice(tmp_path: Path) -> None:
    create(tmp_path / "law", TINY).connection.close()
    with pytest.raises(UserError) as refusal:
        create(tmp_path / "law", ModelOrigin(preset="small-neox"))
    assert code_of(refusal) == "project.folder_taken"
    with Project(tmp_path / "law") as project:
        assert project.base == TINY


def test_a_place_that_cannot_hold_a_folder_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UserError) as refusal:
        create(tmp_path / "file" / "law", TINY)
    assert code_of(refusal) == "project.cannot_create"
    with pytest.raises(UserError) as refusal:
        create(tmp_path / "la\nw", TINY)
    assert code_of(refusal) == "project.bad_name"
    assert not (tmp_path / "la\nw").exists()


def test_a_folder_without_database_is_no_project(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError) as refusal:
            Project(path)
        assert code_of(refusal) == "project.missing"
    assert list(tmp_path.iterdir()) == []


def test_a_project_of_a_newer_program_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with create(tmp_path / "law", TINY) as project:
        project.connection.execute(f"PRAGMA user_version = {known_version() + 41}")
    with pytest.raises(UserError) as refusal:
        Project(tmp_path / "law")
    assert code_of(refusal) == "project.too_new"
    assert str(known_version() + 41) in str(refusal.value)


def test_a_damaged_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    create(tmp_path / "law", TINY).connection.close()
    (tmp_path / "law" / DATABASE).write_text("overwritten by another program")
    with pytest.raises(UserError) as refusal:
        Project(tmp_path / "law")
    assert code_of(refusal) == "project.damaged"


def test_a_project_open_for_reading_sees_what_is_written_and_writes_nothing(tmp_path: Path) -> None:
    with create(tmp_path / "law", TINY) as project, Project(project.path, read_only=True) as reader:
        with transaction(project.connection):
            project.connection.execute("INSERT INTO jobs VALUES ('import-1', 'import', 1.0, NULL)")
        assert [row["id"] for row in reader.connection.execute("SELECT id FROM jobs")] == ["import-1"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.connection.execute("DELETE FROM jobs")


def test_a_moved_project_opens_where_it_is_now(tmp_path: Path) -> None:
    create(tmp_path / "law", TINY).connection.close()
    (tmp_path / "law").rename(tmp_path / "moved")
    with Project(tmp_path / "moved") as project:
        assert project.jobs == tmp_path / "moved" / "jobs"


@pytest.mark.parametrize("name", ["train-1", "..", "../../etc", "train-0", ""])
def test_a_job_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with create(tmp_path / "law", TINY) as project:
        with pytest.raises(UserError) as refusal:
            project.job(name)
        assert code_of(refusal) == "job.missing"


def test_no_path_leaves_the_project(tmp_path: Path) -> None:
    with create(tmp_path / "law", TINY) as project:
        (project.path / "models" / "link").symlink_to(tmp_path)
        assert project.inside("models/x") == project.path / "models" / "x"
        for path in ("../x", "/etc/passwd", "models/link/x"):
            with pytest.raises(UserError) as refusal:
                project.inside(path)
            assert code_of(refusal) == "path.leaves_folder"


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    """So that a closed project can be copied file by file."""
    with create(tmp_path / "law", TINY) as project, transaction(project.connection):
        project.connection.execute("INSERT INTO jobs VALUES ('import-1', 'import', 1.0, NULL)")
    assert [path.name for path in (tmp_path / "law").glob("*sqlite*")] == [DATABASE]
    with closing(sqlite3.connect(tmp_path / "law" / DATABASE)) as plain:
        assert plain.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_a_project_that_could_not_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(RuntimeError), making(tmp_path / name, TINY):
            (tmp_path / name / "models" / "base").mkdir()
            raise RuntimeError("the copy of the tokenizer failed")
    assert [*tmp_path.rglob("*")] == [tmp_path / "empty"]


def test_what_a_kill_left_of_a_project_does_not_stand_in_the_way(tmp_path: Path) -> None:
    left = tmp_path / "law"
    for name in ("documents", "models/base-tokenizer"):
        (left / name).mkdir(parents=True)
    (left / ".new-0123.sqlite").write_bytes(b"torn")
    with create(left, TINY) as project:
        assert project.base == TINY
    assert sorted(entry.name for entry in left.iterdir() if entry.is_dir()) == [
        "documents", "duplicates", "jobs", "models", "tokens",
    ]  # fmt: skip
    assert not list(left.glob(".new-*")) and not list((left / "models").iterdir())


def test_a_folder_with_files_of_a_person_is_never_taken_for_what_a_kill_left(tmp_path: Path) -> None:
    left = tmp_path / "law"
    (left / "documents").mkdir(parents=True)
    (left / ".new-0123.sqlite").write_bytes(b"torn")
    (left / "documents" / "mine.txt").write_text("mine")
    with pytest.raises(UserError) as refusal:
        create(left, TINY)
    assert code_of(refusal) == "project.folder_taken" and (left / "documents" / "mine.txt").exists()
