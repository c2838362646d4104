"""Tables in the style of the look: small header, a hairline under each row, numbers right, no zebra."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.text import tip

Index = QModelIndex | QPersistentModelIndex
NONE = QModelIndex()
CELL_PADDING = 5
"""Beside the three pixels that Qt leaves: cells stand under their header."""
OVERHANG = 8
"""Pixels by which rows reach beyond the text above and below a table, which stands on its cells' line."""
TOKEN_ROLE = Qt.ItemDataRole.UserRole + 1
"""The name of the colour of a cell's text."""
STYLE_ROLE = Qt.ItemDataRole.UserRole + 2
"""The name of the style of a cell's text, `text` if None."""


SHARE_ROLE = Qt.ItemDataRole.UserRole + 3
"""How long a bar in the cell's ground is, 0 to 1, where one is drawn."""


@dataclass(frozen=True)
class Column:
    """A column: its title, the text of a row, and how it stands."""

    title: str
    text: Callable[[Any], str]
    is_number: bool = False
    token: Callable[[Any], str] | None = None
    style: Callable[[Any], str] | None = None
    state: Callable[[Any], str] | None = None
    """The state of `icons.STATE_ICONS` whose icon stands before the text, empty for none."""
    width: int | None = None
    """Fixed width in pixels; None shares what is left."""
    tooltip: Callable[[Any], str] | None = None
    share: Callable[[Any], float] | None = None
    """Length of a bar in the cell's ground, 0 to 1."""


class RowsModel(QAbstractTableModel):
    """A small table held in memory: one object a row."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Begin without rows."""
        super().__init__()
        self.columns = list(columns)
        self.rows: list[Any] = []

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows; the selection stays where only values changed."""
        if len(rows) == len(self.rows):
            changed = [number for number, row in enumerate(rows) if row != self.rows[number]]
            self.rows = list(rows)
            for number in changed:
                self.dataChanged.emit(self.index(number, 0), self.index(number, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    # Overridden from Qt

    def rowCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text, or how it is shown."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return column.text(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return side_of(column.is_number)
            case Qt.ItemDataRole.DecorationRole if column.state and column.state(row):
                drawn = QIcon(icons.state_pixmap(column.state(row)))
                drawn.addPixmap(icons.state_pixmap(column.state(row)), QIcon.Mode.Selected)  # not tinted
                return drawn
            case Qt.ItemDataRole.ToolTipRole if column.tooltip:
                return tip(column.tooltip(row))
            case _ if role == TOKEN_ROLE and column.token:
                return column.token(row)
            case _ if role == STYLE_ROLE and column.style:
                return column.style(row)
            case _ if role == SHARE_ROLE and column.share:
                return column.share(row)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        return head_of(column.title, column.is_number, role)


def side_of(is_number: bool) -> Qt.AlignmentFlag:
    """Return how a cell or a title stands in its column: numbers at the right."""
    side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def head_of(title: str, is_number: bool, role: int) -> Any:
    """Return what a model says of a column's head in a role."""
    match role:
        case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
            return title
        case Qt.ItemDataRole.TextAlignmentRole:
            return side_of(is_number)
    return None


def line_of(rect: QRect, font: QFont) -> QRect:
    """Return the middle of a cell that one line of text fills: all cells of a row share its base line."""
    height = QFontMetrics(font).height() + 1
    return QRect(rect.left(), rect.top() + (rect.height() - height) // 2, rect.width(), height)


def beside_table(*parts: QWidget | QLayout, spacing: int = 8) -> QVBoxLayout:
    """Return a layout of what stands above or below a table, in from its rows by `OVERHANG`."""
    column = QVBoxLayout()
    column.setContentsMargins(OVERHANG, 0, OVERHANG, 0)
    column.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    return column


class RowDelegate(QStyledItemDelegate):
    """Draws a cell: select ground, text in its style and colour, the hairline below."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        """Take style and colour from the model; the focus is shown by the row."""
        super().initStyleOption(option, index)
        token, style = index.data(TOKEN_ROLE) or "text", index.data(STYLE_ROLE) or "text"
        color = theme.color(token)
        for role in (option.palette.ColorRole.Text, option.palette.ColorRole.HighlightedText):
            option.palette.setColor(role, color)
        option.font = theme.font(style)
        side = option.displayAlignment & Qt.AlignmentFlag.AlignHorizontal_Mask
        option.displayAlignment = side | Qt.AlignmentFlag.AlignBottom  # so another face moves nothing
        option.state &= ~QStyle.StateFlag.State_HasFocus

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground, the cell and the hairline under it."""
        rect = QRect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("select"))
        option.rect = line_of(rect.adjusted(CELL_PADDING, 0, -CELL_PADDING, -1), theme.font("text"))
        super().paint(painter, option, index)
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("hairline"))


class Table(QTableView):
    """A table view in the look's style: whole rows are selected, Tab leaves it, heights are fixed."""

    def __init__(self, name: str, row_height: int = theme.ROW) -> None:
        """Make an empty table; `name` is read out by screen readers."""
        super().__init__()
        self.setAccessibleName(name)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(RowDelegate(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(20)
        rows.setDefaultSectionSize(row_height)
        head = self.horizontalHeader()
        head.setFont(theme.font("small"))
        head.setHighlightSections(False)
        head.setFixedHeight(theme.ROW)
        head.setMinimumSectionSize(40)

    def show_model(self, model: RowsModel) -> None:
        """Show a model and set the widths its columns ask for."""
        self.setModel(model)
        for number, column in enumerate(model.columns):
            if column.width is None:
                self.horizontalHeader().setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
            else:
                self.horizontalHeader().setSectionResizeMode(number, QHeaderView.ResizeMode.Fixed)
                self.setColumnWidth(number, column.width)

    def fit_height(self, most_rows: int) -> None:
        """Take the height of the rows there are, at most `most_rows`; more are scrolled."""
        shown = min(most_rows, self.model().rowCount())
        self.setFixedHeight(theme.ROW + shown * self.verticalHeader().defaultSectionSize() + 2)

    @property
    def selected_row(self) -> int:
        """The number of the selected row, -1 if none is."""
        current = self.currentIndex()
        return current.row() if current.isValid() else -1
