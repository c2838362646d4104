"""Ten million documents in a table: pages are asked for when they are seen, and come when they come."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, Qt, QTimer, Signal

from domainstudio.gui.widgets.table import NONE, TOKEN_ROLE, Index, head_of, side_of
from domainstudio.gui.widgets.text import tip
from domainstudio.language import translate as _
from domainstudio.project.documents import DocumentRow
from domainstudio.units import format_count

PAGE_ROWS, KEPT_PAGES, WAITING_PAGES = 200, 50, 4
MOST_ROWS = 60_000_000
"""A table view's height is 31 bits of pixels."""
TITLE, CHARACTERS = 0, 1


class DocumentsModel(QAbstractTableModel):
    """Titles and lengths by position in a listing.

    One page is under way at a time; of those that wait the latest seen is asked for first, and the oldest are
    forgotten: after a long scroll nobody waits for what has passed by.

    Signals:
        page_requested: generation and number of the page that is wanted next.
        page_shown: number of a page that has come.
    """

    page_requested = Signal(int, int)
    page_shown = Signal(int)

    def __init__(self) -> None:
        """Begin with no documents."""
        super().__init__()
        self.generation = 0
        self.total = 0
        self._pages: OrderedDict[int, Sequence[DocumentRow]] = OrderedDict()
        self._waiting: list[int] = []
        self._under_way: int | None = None
        self._unreadable: set[int] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.ask_next)

    def show_listing(self, total: int) -> int:
        """Show a listing of `total` documents; return its generation: pages of older ones are dropped."""
        self.beginResetModel()
        self.generation += 1
        self.total = total
        self._pages.clear()
        self._waiting.clear()
        self._unreadable.clear()
        self._under_way = None
        self.endResetModel()
        return self.generation

    def take_page(self, generation: int, page: int, rows: Sequence[DocumentRow]) -> None:
        """Show a page that has come, unless it belongs to an older listing."""
        if generation != self.generation:
            return
        self._end(page)
        self._pages[page] = rows
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        self._tell(page)

    def fail_page(self, generation: int, page: int) -> None:
        """Note that a page cannot be read: it is not asked for again in this listing."""
        if generation == self.generation:
            self._end(page)
            self._unreadable.add(page)
            self._tell(page)

    def row_at(self, position: int) -> DocumentRow | None:
        """Return the document at a position if its page is here; else its page is asked for."""
        page, offset = divmod(position, PAGE_ROWS)
        rows = self._pages.get(page)
        if rows is None:
            self._want(page)
            return None
        self._pages.move_to_end(page)
        return rows[offset] if offset < len(rows) else None

    def ask_next(self) -> None:
        """Ask for the page seen last, if none is under way."""
        if self._under_way is None and self._waiting:
            self._under_way = self._waiting.pop()
            self.page_requested.emit(self.generation, self._under_way)

    def _want(self, page: int) -> None:
        if page == self._under_way or page in self._unreadable:
            return
        if page in self._waiting:
            self._waiting.remove(page)
        self._waiting.append(page)
        del self._waiting[:-WAITING_PAGES]
        if self._under_way is None:
            self._timer.start(0)

    def _end(self, page: int) -> None:
        if page == self._under_way:
            self._under_way = None
        if page in self._waiting:
            self._waiting.remove(page)
        if self._waiting:
            self._timer.start(0)

    def _tell(self, page: int) -> None:
        first = page * PAGE_ROWS
        last = min(first + PAGE_ROWS, self.rowCount()) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first, TITLE), self.index(last, CHARACTERS))
        self.page_shown.emit(page)

    # Overridden from Qt

    def rowCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the known number of documents."""
        return 0 if parent.isValid() else min(self.total, MOST_ROWS)

    def columnCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return two: title and characters."""
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell, a placeholder while its page is not here."""
        if not index.isValid():
            return None
        is_title = index.column() == TITLE
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                row = self.row_at(index.row())
                if row is None:
                    return "…" if is_title else ""
                return row.title if is_title else format_count(row.characters)
            case Qt.ItemDataRole.ToolTipRole if is_title:
                row = self.row_at(index.row())
                return tip(row.title) if row else None
            case Qt.ItemDataRole.TextAlignmentRole:
                return side_of(not is_title)
            case _ if role == TOKEN_ROLE:
                has_come = index.row() // PAGE_ROWS in self._pages
                return "text" if is_title and has_come else "text2"
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        is_title = section == TITLE
        return head_of(_("Document") if is_title else _("Characters"), not is_title, role)
