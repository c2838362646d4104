"""The list of runs: which is chosen, which are laid over it, how each stands and what it forgot."""

from typing import Any

from PySide6.QtCore import QAbstractListModel, QItemSelectionModel, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QStyledItemDelegate, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.panes.runs.words import state_icon, state_words
from domainstudio.gui.widgets.check_box import SIZE, draw_check_box
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.table import NONE, Index
from domainstudio.gui.widgets.text import ElidedText, Text, draw_elided
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_size
from domainstudio.workflow.runs.run_list import RunRow

WIDTH, ROW_HEIGHT = 256, 56
_UNKNOWN = "–"


class RunsModel(QAbstractListModel):
    """Runs, the newest first; a check mark lays one over the chosen run.

    Signals:
        shown_changed: other runs are checked.
    """

    shown_changed = Signal()

    def __init__(self) -> None:
        """Begin without runs."""
        super().__init__()
        self.rows: list[RunRow] = []
        self.shown: set[str] = set()
        self.chosen = ""

    def show_rows(self, rows: list[RunRow]) -> bool:
        """Show these runs; return whether there are others than before."""
        newest_first = rows[::-1]
        if [row.run for row in newest_first] == [row.run for row in self.rows]:
            changed = [number for number, row in enumerate(newest_first) if row != self.rows[number]]
            self.rows = newest_first
            for number in changed:
                self.dataChanged.emit(self.index(number), self.index(number))
            return False
        self.beginResetModel()
        self.rows = newest_first
        self.shown &= {row.run for row in rows}
        self.endResetModel()
        return True

    def choose(self, run: str) -> None:
        """Mark the chosen run, which is always shown."""
        self.chosen = run
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))

    def number_of(self, run: str) -> int:
        """Return the row of a run, -1 if there is none."""
        return next((number for number, row in enumerate(self.rows) if row.run == run), -1)

    # Overridden from Qt

    def rowCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a run's name, its words for screen readers, or its check mark."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.run
            case Qt.ItemDataRole.AccessibleTextRole:
                return _("{run}: {state}, forgetting {change}").format(
                    run=row.run, state=state_words(row), change=forgetting_words(row)
                )
            case Qt.ItemDataRole.CheckStateRole:
                is_shown = row.run in self.shown or row.run == self.chosen
                return Qt.CheckState.Checked if is_shown else Qt.CheckState.Unchecked
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Check or uncheck a run."""
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        run = self.rows[index.row()].run
        self.shown = (
            self.shown | {run} if Qt.CheckState(value) == Qt.CheckState.Checked else self.shown - {run}
        )
        self.dataChanged.emit(index, index)
        self.shown_changed.emit()
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let runs be chosen and checked."""
        return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable


class _RunDelegate(QStyledItemDelegate):
    """Draws a run on two lines."""

    def sizeHint(self, option: Any, index: Index) -> QSize:  # noqa: N802
        return QSize(WIDTH, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        model = index.model()
        assert isinstance(model, RunsModel)
        row, rect = model.rows[index.row()], option.rect
        is_chosen = row.run == model.chosen
        painter.save()
        if is_chosen:
            painter.fillRect(rect, theme.color("select"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("hairline"))
        is_shown = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        draw_check_box(painter, _box(rect), is_shown)
        left, right = rect.left() + 44, rect.right() - 16
        change = forgetting_words(row)
        width = QFontMetrics(theme.font("text")).horizontalAdvance(change)
        style = "strong" if is_chosen else "text"
        draw_elided(
            painter, QRect(left, rect.top() + 8, right - left - width - 8, 20), row.run, style, "text"
        )
        draw_elided(painter, QRect(right - width, rect.top() + 8, width + 1, 20), change, "text", "text")
        painter.drawPixmap(left, rect.top() + 30, icons.pixmap(*_icon(row), 14))
        draw_elided(
            painter,
            QRect(left + 20, rect.top() + 29, right - left - 20, 16),
            state_words(row),
            "small",
            "text2",
        )
        view = self.parent()
        if isinstance(view, QListView) and view.hasFocus() and view.currentIndex() == index:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -2))
        painter.restore()


class _RunView(QListView):
    """A click on a box, or Space, lays a run over the chosen one; any other click chooses."""

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        place = event.position().toPoint()
        index = self.indexAt(place)
        if index.isValid() and _box(self.visualRect(index)).adjusted(-10, -8, 6, 8).contains(place):
            self._turn(index)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._turn(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _turn(self, index: Index) -> None:
        model = self.model()
        assert isinstance(model, RunsModel)
        is_shown = model.rows[index.row()].run in model.shown
        state = Qt.CheckState.Unchecked if is_shown else Qt.CheckState.Checked
        model.setData(index, state, Qt.ItemDataRole.CheckStateRole)


class RunsColumn(QWidget):
    """The list with its head and its foot.

    Signals:
        run_chosen: the name of a run, by a person.
        shown_changed: other runs are laid over it.
    """

    run_chosen = Signal(str)
    shown_changed = Signal()

    def __init__(self) -> None:
        """Show no runs."""
        super().__init__()
        self.setFixedWidth(WIDTH)
        self.model = RunsModel()
        self.model.shown_changed.connect(self.shown_changed)
        self.view = _RunView()
        self.view.setAccessibleName(_("Runs"))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setItemDelegate(_RunDelegate(self.view))
        self.view.setModel(self.model)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._foot = Text("", "small", "text2")
        head = QHBoxLayout()
        head.setContentsMargins(theme.SPLIT_PADDING, 0, theme.SPLIT_PADDING, 0)
        head.addWidget(ElidedText(_("Shown, run"), "small", "text2"))
        head.addStretch(1)
        head.addWidget(ElidedText(_("Forgetting (nats)"), "small", "text2"))
        head_row, foot_row = QWidget(), QWidget()
        head_row.setFixedHeight(theme.ROW)
        head_row.setLayout(head)
        foot = QHBoxLayout(foot_row)
        foot.setContentsMargins(theme.SPLIT_PADDING, 0, theme.SPLIT_PADDING, 0)
        foot.addWidget(self._foot)
        foot_row.setFixedHeight(theme.ROW)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for part in (head_row, hairline(), self.view, hairline(), foot_row):
            layout.addWidget(part, 1 if part is self.view else 0)
        theme.notifier.changed.connect(self.view.viewport().update)

    def show_rows(self, rows: list[RunRow]) -> None:
        """Show these runs, the chosen one staying chosen."""
        if self.model.show_rows(rows):
            self.choose(self.model.chosen)

    def choose(self, run: str) -> None:
        """Choose a run without telling anybody."""
        self.model.choose(run)
        number = self.model.number_of(run)
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        if number >= 0:
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            selection.setCurrentIndex(self.model.index(number), flag)
        else:
            selection.clear()
        selection.blockSignals(False)
        self.view.viewport().update()

    def show_size(self, size_bytes: int | None) -> None:
        """Say in the foot how many runs there are and what they take on disk, None if not known yet."""
        number = len(self.model.rows)
        if size_bytes is None:
            self._foot.setText(_("{number} runs").format(number=number))
        else:
            words = _("1 run, {size} on disk") if number == 1 else _("{number} runs, {size} on disk")
            self._foot.setText(words.format(number=number, size=format_size(size_bytes)))

    def _on_current_changed(self, current: Index) -> None:
        if current.isValid():
            run = self.model.rows[current.row()].run
            self.model.choose(run)
            self.run_chosen.emit(run)


def forgetting_words(row: RunRow) -> str:
    """Return a run's forgetting against its base."""
    change = row.outcome.forgetting
    return _UNKNOWN if change is None else format_change(change)


def _icon(row: RunRow) -> tuple[str, str]:
    return icons.STATE_ICONS[state_icon(row)]


def _box(rect: QRect) -> QRect:
    return QRect(rect.left() + 16, rect.top() + 10, SIZE, SIZE)
