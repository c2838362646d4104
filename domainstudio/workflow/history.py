"""Undo and redo: take back or make again the edits of the journal, whoever made them."""

import sqlite3
from typing import cast

from domainstudio.jobs.spec import parse_model
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus, duplicates, journal, plans, verdicts
from domainstudio.project.database import transaction
from domainstudio.project.journal import Entry, Label
from domainstudio.project.project import Project

SHOWN = 50
"""Edits that a list shows."""


def undo(project: Project, entry: int | None = None) -> Label | None:
    """Take the newest edit back and return its label; None if there is none.

    Args:
        project: opened for writing.
        entry: the id of the edit that the person saw offered; another one is not taken back.

    Raises:
        UserError: the edit offered is no longer the newest, or what it made was changed since.
    """
    with transaction(project.connection):
        return _turn(project, journal.to_undo(project.connection), entry, is_undoing=True)


def redo(project: Project, entry: int | None = None) -> Label | None:
    """Make the edit undone last again and return its label; None if there is none.

    Args and errors as in `undo`.
    """
    with transaction(project.connection):
        return _turn(project, journal.to_redo(project.connection), entry, is_undoing=False)


def history(project: Project, limit: int = SHOWN) -> list[Entry]:
    """Return the newest edits, newest first, those undone among them."""
    return journal.entries(project.connection, limit)


def _turn(project: Project, found: Entry | None, offered: int | None, *, is_undoing: bool) -> Label | None:
    if offered is not None and (found is None or found.id != offered):
        raise UserError(Problem("history.moved_on", None, {}))
    if found is None:
        return None
    expected, wanted = (found.after, found.before) if is_undoing else (found.before, found.after)
    connection = project.connection
    is_present = journal.is_same(_present(connection, found.target), expected)
    if not is_present or _is_name_taken(connection, found.target, wanted):
        raise UserError(Problem("history.changed_since", None, {"label": found.label.words()}))
    _apply(project, found.target, wanted)
    journal.mark(connection, found, is_undone=is_undoing)
    return found.label


def _present(connection: sqlite3.Connection, target: str) -> str | None:
    """Return the present value of what an edit changed."""
    kind, _, name = target.partition(":")
    match kind:
        case "source":
            source = next((found for found in corpus.sources(connection) if found.id == int(name)), None)
            return corpus.Naming(name=source.name, role=source.role).model_dump_json() if source else None
        case "removal":
            return duplicates.standing_value(connection)
        case "verdict":
            return verdicts.stored(connection, target)
        case _:
            return plans.stored(connection, cast(plans.Kind, kind), name)


def _is_name_taken(connection: sqlite3.Connection, target: str, value: str | None) -> bool:
    """Return whether a source would get the name that another one took meanwhile."""
    kind, _, name = target.partition(":")
    if kind != "source" or value is None:
        return False
    other = corpus.find_source(connection, _naming(value).name)
    return other is not None and other.id != int(name)


def _apply(project: Project, target: str, value: str | None) -> None:
    kind, _, name = target.partition(":")
    match kind:
        case "source":
            if value is not None:  # a source is made and removed by jobs, never by an edit
                naming = _naming(value)
                corpus.apply_source(project.connection, int(name), naming.name, naming.role)
        case "removal":
            duplicates.let_stand(project.connection, project.path, value)
        case "verdict":
            verdicts.put(project.connection, target, value)
        case _:
            plans.put(project.connection, cast(plans.Kind, kind), name, value)


def _naming(value: str) -> corpus.Naming:
    return parse_model(corpus.Naming, value.encode(), "journal")
