"""What lies on a machine, projects and old versions of this program, with sizes, and its removal."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui.background import Background
from domainstudio.gui.panes.machines.part import Part
from domainstudio.gui.panes.machines.seen import UNKNOWN, Answer, in_gb
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import left_row
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import Column, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import one_line
from domainstudio.language import translate as _
from domainstudio.machines.cleaning import Kept, Version, kept, remove, versions
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.units import format_size


@dataclass(frozen=True)
class There:
    """What lies on a machine."""

    projects: list[Kept]
    old: list[Version]
    """Versions of this program that nobody uses."""


class KeepingPart(QWidget):
    """Hidden until it is known that something lies there."""

    def __init__(self, machine: Machine, background: Background, project: str) -> None:
        """Show nothing; `project` is the name of this project's folder there."""
        super().__init__()
        self._machine, self._background = machine, background
        self._asked_at = 0.0
        self.line = ProblemLine()
        self.list = Part(_("Kept there by projects"), _columns(project), "")
        self.remove = SecondaryButton(_("Remove it there…"), self._on_remove_clicked).make_small()
        self.remove.setEnabled(False)
        self.old = Text("", "text", "text2", wrap=True)
        self.remove_old = SecondaryButton(_("Remove them"), self._on_remove_old_clicked).make_small()
        self.list.table.selectionModel().currentRowChanged.connect(self._on_row_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.list)
        old = QHBoxLayout()
        old.setSpacing(16)
        old.addWidget(self.old, 1)
        old.addWidget(self.remove_old)
        layout.addLayout(beside_table(self.line, left_row(self.remove), old))
        self.hide()

    def show_answer(self, answer: Answer) -> None:
        """Ask what lies there whenever the machine answered anew and has this program."""
        if answer.found is not None and answer.found.packages and answer.at != self._asked_at:
            self._asked_at = answer.at
            self._background.call(partial(_look, self._machine), self._on_looked)

    def _on_looked(self, found: There) -> None:
        self.list.show_rows(found.projects)
        self.list.setVisible(bool(found.projects))
        self.remove.setVisible(bool(found.projects))
        self.remove.setEnabled(self.list.table.selected_row >= 0)
        self.old.setText(
            _("Old versions of this program: {n}, {size}; no run uses them.").format(
                n=len(found.old), size=format_size(sum(one.size_bytes for one in found.old))
            )
        )
        self.old.setVisible(bool(found.old))
        self.remove_old.setVisible(bool(found.old))
        self.remove_old.setEnabled(True)
        self.setVisible(bool(found.projects or found.old))

    def _on_row_chosen(self) -> None:
        self.line.clear()
        self.remove.setEnabled(self.list.table.selected_row >= 0)

    def _on_remove_clicked(self) -> None:
        row: Kept = self.list.model.rows[self.list.table.selected_row]
        words = _(
            "{project} on {name}, {size}: its token files, base models and runs with all their checkpoints "
            "there are gone for good. What was fetched stays here."
        ).format(project=row.name, name=self._machine.name, size=format_size(row.size_bytes))
        agree = _("Remove {size}").format(size=format_size(row.size_bytes))
        links: list[tuple[str, Callable[[], object]]] = [
            (agree, partial(self._remove, row.name)),
            (_("Keep it"), self.line.clear),
        ]
        self.line.say("attention", words, links)

    def _remove(self, project: str) -> None:
        self.line.clear()
        self.remove.setEnabled(False)
        self._background.call(partial(_remove, self._machine, project), self._on_looked, self._on_refused)

    def _on_remove_old_clicked(self) -> None:
        self.line.clear()
        self.remove_old.setEnabled(False)
        self._background.call(partial(_remove_old, self._machine), self._on_looked, self._on_refused)

    def _on_refused(self, problem: Problem) -> None:
        self.remove.setEnabled(True)
        self.remove_old.setEnabled(True)
        self.line.say("problem", sentence(problem))


def _columns(project: str) -> list[Column]:
    def style(row: Kept) -> str:
        return "strong" if row.name == project else "text"

    return [
        Column(_("Project there"), lambda row: one_line(row.name), style=style),
        Column(_("Size (GB)"), lambda row: in_gb(row.size_bytes), is_number=True, width=120),
        Column(_("Running"), lambda row: one_line(", ".join(row.running)) or UNKNOWN, width=240),
    ]


def _look(machine: Machine) -> There:
    """Return nothing where it cannot be told: what is the matter was said of the machine itself."""
    try:
        return _there(machine)
    except UserError:
        return There([], [])


def _there(machine: Machine) -> There:
    connection = Connection(machine)
    return There(kept(connection), [one for one in versions(connection) if not one.is_used])


def _remove(machine: Machine, project: str) -> There:
    remove(Connection(machine), project)
    return _there(machine)


def _remove_old(machine: Machine) -> There:
    versions(Connection(machine), removing=True)
    return _there(machine)
