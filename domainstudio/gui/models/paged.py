"""A table of any length: pages are asked for when they are seen, and come when they come."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QTimer, Signal

from domainstudio.gui.widgets.table import NONE, Index

PAGE_ROWS, KEPT_PAGES, WAITING_PAGES = 200, 50, 4
MOST_ROWS = 60_000_000
"""A table view's height is 31 bits of pixels."""


class PagedModel(QAbstractTableModel):
    """Rows by position in a listing; what a row shows is its subclasses' business.

    One page is under way at a time; of those that wait the latest seen is asked for first, and the oldest are
    forgotten: after a long scroll nobody waits for what has passed by.

    Signals:
        page_requested: generation and number of the page that is wanted next.
        page_shown: number of a page that has come.
    """

    page_requested = Signal(int, int)
    page_shown = Signal(int)

    def __init__(self) -> None:
        """Begin with no rows."""
        super().__init__()
        self.generation = 0
        self.total = 0
        self._pages: OrderedDict[int, Sequence[Any]] = OrderedDict()
        self._waiting: list[int] = []
        self._under_way: int | None = None
        self._unreadable: set[int] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.ask_next)

    def show_listing(self, total: int) -> int:
        """Show a listing of `total` rows; return its generation: pages of older ones are dropped."""
        self.beginResetModel()
        self.generation += 1
        self.total = total
        self._pages.clear()
        self._waiting.clear()
        self._unreadable.clear()
        self._under_way = None
        self.endResetModel()
        return self.generation

    def take_page(self, generation: int, page: int, rows: Sequence[Any]) -> None:
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

    def row_at(self, position: int) -> Any:
        """Return the row at a position if its page is here, else None: then its page is asked for."""
        page, offset = divmod(position, PAGE_ROWS)
        rows = self._pages.get(page)
        if rows is None:
            self._want(page)
            return None
        self._pages.move_to_end(page)
        return rows[offset] if offset < len(rows) else None

    def has_come(self, position: int) -> bool:
        """Return whether the row at a position is here."""
        return position // PAGE_ROWS in self._pages

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
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))
        self.page_shown.emit(page)

    # Overridden from Qt

    def rowCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of rows."""
        return 0 if parent.isValid() else min(self.total, MOST_ROWS)
