"""The session: questions and edits off the window's thread, and what changes by itself."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from domainstudio.gui.session import ALL_TOPICS, Session
from domainstudio.problems import Problem
from domainstudio.project import database
from domainstudio.project import jobs as index
from domainstudio.project.project import Project
from domainstudio.workflow import planning
from domainstudio.workflow.tokenizer import packing


class Listener(QObject):
    """Notes what it is told and in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.threads: set[threading.Thread] = set()

    def hear(self, value: Any) -> None:
        self.heard.append(value)
        self.threads.add(threading.current_thread())

    def also(self, value: Any) -> None:
        self.heard.append(("also", value))


@pytest.fixture
def session(small_project: Path, qtbot: QtBot) -> Any:
    made = Session(small_project)
    yield made
    made.close()


def test_a_question_is_answered_in_the_windows_thread(session: Session, qtbot: QtBot) -> None:
    listener, asked = Listener(), []

    def question(project: Project) -> str:
        asked.append(threading.current_thread())
        return project.name

    session.read(question, listener.hear)
    qtbot.waitUntil(lambda: listener.heard == ["small"])
    assert listener.threads == {threading.main_thread()} and asked[0] is not threading.main_thread()


def test_a_newer_question_replaces_one_that_has_not_begun(session: Session, qtbot: QtBot) -> None:
    listener, gate = Listener(), threading.Event()
    session.read(lambda _project: gate.wait(10), listener.also)
    for number in range(100):
        session.read(lambda _project, number=number: number, listener.hear)  # type: ignore[misc]
    gate.set()
    qtbot.waitUntil(lambda: 99 in listener.heard)
    assert listener.heard == [("also", True), 99]


def test_what_was_read_before_an_edit_is_not_shown_after_it(session: Session, qtbot: QtBot) -> None:
    """A slow answer would put the old value back under the hands of the person."""
    listener, begun, gate = Listener(), threading.Event(), threading.Event()

    def slow(_project: Project) -> str:
        begun.set()
        gate.wait(10)
        return "before"

    def ask_again(_topics: frozenset[str]) -> None:
        session.read(lambda _project: "after", listener.hear)

    session.read(slow, listener.hear)
    qtbot.waitUntil(begun.is_set)
    session.changed.connect(ask_again)
    with qtbot.waitSignal(session.edits_ended):
        session.edit(lambda project: project.name, topics=frozenset({"plans"}))
    gate.set()
    qtbot.waitUntil(lambda: bool(listener.heard))
    qtbot.waitUntil(lambda: "after" in listener.heard)
    assert listener.heard == ["after"]


def test_nobody_is_told_once_he_is_gone(session: Session, qtbot: QtBot) -> None:
    gate, listener, other = threading.Event(), Listener(), Listener()
    session.read(lambda _project: gate.wait(10), listener.hear)
    session.read(lambda project: project.name, other.hear)
    del listener
    gate.set()
    qtbot.waitUntil(lambda: other.heard == ["small"])


def test_an_edit_is_told_to_who_asked_and_to_everybody_by_its_topics(session: Session, qtbot: QtBot) -> None:
    listener = Listener()
    with qtbot.waitSignal(session.changed) as told:
        session.edit(
            lambda project: planning.set_recipe(project, {"learning_rate": "2e-3"}),
            listener.hear,
            topics=frozenset({"plans"}),
        )
    assert told.args == [frozenset({"plans"})]
    qtbot.waitUntil(lambda: len(listener.heard) == 1)
    with Project(session.path, read_only=True) as project:
        assert planning.recipe_of(project).stage.learning_rate == 2e-3


def test_a_refused_edit_is_a_problem_and_changes_nothing(session: Session, qtbot: QtBot) -> None:
    listener = Listener()
    with qtbot.assertNotEmitted(session.changed, wait=200):
        session.edit(
            lambda project: planning.set_recipe(project, {"learning_rate": "-1"}),
            failed=listener.hear,
            topics=frozenset({"plans"}),
        )
        qtbot.waitUntil(lambda: len(listener.heard) == 1)
    problem = listener.heard[0]
    assert isinstance(problem, Problem) and problem.code == "document.invalid_field"


def test_a_bug_in_a_thread_is_not_silent(session: Session, qtbot: QtBot) -> None:
    def bug(_project: Project) -> None:
        raise ZeroDivisionError("a bug")

    with qtbot.waitSignal(session.crashed) as told:
        session.read(bug, Listener().hear)
    assert isinstance(told.args[0], ZeroDivisionError)


def test_a_locked_database_is_a_sentence_and_the_window_lives_on(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 100)
    listener = Listener()
    with closing(sqlite3.connect(session.path / "project.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        session.edit(lambda project: planning.set_recipe(project, {"floor": "0.2"}), failed=listener.hear)
        session.read(lambda project: project.name, listener.also)
        qtbot.waitUntil(lambda: len(listener.heard) == 2, timeout=10_000)
        assert ("also", "small") in listener.heard
        problem = next(one for one in listener.heard if isinstance(one, Problem))
        assert problem.code == "project.locked"
        other.execute("ROLLBACK")
    session.edit(lambda project: planning.set_recipe(project, {"floor": "0.2"}), listener.hear)
    qtbot.waitUntil(lambda: len(listener.heard) == 3)


def test_a_finished_job_is_committed_and_told(session: Session, qtbot: QtBot) -> None:
    told: list[frozenset[str]] = []
    session.changed.connect(told.append)
    listener = Listener()
    with qtbot.waitSignal(session.job_ended, timeout=60_000) as ended:
        session.edit(packing.start_packing, listener.hear)
    assert (ended.args[0].kind, ended.args[0].status) == ("pack", "done")
    qtbot.waitUntil(lambda: frozenset({"tokens"}) in told, timeout=10_000)


def test_two_sessions_on_one_project_see_each_others_edits(session: Session, qtbot: QtBot) -> None:
    other = Session(session.path)
    listener = Listener()
    session.edit(lambda project: planning.set_recipe(project, {"floor": "0.3"}), listener.hear)
    qtbot.waitUntil(lambda: len(listener.heard) == 1)
    other.read(lambda project: planning.recipe_of(project).stage.floor, listener.hear)
    qtbot.waitUntil(lambda: listener.heard[-1] == 0.3)
    other.close()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("PRAGMA query_only = ON", "project.read_only"),
        ("PRAGMA max_page_count = 1", "project.disk_filled"),
    ],
)
def test_a_disk_that_takes_no_more_is_a_sentence(
    session: Session, qtbot: QtBot, spoil: str, code: str
) -> None:
    """SQLite reports a read-only file and a full disk by the same codes as these."""
    listener = Listener()
    session.edit(lambda project: project.connection.execute(spoil).fetchall(), listener.also)
    note = "x" * 50_000
    session.edit(
        lambda project: project.connection.execute("INSERT INTO facts VALUES (?, ?)", (note, note)),
        failed=listener.hear,
    )
    qtbot.waitUntil(lambda: len(listener.heard) == 2)
    assert listener.heard[-1].code == code
    session.read(lambda project: project.name, listener.hear)
    qtbot.waitUntil(lambda: listener.heard[-1] == "small")


def test_an_edit_made_elsewhere_is_told_and_ones_own_only_once(session: Session, qtbot: QtBot) -> None:
    told: list[frozenset[str]] = []
    listener = Listener()
    qtbot.waitUntil(lambda: session._data_version is not None)
    session.changed.connect(told.append)
    plans = frozenset({"plans"})
    session.edit(lambda p: planning.set_recipe(p, {"floor": "0.1"}), listener.hear, topics=plans)
    qtbot.waitUntil(lambda: told == [plans])
    with Project(session.path) as project:
        planning.set_recipe(project, {"floor": "0.4"})
    qtbot.waitUntil(lambda: told == [plans, ALL_TOPICS])


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_project_that_was_moved_away_takes_no_edit(
    session: Session, qtbot: QtBot, tmp_path: Path, is_replaced: bool
) -> None:
    """The open database would take it, and nobody would ever see it again."""
    listener, told = Listener(), []
    session.problem_found.connect(told.append)
    session.edit(lambda project: project.name, listener.hear)
    qtbot.waitUntil(lambda: listener.heard == ["small"])
    moved = session.path.rename(tmp_path / "elsewhere")
    if is_replaced:
        session.path.mkdir()
        (session.path / "project.sqlite").write_bytes(b"garbage")
    session.edit(lambda project: planning.set_recipe(project, {"floor": "0.5"}), failed=listener.also)
    qtbot.waitUntil(lambda: len(listener.heard) == 2 and len(told) > 0, timeout=10_000)
    assert listener.heard[-1][1].code == "project.moved" and {one.code for one in told} == {"project.moved"}
    with Project(moved, read_only=True) as project:
        assert planning.recipe_of(project).stage.floor != 0.5


def test_a_damaged_job_blinds_nobody_to_the_others(session: Session, qtbot: QtBot) -> None:
    damaged = session.path / "jobs" / "train-9"
    damaged.mkdir()
    (damaged / "spec.json").write_text("{")
    with qtbot.waitSignal(session.jobs_changed, timeout=20_000):
        session.edit(packing.start_packing)


def test_what_a_locked_database_kept_from_being_committed_is_committed_later(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 100)
    monkeypatch.setattr("domainstudio.gui.session.RETRY_SECONDS", 0.1)
    told: list[frozenset[str]] = []
    with Project(session.path) as project:
        folder = packing.start_packing(project)
    session.edit(lambda project: project.name)
    with closing(sqlite3.connect(session.path / "project.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with qtbot.waitSignal(session.problem_found, timeout=60_000) as problem:
            pass
        assert problem.args[0].code == "project.locked"
        session.changed.connect(told.append)
        other.execute("ROLLBACK")
    qtbot.waitUntil(lambda: frozenset({"tokens"}) in told, timeout=10_000)
    with Project(session.path, read_only=True) as project:
        assert index.is_committed(project.connection, folder.job_id)
