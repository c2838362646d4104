"""The status strip: the job at work with its progress, how many more there are, and what to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.job_line import JobLine
from domainstudio.gui.widgets.problem_line import PaneProblem
from domainstudio.gui.widgets.text import Text, tip
from domainstudio.language import translate as _
from domainstudio.workflow.overview import JobRow, running

HEIGHT, MOST_PROBLEM_WIDTH = 32, 420


@dataclass(frozen=True)
class Located:
    """A problem and the step whose pane it is in."""

    step: str
    problem: PaneProblem


class StatusStrip(QWidget):
    """At the left the jobs, at the right the problems.

    Signals:
        stop_requested: the name of a job that shall end, or a training that shall pause.
        kill_requested: the name of a job that ignored it, once the person confirmed.
        problem_chosen: Located, where to go.
    """

    stop_requested = Signal(str)
    kill_requested = Signal(str)
    problem_chosen = Signal(object)

    def __init__(self) -> None:
        """Show that nothing runs and nothing is the matter."""
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setProperty("role", "chrome")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._idle = Text(_("No jobs are running"), "small", "text2")
        self._line = JobLine()
        self._line.stop_requested.connect(self.stop_requested)
        self._line.kill_requested.connect(self.kill_requested)
        self._more = LinkButton("", self.open_list, "small")
        self._problem_icon = QLabel()
        self._problem = QPushButton()
        self._problem.setProperty("role", "bare")
        self._problem.setFixedHeight(24)
        self._problem.setFont(theme.font("small"))
        self._problem.clicked.connect(self._on_problem_clicked)
        self._fine = Text(_("No problems"), "small")
        self._jobs: list[JobRow] = []
        self._problems: list[Located] = []
        self._list: JobsPopup | None = None
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(10)
        for widget in (self._idle, self._line, self._more):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._problem_icon)
        row.addWidget(self._problem)
        row.addWidget(self._fine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(hairline())
        layout.addLayout(row)
        theme.notifier.changed.connect(self._draw_problems)
        self.show_jobs([])
        self.show_problems([])

    def show_jobs(self, jobs: Sequence[JobRow]) -> None:
        """Show what runs among these jobs."""
        self._jobs = list(running(list(jobs)))
        self._idle.setVisible(not self._jobs)
        self._line.setVisible(bool(self._jobs))
        self._more.setVisible(len(self._jobs) > 1)
        if self._jobs:
            self._line.show_job(self._jobs[0])
            self._more.setText(_("+{count} jobs").format(count=len(self._jobs) - 1))
        if self._list is not None:
            self._list.show_jobs(self._jobs)

    def show_problems(self, problems: Sequence[Located]) -> None:
        """Show how much there is to look at; problems stand before what wants attention."""
        self._problems = sorted(problems, key=lambda one: one.problem.severity != "problem")
        self._draw_problems()

    @property
    def problems(self) -> list[Located]:
        """What there is to look at, the gravest first."""
        return self._problems

    def open_list(self) -> None:
        """Open the list of all running jobs above the strip."""
        self._list = JobsPopup(self)
        self._list.stop_requested.connect(self.stop_requested)
        self._list.kill_requested.connect(self.kill_requested)
        self._list.show_jobs(self._jobs)
        self._list.open_above(self)

    def _draw_problems(self) -> None:
        first = self._problems[0].problem if self._problems else None
        self._problem.setVisible(first is not None)
        self._fine.setVisible(first is None)
        self._problem_icon.setPixmap(icons.state_pixmap(first.severity if first else "ready"))
        if first is not None:
            count = sum(one.problem.severity == first.severity for one in self._problems)
            words = (
                _("{count} problem: {text}")
                if first.severity == "problem"
                else _("{count} to look at: {text}")
            )
            text = words.format(count=count, text=first.text)
            shown = self._problem.fontMetrics().elidedText(
                text, Qt.TextElideMode.ElideRight, MOST_PROBLEM_WIDTH
            )
            self._problem.setText(shown)
            self._problem.setAccessibleName(text)
            self._problem.setToolTip(tip(text))

    def _on_problem_clicked(self) -> None:
        if self._problems:
            self.problem_chosen.emit(self._problems[0])


class JobsPopup(QFrame):
    """The list of running jobs; a click elsewhere or Escape closes it.

    Signals:
        stop_requested, kill_requested: a job's name.
    """

    stop_requested = Signal(str)
    kill_requested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        """Show an empty list."""
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAccessibleName(_("Running jobs"))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 12, 16, 12)
        self._layout.setSpacing(12)
        self._lines: list[JobLine] = []
        self._none = Text(_("No jobs are running"), "small", "text2")
        self._layout.addWidget(self._none)

    def show_jobs(self, jobs: list[JobRow]) -> None:
        """Show these jobs."""
        while len(self._lines) < len(jobs):
            line = JobLine()
            line.stop_requested.connect(self.stop_requested)
            line.kill_requested.connect(self.kill_requested)
            self._lines.append(line)
            self._layout.addWidget(line)
        for number, line in enumerate(self._lines):
            line.setVisible(number < len(jobs))
            if number < len(jobs):
                line.show_job(jobs[number])
        self._none.setVisible(not jobs)
        self.adjustSize()

    def open_above(self, strip: QWidget) -> None:
        """Open at the left end of the strip."""
        self.adjustSize()
        place = strip.mapToGlobal(QPoint(8, -self.height() - 4))
        screen = QGuiApplication.screenAt(place)
        self.move(place if screen is None or place.y() > 0 else QPoint(place.x(), 0))
        self.show()
