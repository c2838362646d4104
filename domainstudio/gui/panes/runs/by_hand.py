"""How a run is started by hand: commands, a hostfile or a batch script, to be copied."""

from typing import get_args

from PySide6.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from domainstudio.gui.help import HelpDialog
from domainstudio.gui.panes.training.together import Together
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import FormRow
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.machines.by_hand import Kind
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.workflow.machines.by_hand import script

_MOST_NODES = 512


class HandPage(QWidget):
    """Which machines, which form, and the text."""

    def __init__(self, session: Session, run: str, machines: list[str]) -> None:
        """Show the commands for the first machine."""
        super().__init__()
        self._session, self._run, self._machines = session, run, machines
        self.kind, self.machine, self.nodes = QComboBox(), QComboBox(), QSpinBox()
        for kind in get_args(Kind):
            self.kind.addItem(_words(kind), kind)
        self.machine.addItems(machines)
        self.nodes.setRange(1, _MOST_NODES)
        self.together = Together()
        for changed in (self.kind.activated, self.machine.activated, self.nodes.valueChanged):
            changed.connect(self._on_changed)
        self.together.changed.connect(self._on_changed)
        self.code = CodeBox("", _("What to type or to submit"))
        self._refusal = Text("", "text", "problem", wrap=True)
        self._together_row = FormRow(_("Together with"), self.together)
        self._nodes_row = FormRow(_("Nodes"), self.nodes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(FormRow(_("Form"), self.kind))
        layout.addWidget(FormRow(_("Machine"), self.machine))
        for row in (self._together_row, self._nodes_row, self._refusal):
            layout.addWidget(row)
        layout.addWidget(self.code, 1)
        self._on_changed()

    def _on_changed(self) -> None:
        kind: Kind = self.kind.currentData()
        first, run, nodes = self.machine.currentText(), self._run, self.nodes.value()
        others = [name for name in self._machines if name != first]
        self.together.show_names(others, self.together.ticked)
        is_batch = kind == "sbatch"
        self._together_row.setVisible(bool(others) and not is_batch)
        self._nodes_row.setVisible(is_batch)
        machines = first if is_batch else ",".join([first, *self.together.ticked])

        def question(project: Project) -> str:
            return script(project, run, kind, machines, nodes)

        self._session.read(question, self._on_told, self._on_refused)

    def _on_told(self, text: str) -> None:
        self.code.show_text(text)
        self._refusal.hide()
        self.code.show()

    def _on_refused(self, problem: Problem) -> None:
        self._refusal.setText(sentence(problem))
        self._refusal.show()
        self.code.hide()


def hand_dialog(session: Session, run: str, machines: list[str], parent: QWidget) -> HelpDialog:
    """Return the page in a window of its own."""
    return HelpDialog(_("Start {run} by hand").format(run=run), HandPage(session, run, machines), parent)


def _words(kind: Kind) -> str:
    words = {
        "commands": _("Commands"),
        "hostfile": _("DeepSpeed hostfile"),
        "sbatch": _("Batch script for Slurm"),
    }
    return words[kind]
