"""The find box of the document browser: a search runs as a job and can be cancelled."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.job_words import progress_of
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import ElidedText
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.documents import DocumentFilter, SortKey
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.corpus.search import end_search, found, start_search
from domainstudio.workflow.overview import JobRow

_ORDERS: dict[str, tuple[SortKey, bool]] = {
    "imported": ("position", False),
    "longest": ("characters", True),
    "shortest": ("characters", False),
    "title": ("title", False),
}
"""Order → key and whether it falls."""


class FindBox(QWidget):
    """Text to find and the order; a line below says what is shown and takes it back.

    Signals:
        found: Found, when a search is done.
        cleared: the plain listing is wanted again.
    """

    found = Signal(object)
    cleared = Signal()

    def __init__(self, session: Session) -> None:
        """Offer nothing until `offer`."""
        super().__init__()
        self._session = session
        self._wanted = DocumentFilter()
        self._job: JobFolder | None = None
        self._is_wanted, self._has_found = False, False
        self._number = 0
        self.field = QLineEdit()
        self.field.setAccessibleName(_("Find in the documents"))
        leading = QLineEdit.ActionPosition.LeadingPosition
        self._glass = self.field.addAction(icons.icon("search", "text2"), leading)
        theme.notifier.changed.connect(self._draw_glass)
        self.order = QComboBox()
        self.order.setAccessibleName(_("Order of the documents"))
        self.order.setProperty("density", "small")
        for key, words in _order_words().items():
            self.order.addItem(words, key)
        self._words = ElidedText("", "small", "text2")
        self._clear = LinkButton(_("Clear"), self._on_clear_clicked)
        self._problem = ProblemLine()
        self._lay_out()
        self.field.returnPressed.connect(self._on_return_pressed)
        self.field.textChanged.connect(self._on_text_changed)
        self.order.activated.connect(self._on_order_activated)
        session.jobs_changed.connect(self._on_jobs_changed)
        self._show_words("")

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._words, 1)
        line.addWidget(self._clear)
        line.addWidget(self.order)
        inner = QVBoxLayout()
        inner.setContentsMargins(theme.SPLIT_PADDING, 7, theme.SPLIT_PADDING, 8)
        inner.setSpacing(4)
        inner.addWidget(self.field)
        inner.addLayout(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(inner)
        layout.addWidget(self._problem)
        layout.addWidget(hairline())

    @property
    def is_showing(self) -> bool:
        """Whether the list shows what a search found, or waits for it."""
        return self._is_wanted

    def offer(self, wanted: DocumentFilter, words: str) -> None:
        """Offer to search in the documents of a filter."""
        self._wanted = wanted
        self._allow(True, words)

    def forbid(self, words: str) -> None:
        """Offer nothing, for a reason."""
        self._allow(False, words)
        self._show_words("")

    def forget(self) -> None:
        """Go back to the plain listing without telling anybody."""
        self._end()
        self.field.blockSignals(True)
        self.field.clear()
        self.field.blockSignals(False)
        self.order.setCurrentIndex(0)
        self._show_words("")
        self._problem.clear()

    def sort_by(self, key: SortKey) -> None:
        """List by a column: by length the longest first, then the shortest; by title, then as imported."""
        turns = ("longest", "shortest") if key == "characters" else ("title", "imported")
        wanted = turns[self.order.currentData() == turns[0]]
        self.order.setCurrentIndex(self.order.findData(wanted))
        self._on_order_activated()

    def show_total(self, total: int) -> None:
        """Say how many documents are listed."""
        text, count = self.field.text().strip(), format_count(total)
        if self._has_found and text:
            self._show_words(_("{count} hold “{text}”").format(count=count, text=text))
        else:
            self._show_words(_("{count} documents").format(count=count))

    def _start(self) -> None:
        self._end()
        self._problem.clear()
        self._number += 1
        self._is_wanted = True
        self._show_words(_("Searching…"))
        text = self.field.text().strip()
        self._session.edit(
            partial(_start, self._number, self._wanted, text, self.order.currentData()),
            self._on_started,
            self._on_failed,
        )

    def _end(self) -> None:
        """Stop what runs, or drop what was found."""
        if self._job is not None:
            self._session.edit(partial(_end, self._job))
        self._job, self._is_wanted, self._has_found = None, False, False

    def _on_started(self, started: tuple[int, JobFolder]) -> None:
        number, job = started
        if number != self._number or not self._is_wanted:  # another search, or none, was wanted meanwhile
            self._session.edit(partial(_end, job))
            return
        self._job = job
        self._on_jobs_changed(self._session.jobs)

    def _on_failed(self, problem: Problem) -> None:
        self.forget()
        self._problem.say("problem", sentence(problem))
        self.cleared.emit()

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        if self._job is None or self._has_found:
            return
        job = next((job for job in jobs if job.job_id == self._job.job_id), None)
        if job is None:
            return
        if job.status == "done":
            self._has_found = True
            self.found.emit(found(self._job))
        elif job.status in ("failed", "interrupted", "stopped"):
            self.forget()
            if job.problem is not None:
                self._problem.say("problem", sentence(job.problem))
            self.cleared.emit()
        else:
            self._show_words(progress_of(job) or _("Searching…"))

    def _on_return_pressed(self) -> None:
        self._on_order_activated()

    def _on_text_changed(self, text: str) -> None:
        if not text and self.is_showing:
            self._on_order_activated()

    def _on_order_activated(self) -> None:
        if self.field.text().strip() or self.order.currentData() != "imported":
            self._start()
        else:
            self._on_clear_clicked()

    def _on_clear_clicked(self) -> None:
        was_showing = self.is_showing
        self.forget()
        if was_showing:
            self.cleared.emit()

    def _show_words(self, words: str) -> None:
        self._words.setText(words)
        self._clear.setText(_("Clear") if self._has_found else _("Cancel"))
        self._clear.setVisible(self._is_wanted)

    def _allow(self, is_allowed: bool, words: str) -> None:
        self.field.setEnabled(is_allowed)
        self.order.setEnabled(is_allowed)
        self.field.setPlaceholderText(words)

    def _draw_glass(self) -> None:
        self._glass.setIcon(icons.icon("search", "text2"))

    # Overridden from Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Take a search back with Escape."""
        if event.key() == Qt.Key.Key_Escape and (self.is_showing or self.field.text()):
            self._on_clear_clicked()
        else:
            super().keyPressEvent(event)


def _order_words() -> dict[str, str]:
    return {
        "imported": _("As imported"),
        "longest": _("Longest first"),
        "shortest": _("Shortest first"),
        "title": _("By title"),
    }


def _start(
    number: int, wanted: DocumentFilter, text: str, order: str, project: Project
) -> tuple[int, JobFolder]:
    sort, is_descending = _ORDERS[order]
    return number, start_search(project, wanted, text, sort, descending=is_descending)


def _end(job: JobFolder, _project: Project) -> None:
    if job.path.is_dir():
        end_search(job)
