"""The document browser: what became of documents at the left, their list, the text of one at the right."""

from functools import partial

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QHeaderView, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.corpus.facts import RejectionRecord
from domainstudio.gui import theme
from domainstudio.gui.models.documents import CHARACTERS, TITLE, DocumentsModel
from domainstudio.gui.models.paged import PAGE_ROWS
from domainstudio.gui.panes.corpus.reasons import ReasonsList
from domainstudio.gui.panes.corpus.search import FindBox
from domainstudio.gui.panes.corpus.text import DocumentView
from domainstudio.gui.panes.corpus.view import CorpusView, ReasonRow, reason_rows, states_of
from domainstudio.gui.panes.corpus.words import place_words, reason_words, state_words
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.table import Column, RowsModel, Table
from domainstudio.language import translate as _
from domainstudio.problems import Problem
from domainstudio.project.documents import DocumentFilter, DocumentRow, Listing, listing
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.corpus.search import Found
from domainstudio.workflow.corpus.sources import DocumentText, read_document

_WIDTHS = (304, 376, 544)


class DocumentBrowser(QWidget):
    """Three columns; a row of the first filters the second, a row of the second shows its text."""

    def __init__(self, session: Session) -> None:
        """Show nothing until `show_view`."""
        super().__init__()
        self._session = session
        self._view: CorpusView | None = None
        self._source = ""
        self._listed: Listing | Found | None = None
        self._stays_in_place = False
        self._asked = (0, 0)
        self._outside: int | None = None
        self.reasons = ReasonsList()
        self.find_box = FindBox(session)
        self.model = DocumentsModel()
        self.documents = _documents_table(self.model)
        self.rejections = RowsModel(_rejection_columns())
        self.rejected = Table(_("Rejected input"))
        self.rejected.show_model(self.rejections)
        self.rejected.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.text = DocumentView()
        self._lists = QStackedWidget()
        self._lists.addWidget(self.documents)
        self._lists.addWidget(self.rejected)
        self._lay_out()
        self.reasons.chosen.connect(self._on_reason_chosen)
        self.find_box.found.connect(self._on_found)
        self.find_box.cleared.connect(self._list)
        self.model.page_requested.connect(self._on_page_requested)
        self.model.page_shown.connect(self._on_page_shown)
        self.documents.horizontalHeader().sectionClicked.connect(self._on_section_clicked)
        self.documents.selectionModel().currentRowChanged.connect(self._on_document_chosen)
        self.rejected.selectionModel().currentRowChanged.connect(self._on_rejection_chosen)
        self.text.step_requested.connect(self._on_step_requested)
        self.text.document_requested.connect(self._on_document_requested)

    def _lay_out(self) -> None:
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.find_box)
        column.addWidget(self._lists, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for place, widget in enumerate((self.reasons, middle, self.text)):
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(place, place)
        self.splitter.setSizes(list(_WIDTHS))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)

    def show_view(self, view: CorpusView, source: str, reason: str = "") -> None:
        """Show the documents of a source, or of all if it is empty, anew."""
        is_other = source != self._source
        self._view, self._source = view, source
        self.reasons.show_rows(reason_rows(view, view.source_id(source)), reason)
        if is_other:
            self.find_box.forget()
            self._stays_in_place = False
        if self.find_box.is_showing:  # what was found stays as it was found
            return
        self._list()

    def _filter(self) -> DocumentFilter:
        assert self._view is not None
        return DocumentFilter(self._view.source_id(self._source), states_of(self.reasons.key, self._view))

    def _list(self) -> None:
        """List what the chosen row of reasons stands for."""
        if self._view is None:
            return
        row = self.reasons.row
        if row.is_rejection:
            self._list_rejections(row)
            return
        self._lists.setCurrentWidget(self.documents)
        self._name_find(row)
        self._session.read(partial(_read_listing, self._filter()), self._on_listing)

    def _name_find(self, row: ReasonRow) -> None:
        words = _("Find in {source}, {state}: {count}").format(
            source=self._source or _("all sources"),
            state=state_words(row.key).lower(),
            count=format_count(row.count),
        )
        self.find_box.offer(self._filter(), words)

    def _list_rejections(self, row: ReasonRow) -> None:
        assert self._view is not None
        self.find_box.forbid(_("Rejected input: examples"))
        records = [
            record
            for one in self._view.rejections_of(self._view.source_id(self._source))
            for record in one.listed
            if row.reason in ("", record.reason)
        ]
        self._lists.setCurrentWidget(self.rejected)
        self.rejections.show_rows([])
        self.rejections.show_rows(records)
        if records:
            self.rejected.setCurrentIndex(self.rejections.index(0, 0))
        else:
            self.text.show_nothing(_("Nothing was rejected"))

    def _on_listing(self, found: Listing) -> None:
        if not self.reasons.row.is_rejection and not self.find_box.is_showing:
            self._show_listed(found)

    def _on_found(self, found: Found) -> None:
        self._show_listed(found)

    def _show_listed(self, found: Listing | Found) -> None:
        """Show a listing; the place in the list is kept where there is one."""
        stays = self._stays_in_place and isinstance(found, type(self._listed))
        place = max(0, self.documents.currentIndex().row()) if stays else 0
        self._listed, self._stays_in_place = found, True
        self.model.show_listing(found.total)
        self.find_box.show_total(found.total)
        if not found.total:
            self.text.show_nothing(_("No document"))
            return
        self.documents.setCurrentIndex(self.model.index(min(place, self.model.rowCount() - 1), TITLE))

    def _on_reason_chosen(self, _key: str) -> None:
        self.find_box.forget()
        self._stays_in_place = False
        self._list()

    def _on_section_clicked(self, section: int) -> None:
        self.find_box.sort_by("characters" if section == CHARACTERS else "title")

    # Pages

    def _on_page_requested(self, generation: int, page: int) -> None:
        self._asked = (generation, page)
        assert self._listed is not None
        self._session.read(
            partial(_read_page, self._listed, generation, page), self._on_page, self._on_page_failed
        )

    def _on_page(self, answer: tuple[int, int, list[DocumentRow]]) -> None:
        self.model.take_page(*answer)

    def _on_page_failed(self, problem: Problem) -> None:
        self.model.fail_page(*self._asked)
        self.text.show_problem(problem)

    def _on_page_shown(self, page: int) -> None:
        current = self.documents.currentIndex()
        if current.isValid() and current.row() // PAGE_ROWS == page and self._outside is None:
            self._read_text(current.row())

    # Text

    def _on_document_chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self._outside = None
        if current.isValid():
            self._read_text(current.row())

    def _read_text(self, position: int) -> None:
        self.text.set_steps(position > 0, position < self.model.rowCount() - 1)
        row = self.model.row_at(position)
        if row is not None:
            self._ask_for_text(row.id)

    def _ask_for_text(self, document: int) -> None:
        self._session.read(partial(_read_text, document), self._on_text, self.text.show_problem)

    def _on_text(self, document: DocumentText) -> None:
        position = self.documents.currentIndex().row()
        row = self.model.row_at(position) if position >= 0 else None
        if document.row.id == self._outside:
            self.text.show_document(document, _("outside the list"))
        elif row is not None and row.id == document.row.id and not self.reasons.row.is_rejection:
            place = _("{position} of {total}").format(
                position=format_count(position + 1), total=format_count(self.model.total)
            )
            self.text.show_document(document, place)

    def _on_document_requested(self, document: int) -> None:
        self._outside = document
        self._ask_for_text(document)

    def _on_step_requested(self, step: int) -> None:
        position = self.documents.currentIndex().row() + (0 if self._outside is not None else step)
        self._outside = None
        if position == self.documents.currentIndex().row():
            self._read_text(position)
        elif 0 <= position < self.model.rowCount():
            self.documents.setCurrentIndex(self.model.index(position, TITLE))

    def _on_rejection_chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.text.show_rejection(self.rejections.rows[current.row()])


def _documents_table(model: DocumentsModel) -> Table:
    table = Table(_("Documents"))
    table.setModel(model)
    head = table.horizontalHeader()
    head.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
    head.setSectionResizeMode(CHARACTERS, QHeaderView.ResizeMode.Fixed)
    table.setColumnWidth(CHARACTERS, 104)
    head.setSectionsClickable(True)
    head.setToolTip(_("A click sorts, another one turns the order round"))
    table.setVerticalScrollMode(Table.ScrollMode.ScrollPerItem)
    table.setMinimumWidth(theme.ROW * 6)
    return table


def _rejection_columns() -> list[Column]:
    def place(record: RejectionRecord) -> str:
        return place_words(record.origin, record.position)

    def reason(record: RejectionRecord) -> str:
        return reason_words(record.reason)

    def whole(record: RejectionRecord) -> str:
        return f"{record.origin}:{record.position}"

    return [
        Column(_("Place"), place, tooltip=whole),
        Column(_("Reason"), reason, token=lambda _record: "text2", width=152),
    ]


def _read_listing(wanted: DocumentFilter, project: Project) -> Listing:
    return listing(project.connection, wanted)


def _read_page(
    listed: Listing | Found, generation: int, page: int, project: Project
) -> tuple[int, int, list[DocumentRow]]:
    first = page * PAGE_ROWS
    if isinstance(listed, Found):
        return generation, page, listed.page(project, first, PAGE_ROWS)
    return generation, page, listed.page(project.connection, first, PAGE_ROWS)


def _read_text(document: int, project: Project) -> DocumentText:
    return read_document(project, document)
