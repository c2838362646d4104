"""The list of what became of documents: kept, marked and rejected with their reasons and counts."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QRect, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from domainstudio.gui import theme
from domainstudio.gui.panes.corpus.view import ReasonRow
from domainstudio.gui.panes.corpus.words import reason_words, state_words
from domainstudio.gui.widgets.table import Column, Index, RowDelegate, RowsModel, Table, line_of
from domainstudio.language import translate as _
from domainstudio.units import format_count

_SMALL_ROW, _INSET = 24, theme.SPLIT_PADDING - 3
_INDENT = "\u2003\u2002"
_STATES = {"kept": "ready", "marked": "info", "rejected": "attention"}


class _ReasonDelegate(RowDelegate):
    """Draws a row without hairline, as far from the border as the text beside it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground and the cell."""
        rect = QRect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("select"))
        option.rect = line_of(rect.adjusted(_INSET, 0, -_INSET, 0), theme.font("text"))
        QStyledItemDelegate.paint(self, painter, option, index)


class ReasonsList(Table):
    """Each row filters the documents beside it.

    Signals:
        chosen: the key of another row.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        """Make an empty list."""
        super().__init__(_("What became of the documents"))
        self._is_showing = False
        self.rows = RowsModel(_columns())
        self.show_model(self.rows)
        self.horizontalHeader().hide()
        self.setMinimumWidth(200)
        self.setItemDelegate(_ReasonDelegate(self))
        self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)

    @property
    def row(self) -> ReasonRow:
        """The chosen row."""
        row: ReasonRow = self.rows.rows[max(0, self.selected_row)]
        return row

    @property
    def key(self) -> str:
        """The key of the chosen row."""
        return self.row.key

    def show_rows(self, rows: Sequence[ReasonRow], key: str = "") -> None:
        """Show these rows; the one of `key`, or the one that is chosen, stays chosen if it is still there."""
        wanted = key or (self.key if self.rows.rows else "kept")
        self._is_showing = True
        self.rows.show_rows(rows)
        for number, row in enumerate(rows):
            self.setRowHeight(number, theme.ROW if row.is_heading else _SMALL_ROW)
        keys = [row.key for row in rows]
        place = keys.index(wanted) if wanted in keys else 0
        if self.selected_row != place:
            self.setCurrentIndex(self.rows.index(place, 0))
        self._is_showing = False

    def _on_current_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid() and not self._is_showing:
            self.chosen.emit(self.key)


def _columns() -> list[Column]:
    def words(row: ReasonRow) -> str:
        if row.is_heading:
            return state_words(row.key)
        return _INDENT + (reason_words(row.reason) if row.is_rejection else state_words(row.key))

    def count(row: ReasonRow) -> str:
        return format_count(row.count)

    def state(row: ReasonRow) -> str:
        if row.key == "rejected" and not row.count:
            return "ready"
        return _STATES.get(row.key, "")

    def style(row: ReasonRow) -> str:
        return ("strong" if row.key == "kept" else "text") if row.is_heading else "small"

    def token(row: ReasonRow) -> str:
        return "text" if row.is_heading else "text2"

    return [
        Column("", words, token=token, style=style, state=state),
        Column("", count, True, token=token, style=style, width=112),
    ]
