"""`domainstudio project`: make a project, or say what is in it."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from domainstudio.project.journal import Label
    from domainstudio.project.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    new = add_verb(verbs, "new", "make a project", _new)
    base = new.add_mutually_exclusive_group(required=True)
    base.add_argument("--base", type=Path, metavar="DIR", help=_("folder of a base model (safetensors)"))
    base.add_argument(
        "--from-scratch", metavar="PRESET", help=_("no base model: tiny, tiny-neox or small-neox")
    )
    add_verb(verbs, "info", "say what is in a project", _info)
    add_verb(verbs, "undo", "take the newest edit back", _undo)
    add_verb(verbs, "redo", "make the edit undone last again", _redo)
    add_verb(verbs, "history", "the newest edits of plans and sources", _history)


def _new(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.projects import info, new_project

    with new_project(options.project, preset=options.from_scratch, base=options.base) as project:
        return Output(info(project), _("Made the project {path}.").format(path=project.path))


def _info(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.projects import info

    with open_project(options) as project:
        facts = info(project)
    text = _(
        "{path}\nbase model: {base}\nsources: {sources}\ntraining documents: {documents}\nruns: {runs}"
    ).format(
        path=facts.path,
        base=facts.base,
        sources=facts.sources,
        documents=format_count(facts.training_documents),
        runs=facts.runs,
    )
    return Output(facts, text)


def _undo(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.history import undo

    return _turn(options, undo, _("Undone: {what}"), _("There is nothing to undo."))


def _redo(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.history import redo

    return _turn(options, redo, _("Done again: {what}"), _("There is nothing to redo."))


def _turn(
    options: argparse.Namespace, turn: "Callable[[Project], Label | None]", words: str, nothing: str
) -> Output:
    """Take an edit back or make it again, and say which."""
    from domainstudio.cli.following import open_project

    with open_project(options) as project:
        label = turn(project)
    return Output(label, words.format(what=label.words()) if label else nothing)


def _history(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.history import history

    with open_project(options) as project:
        entries = history(project)
    rows = [
        [
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.changed_at)),
            entry.label.words(),
            _("undone") if entry.is_undone else "",
        ]
        for entry in entries
    ]
    return Output(entries, table([_("Time"), _("Edit"), ""], rows, text_columns=3))
