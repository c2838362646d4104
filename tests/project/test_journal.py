"""The journal: what an edit leaves behind, and which one undo and redo would take."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from domainstudio.mixture.shares import Mixture
from domainstudio.project import journal, plans
from domainstudio.project.database import transaction
from domainstudio.project.journal import Label
from domainstudio.project.project import create
from domainstudio.recipe.run import ModelOrigin


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with create(tmp_path / "law", ModelOrigin(preset="tiny")) as project:
        yield project.connection


def mixture(tokens: int) -> Mixture:
    return Mixture(shares={"law": 1}, tokens=tokens)


def test_saving_a_plan_notes_what_was_there_before_and_after(connection: sqlite3.Connection) -> None:
    plans.save(connection, "mixture", "default", mixture(1))
    plans.save(connection, "mixture", "default", mixture(2))
    second, first = journal.entries(connection, 10)
    assert (first.before, first.target) == (None, "mixture:default")
    assert first.after == second.before == mixture(1).model_dump_json()
    assert journal.to_undo(connection) == second
    assert second.label.words() == "Mixture default changed"


def test_an_edit_that_changes_nothing_is_not_noted(connection: sqlite3.Connection) -> None:
    plans.save(connection, "mixture", "default", mixture(1))
    plans.save(connection, "mixture", "default", mixture(1))
    with transaction(connection):
        journal.record(
            connection, Label("Mixture {name} changed"), "source:1", '{"a": 1, "b": 2}', '{"b":2,"a":1}'
        )
    assert len(journal.entries(connection, 10)) == 1


def test_an_edit_that_fails_leaves_no_entry(connection: sqlite3.Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(connection):
        journal.record(connection, Label("Mixture {name} changed"), "mixture:x", None, "{}")
        raise ZeroDivisionError
    assert journal.to_undo(connection) is None


def test_a_new_edit_drops_what_was_undone(connection: sqlite3.Connection) -> None:
    for tokens in (1, 2):
        plans.save(connection, "mixture", "default", mixture(tokens))
    newest = journal.to_undo(connection)
    assert newest is not None
    with transaction(connection):
        journal.mark(connection, newest, is_undone=True)
    redone = journal.to_redo(connection)
    assert redone is not None and redone.id == newest.id
    plans.save(connection, "mixture", "other", mixture(3))
    assert journal.to_redo(connection) is None
    assert [entry.target for entry in journal.entries(connection, 10)] == ["mixture:other", "mixture:default"]


def test_a_label_is_worded_in_the_language_of_whoever_reads_it(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = Label("Mixture {name} changed", {"name": "法律 {x}"})
    with transaction(connection):
        journal.record(connection, label, "mixture:x", None, "{}")
    entry = journal.to_undo(connection)
    assert entry is not None and entry.label == label
    assert entry.label.words() == "Mixture 法律 {x} changed"
    monkeypatch.setattr(journal, "translate", lambda text: "已更改：{name}")
    assert entry.label.words() == "已更改：法律 {x}"


def test_renaming_a_source_within_mixtures_and_back_restores_them(connection: sqlite3.Connection) -> None:
    one = Mixture(shares={"news": 0.5, "law": 0.5}, tokens=10, locked=("law",))
    plans.save(connection, "mixture", "one", one)
    plans.save(connection, "mixture", "two", Mixture(shares={"news": 1}, tokens=5))
    before = {name: plans.stored(connection, "mixture", name) for name in ("one", "two")}
    with transaction(connection):
        plans.rename_source(connection, "law", "statutes")
    renamed = plans.load(connection, "mixture", "one", Mixture)
    assert renamed is not None and renamed.locked == ("statutes",)
    assert list(renamed.shares) == ["news", "statutes"]
    assert json.loads(plans.stored(connection, "mixture", "two") or "") == json.loads(before["two"] or "")
    with transaction(connection):
        plans.rename_source(connection, "statutes", "law")
    assert {name: plans.stored(connection, "mixture", name) for name in ("one", "two")} == before
