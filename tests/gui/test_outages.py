"""An open project whose disk goes away, comes back or refuses; and when the end of a job is told."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from domainstudio.corpus.readers import ReaderSettings
from domainstudio.gui.session import Session
from domainstudio.problems import Problem, UserError
from domainstudio.project import database
from domainstudio.project.project import Project
from domainstudio.workflow import planning
from domainstudio.workflow.corpus import importing, sources
from domainstudio.workflow.tokenizer import packing

PLANS = frozenset({"plans"})


class Listener(QObject):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def hear(self, value: Any) -> None:
        self.heard.append(value)


@pytest.fixture
def session(small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr("domainstudio.gui.session.RETRY_SECONDS", 0.1)
    made = Session(small_project)
    yield made
    made.close()


def set_floor(session: Session, floor: str, listener: Listener) -> None:
    session.edit(
        lambda project: planning.set_recipe(project, {"floor": floor}),
        listener.hear,
        failed=listener.hear,
        topics=PLANS,
    )


def floor_of(project: Path) -> float:
    with Project(project, read_only=True) as opened:
        return planning.recipe_of(opened).stage.floor


def test_the_end_of_an_import_is_told_when_its_documents_can_be_seen(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    """The notice came while the rows were being committed: who clicked at once found nothing."""
    file = tmp_path / "laws.txt"
    file.write_text("A law of one sentence.\n")
    seen: list[bool] = []

    def look(_row: object) -> None:
        with Project(session.path, read_only=True) as project:
            seen.append("laws" in [row.counts.name for row in sources.table(project)])

    session.job_ended.connect(look)
    session.edit(lambda project: importing.start_import(project, [file], "laws", "domain", ReaderSettings()))
    qtbot.waitUntil(lambda: bool(seen), timeout=120_000)
    assert seen == [True]


def test_a_job_that_cannot_be_committed_is_told_of_once_and_ends_when_it_can(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 50)
    problems, ended, tried = Listener(), Listener(), []
    session.problem_found.connect(problems.hear)
    session.job_ended.connect(ended.hear)
    commit = session._commit
    monkeypatch.setattr(session, "_commit", lambda job: (tried.append(job), commit(job)))
    with closing(sqlite3.connect(session.path / "project.sqlite", isolation_level=None)) as other:
        session.edit(packing.start_packing, problems.hear)
        qtbot.waitUntil(lambda: bool(problems.heard), timeout=60_000)
        other.execute("BEGIN IMMEDIATE")
        qtbot.waitUntil(lambda: len(tried) > 3, timeout=120_000)
        told = [one.code for one in problems.heard if isinstance(one, Problem)]
        assert told == ["project.locked"] and ended.heard == []
        other.execute("ROLLBACK")
    qtbot.waitUntil(lambda: [row.status for row in ended.heard] == ["done"], timeout=60_000)


def test_a_project_that_was_away_goes_on_when_it_is_back(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    edits, problems, changes = Listener(), Listener(), Listener()
    session.problem_found.connect(problems.hear)
    set_floor(session, "0.2", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 1)
    session.changed.connect(changes.hear)
    away = session.path.rename(tmp_path / "away")
    qtbot.waitUntil(lambda: len(problems.heard) == 1, timeout=30_000)
    set_floor(session, "0.4", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 2)
    assert edits.heard[1].code == problems.heard[0].code == "project.moved"
    assert not session.path.exists() and floor_of(away) == 0.2
    away.rename(session.path)
    qtbot.waitUntil(lambda: len(changes.heard) > 0, timeout=30_000)
    set_floor(session, "0.6", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 3)
    assert floor_of(session.path) == 0.6
    assert len(problems.heard) == 1


def test_a_project_on_another_device_of_the_same_place_is_opened_anew(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    """A disk that was plugged in again is another device to the system; the copy stands for its content."""
    edits = Listener()
    set_floor(session, "0.2", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 1)
    before = session.path.rename(tmp_path / "before")
    with closing(sqlite3.connect(before / "project.sqlite")) as source:
        session.path.mkdir()
        for name in ("documents", "tokens", "models", "jobs"):
            (before / name).rename(session.path / name)
        source.execute("VACUUM INTO ?", (str(session.path / "project.sqlite"),))
    set_floor(session, "0.4", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 2)
    assert floor_of(session.path) == 0.4 and floor_of(before) == 0.2


def test_another_project_in_the_same_place_takes_no_edit(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    from domainstudio.project.project import create
    from domainstudio.recipe.run import ModelOrigin

    edits = Listener()
    set_floor(session, "0.2", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 1)
    session.path.rename(tmp_path / "elsewhere")
    create(session.path, ModelOrigin(preset="tiny")).connection.close()
    set_floor(session, "0.4", edits)
    qtbot.waitUntil(lambda: len(edits.heard) == 2)
    assert edits.heard[1].code == "project.moved"
    with Project(session.path, read_only=True) as project:
        assert planning.recipe_of(project).stage.floor != 0.4


def test_after_a_failure_of_the_disk_the_database_is_opened_anew(session: Session, qtbot: QtBot) -> None:
    """An open file of a disk that was pulled out fails for ever, also when the disk is back."""
    used, edits = list[sqlite3.Connection](), Listener()

    def use(project: Project) -> None:
        used.append(project.connection)
        if len(used) == 1:
            raise UserError(Problem("project.disk_error", None, {"file": "project.sqlite"}))

    for _turn in range(3):
        session.edit(use, edits.hear, edits.hear)
    qtbot.waitUntil(lambda: len(edits.heard) == 3)
    assert edits.heard[0].code == "project.disk_error"
    assert used[0] is not used[1] and used[1] is used[2]
