"""Evaluation items: check a file of them against the corpus, and see which occur and where."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.corpus.duplicates.contamination import CHARACTERS, TOKENS
from domainstudio.corpus.finding import name_of
from domainstudio.gui import theme
from domainstudio.gui.pane import PaneHeader
from domainstudio.gui.panes.duplicates.found_item import FoundItemBox
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.states import ContentStates
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.contamination import Check
from domainstudio.project.project import Project
from domainstudio.units import format_count, format_day
from domainstudio.workflow.corpus import contamination
from domainstudio.workflow.corpus.contamination import CHECK, Checked, FoundItem, Holder, OpenedCheck
from domainstudio.workflow.overview import JobRow

ENDINGS = "*.jsonl *.jsonl.gz *.jsonl.zst"
_MOST_CHECKS = 4
"""Shown at once; more are scrolled."""
_COUNT_WIDTH, _DAY_WIDTH, _LINE_WIDTH, _DOCUMENTS_WIDTH = 120, 130, 64, 100


class ItemsPage(QWidget):
    """The checks of a project above, below the items that one of them found.

    Signals:
        closed: the person goes back.
        corpus_requested: there is no text to look in.
    """

    closed = Signal()
    corpus_requested = Signal()

    def __init__(self, session: Session) -> None:
        """Show nothing until the checks are known."""
        super().__init__()
        self._session = session
        self._wanted: Check | None = None
        self._opened: OpenedCheck | None = None
        self._documents = 0
        self._running: list[JobRow] = []
        purpose = _("A model that has read the items of a test cannot be tested with them.")
        self.header = PaneHeader(_("Evaluation items"), purpose)
        self.back = self.header.add_secondary(_("Back to Duplicates"), self.closed.emit)
        self._check = self.header.set_primary(_("Check a file…"), self._on_check_clicked)
        self.line = ProblemLine()
        self.checks = RowsModel(_check_columns())
        self.table = Table(_("Checks of evaluation items"))
        self.table.show_model(self.checks)
        self._working = Text("", "small", "text2")
        self._sentence = Text("", "strong", wrap=True)
        self.items = RowsModel(_item_columns())
        self.list = Table(_("Items that occur"))
        self.list.show_model(self.items)
        self.box = FoundItemBox()
        self._content = QWidget()
        self.states = ContentStates(self._content)
        self._lay_out()
        self.table.selectionModel().currentRowChanged.connect(self._on_check_chosen)
        self.list.selectionModel().currentRowChanged.connect(self._on_item_chosen)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.header, hairline(), self.line):
            layout.addWidget(widget)
        layout.addWidget(self.states, 1)
        self._found = QStackedWidget()
        self._found.addWidget(QWidget())
        self._found.addWidget(self._found_box())
        above = QVBoxLayout()
        above.setContentsMargins(theme.PADDING - OVERHANG, 0, theme.PADDING - OVERHANG, 0)
        above.addWidget(self.table)
        words = QVBoxLayout()
        words.setContentsMargins(theme.PADDING, 10, theme.PADDING, 10)
        words.setSpacing(4)
        words.addWidget(self._working)
        words.addWidget(self._sentence)
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(above)
        column.addLayout(words)
        column.addWidget(self._found, 1)

    def _found_box(self) -> QWidget:
        left = QWidget()
        around = QVBoxLayout(left)
        around.setContentsMargins(theme.PADDING - OVERHANG, 0, theme.SPLIT_PADDING - OVERHANG, 0)
        around.addWidget(self.list)
        columns = QHBoxLayout()
        columns.setSpacing(0)
        columns.addWidget(left, 1)
        columns.addWidget(hairline(is_vertical=True))
        columns.addWidget(self.box, 1)
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(hairline())
        layout.addLayout(columns, 1)
        return box

    # Showing

    def show_checks(self, checks: Sequence[Check], documents: int) -> None:
        """Show the checks there are, the newest first, and open the one that is wanted.

        Args:
            checks: of the project.
            documents: that a check could look at.
        """
        is_new = [one.job_id for one in checks] != [one.job_id for one in self.checks.rows]
        self._documents = documents
        if is_new:
            self.checks.show_rows([])
            self.checks.show_rows(checks)
            self.table.fit_height(_MOST_CHECKS)
            self._wanted = checks[0] if checks else None
        self._show()
        if self._wanted is not None:
            self.table.setCurrentIndex(self.checks.index(self.checks.rows.index(self._wanted), 0))
            self._open()

    def show_jobs(self, jobs: Sequence[JobRow]) -> None:
        """Say which checks are at work."""
        running = [job for job in jobs if job.kind == CHECK.name and job.status in ("created", "running")]
        if [job.job_id for job in running] != [job.job_id for job in self._running]:
            self._running = running
            self._show()

    def _show(self) -> None:
        """Show the checks, or why there are none."""
        names = ", ".join(job.subject for job in self._running)
        looking = _("Looking for the items of {subject}").format(subject=names)
        below = _("Its progress stands below; you may go on elsewhere.")
        self._working.setText(f"{looking}. {below}")
        self._working.setVisible(bool(self._running))
        self._check.setVisible(bool(self.checks.rows or self._running))
        if self.checks.rows:
            self.states.show_ready()
        elif self._running:
            self.states.show_empty("document", looking, below, "", None)
        elif not self._documents:
            self._show_no_text()
        else:
            self._show_none()

    def _show_no_text(self) -> None:
        words = _("Import documents first: then the items of a test are looked for in them.")
        self.states.show_empty(
            "document", _("No text yet"), words, _("Go to Corpus"), self.corpus_requested.emit
        )

    def _show_none(self) -> None:
        words = _(
            "Choose a .jsonl file of questions, one a line with its choices. An item occurs if a document "
            "that is trained on has {tokens} of its tokens or {characters} of its characters in a row."
        )
        self.states.show_empty(
            "search",
            _("No evaluation items were checked yet"),
            words.format(tokens=TOKENS, characters=CHARACTERS),
            _("Check a file…"),
            self._on_check_clicked,
        )

    def _open(self) -> None:
        if self._wanted is not None:
            self._session.read(partial(_open, self._wanted), self._on_opened, self._on_unreadable)

    def _on_opened(self, opened: OpenedCheck) -> None:
        if self._wanted is None or opened.check != self._wanted:
            return
        is_same = self._opened is not None and self._opened.check == opened.check
        self._opened = opened
        if opened.is_stale:
            words = _("The text that is trained on is another than when {name} was checked.")
            again = [(_("Check it again"), self._on_again_clicked)]
            self.line.say("attention", words.format(name=opened.check.result.name), again)
        else:
            self.line.clear()
        if not is_same:
            self._show_found(opened.result)

    def _show_found(self, result: Checked) -> None:
        self._sentence.setText(_result_words(result))
        self._sentence.show()
        self.items.show_rows([])
        self.items.show_rows(result.found)
        self._found.setCurrentIndex(1 if result.found else 0)
        if result.found:
            self.list.setCurrentIndex(self.items.index(0, 0))

    def _on_unreadable(self, problem: Problem) -> None:
        self._opened = None
        self._sentence.hide()
        self._found.setCurrentIndex(0)
        self.line.say("problem", sentence(problem))

    def _on_holders(self, answer: tuple[FoundItem, list[Holder]]) -> None:
        item, holders = answer
        if item is self.box.item:
            self.box.show_holders(holders)

    def take_focus(self) -> None:
        """Put the focus on the checks, or on what starts one."""
        (self.table if self.checks.rows else self.back).setFocus()

    # What a person does

    def check_file(self, file: Path) -> None:
        """Start looking for the items of a file."""
        self.line.clear()
        self._session.edit(partial(_start, file), self._on_started, self._on_refused)

    def _on_check_clicked(self) -> None:
        words = _("Evaluation items, JSON lines ({endings})").format(endings=ENDINGS)
        chosen, _filter = QFileDialog.getOpenFileName(self, _("Check a file…"), "", words)
        if chosen:
            self.check_file(Path(chosen))

    def _on_again_clicked(self) -> None:
        if self._opened is not None:
            self._session.edit(partial(_again, self._opened.check), self._on_started, self._on_refused)

    def _on_started(self, _folder: JobFolder) -> None:
        """The session says that a job runs; what it finds follows."""

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem), [(_("Choose another file…"), self._on_check_clicked)])

    def _on_check_chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and self.checks.rows[current.row()] != self._wanted:
            self._wanted = self.checks.rows[current.row()]
            self._open()

    def _on_item_chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            item: FoundItem = self.items.rows[current.row()]
            self.box.show_item(item)
            self._session.read(partial(_holders, item), self._on_holders, self._on_unreadable)


def _check_columns() -> list[Column]:
    return [
        Column(
            _("Items of"),
            lambda check: check.result.name,
            state=lambda check: "attention" if check.result.found else "ready",
            tooltip=lambda check: check.result.name,
        ),
        _count_column(_("Items"), "items", 96),
        _count_column(_("Occur"), "found", 96),
        _count_column(_("Too short to tell"), "too_short", _COUNT_WIDTH),
        Column(
            _("Checked"),
            lambda check: format_day(check.checked_at, time.time()),
            is_number=True,
            width=_DAY_WIDTH,
        ),
    ]


def _count_column(title: str, name: str, width: int) -> Column:
    return Column(title, lambda check: format_count(getattr(check.result, name)), is_number=True, width=width)


def _item_columns() -> list[Column]:
    return [
        Column(_("Line"), lambda item: format_count(item.item + 1), is_number=True, width=_LINE_WIDTH),
        Column(_("Item"), _first_line, tooltip=_first_line),
        Column(
            _("Documents"), lambda item: format_count(item.documents), is_number=True, width=_DOCUMENTS_WIDTH
        ),
    ]


def _first_line(item: FoundItem) -> str:
    return next((line for line in item.text.splitlines() if line.strip()), "–")


def _result_words(result: Checked) -> str:
    """Say how many items occur, and what is not known or not listed."""
    if result.occurring:
        words = _("{found} of {items} items occur in the text that is trained on.")
    else:
        words = _("None of {items} items occurs in the text that is trained on.")
    parts = [words.format(found=format_count(result.occurring), items=format_count(result.items))]
    if result.too_short:
        short = _("Too short to tell: {count}.")
        parts.append(short.format(count=format_count(result.too_short)))
    if result.further:
        parts.append(_("The first {count} are listed.").format(count=format_count(len(result.found))))
    return " ".join(parts)


def _open(check: Check, project: Project) -> OpenedCheck:
    return contamination.open_check(project, check)


def _holders(item: FoundItem, project: Project) -> tuple[FoundItem, list[Holder]]:
    return item, contamination.holders(project, item)


def _again(check: Check, project: Project) -> JobFolder:
    return contamination.check_again(project, check)


def _start(file: Path, project: Project) -> JobFolder:
    return contamination.start_check(project, file, name_of(file))
