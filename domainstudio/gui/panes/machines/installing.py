"""What is missing on a machine: the command that mends each, run there on consent with its output shown."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.background import Background
from domainstudio.gui.bridge import Receiver
from domainstudio.gui.panes.machines.seen import Answer
from domainstudio.gui.widgets.buttons import LinkButton, SecondaryButton
from domainstudio.gui.widgets.form import empty_layout
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.language import translate as _
from domainstudio.language import visible
from domainstudio.machines.machine import Machine
from domainstudio.machines.mending import Mending, mend, plan
from domainstudio.machines.probe import Missing, Probe
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError, sentence

_MOST_LINES = 20_000
_LOG_HEIGHT = 240
_WORDS_WIDTH = 480


class InstallPart(QWidget):
    """Lists what is missing, installs what this program can, and shows what that prints.

    Signals:
        ended: an installation ended, well or not: the machine has other things now.
    """

    ended = Signal()

    def __init__(self, machine: Machine, background: Background) -> None:
        """Show that nothing is missing."""
        super().__init__()
        self._machine, self._background = machine, background
        self._answer: Answer | None = None
        self._stopped = threading.Event()
        self.destroyed.connect(self._stopped.set)
        self.line, self.log = ProblemLine(), _log_view()
        self._nothing = Text("", "text", "text2", wrap=True)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._progress = Text("", "small", "text2")
        self.stop = LinkButton(_("Stop it"), self._on_stop_clicked, "small")
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(16)
        head.addWidget(self._progress)
        head.addWidget(self.stop)
        head.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._nothing)
        layout.addLayout(self._list)
        for part in (self.line, self._head, self.log):
            layout.addWidget(part)
        self._head.hide()
        self.log.hide()

    @property
    def is_working(self) -> bool:
        """Whether something is being installed."""
        return not self.stop.isHidden() and not self._head.isHidden()

    def show_answer(self, answer: Answer) -> None:
        """Show what is missing on a machine that answered."""
        before, self._answer = self._answer, answer
        if before is not None and before.lacks == answer.lacks:  # a button may be held down
            return
        empty_layout(self._list)
        self._nothing.setVisible(not answer.lacks)
        self._nothing.setText(_("Nothing that training needs is missing."))
        for lack in answer.lacks:
            self._list.addWidget(self._row(lack))

    def _row(self, lack: Missing) -> QWidget:
        words = Text(lack.words(), "text" if lack.is_needed else "small", wrap=True)
        words.setFixedWidth(_WORDS_WIDTH)
        command = ElidedText(lack.command, "fixed", "text2")
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(words)
        if lack.code == "packages":
            button = SecondaryButton(_("Install them…"), self._on_install_clicked).make_small()
            layout.addWidget(button)
            layout.addWidget(Text(_("several GB there; you see the commands first"), "small", "text2"), 1)
        else:
            copy = SecondaryButton(_("Copy"), partial(_copy, lack.command), "copy").make_small()
            copy.setAccessibleName(_("Copy: {command}").format(command=lack.command))
            layout.addWidget(copy)
            layout.addWidget(command, 1)
        return row

    # Consent

    def _on_install_clicked(self) -> None:
        self._plan(None)

    def _on_wheels_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Folder of wheels"))
        if folder:
            self._plan(Path(folder))

    def _plan(self, wheels: Path | None) -> None:
        found = self._answer.found if self._answer else None
        if found is not None and not self.is_working:
            work = partial(_plan, self._machine, found, wheels)
            self._background.call(work, self._on_planned, self._on_refused)

    def _on_planned(self, planned: Mending) -> None:
        words = _("This will run on {name}, and nothing else:").format(name=self._machine.name)
        if planned.wheels:
            words += " " + _("({n} wheels are sent first)").format(n=len(planned.wheels))
        links: list[tuple[str, Callable[[], object]]] = [(_("Run it"), partial(self._install, planned))]
        if not planned.wheels:
            links.append((_("Without a network there: from a folder of wheels…"), self._on_wheels_clicked))
        links.append((_("Do not"), self.line.clear))
        self.line.say("attention", "\n".join([words, *map(visible, planned.lines())]), links)

    # The installation

    def _install(self, planned: Mending) -> None:
        self.line.clear()
        self._stopped.clear()
        self.log.clear()
        self.log.show()
        self._head.show()
        self.stop.show()
        self._progress.setText(_("Installing on {name}…").format(name=self._machine.name))
        tell = partial(_tell, self._background, Receiver(self._on_line), self._stopped)
        self._background.call(partial(_mend, planned, tell), self._on_installed, self._on_refused)

    def _on_line(self, line: str) -> None:
        scroll = self.log.verticalScrollBar()
        is_at_end = scroll.value() >= scroll.maximum() - 1
        cursor = QTextCursor(self.log.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(f"{visible(line)}\n")
        if is_at_end:
            scroll.setValue(scroll.maximum())

    def _on_installed(self, _nothing: object) -> None:
        self._end(_("Installed."))

    def _on_refused(self, problem: Problem) -> None:
        severity = "attention" if problem.code == "machine.stopped" else "problem"
        self.line.say(severity, sentence(problem))  # type: ignore[arg-type]
        if self.is_working:
            self._end(_("Not installed; the end of its output says why."))

    def _end(self, words: str) -> None:
        self.stop.hide()
        self._progress.setText(words)
        self.ended.emit()

    def _on_stop_clicked(self) -> None:
        self._stopped.set()
        self._progress.setText(_("Stopping with the next line it prints…"))


def _log_view() -> QPlainTextEdit:
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setProperty("role", "code")
    view.setFont(theme.font("fixed"))
    view.setAccessibleName(_("Output of the installation"))
    view.setTabChangesFocus(True)
    view.document().setDocumentMargin(10)
    view.setMaximumBlockCount(_MOST_LINES)
    view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    view.setFixedHeight(_LOG_HEIGHT)
    return view


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _plan(machine: Machine, found: Probe, wheels: Path | None) -> Mending:
    return plan(machine, found, wheels=wheels)


def _mend(planned: Mending, tell: Callable[[str], None]) -> None:
    mend(Connection(planned.machine), planned, tell)


def _tell(background: Background, heard: Receiver, stopped: threading.Event, line: str) -> None:
    """Hand over a line of output; called in the thread that waits for it, which a person may have end."""
    if stopped.is_set():
        raise UserError(Problem("machine.stopped", None))
    background.tell(heard, line)
