"""The list of pairs in the order in which they are judged: any number of them, drawn as they are seen."""

from typing import Any

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyledItemDelegate

from domainstudio.gui import icons, theme
from domainstudio.gui.models.paged import PagedModel
from domainstudio.gui.widgets.table import NONE, Index
from domainstudio.gui.widgets.text import draw_elided
from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.duplicates.judging import PairRow
from domainstudio.workflow.duplicates.marking import LARGE_CLUSTER

ROW_HEIGHT = 52
_TEXTS, _LEAST = 48, 44


def decision_words(row: PairRow) -> str:
    """Return what was said of a pair, or of a survivor."""
    if row.decision is None:
        return _("not looked at")
    words = {
        "accept": _("removal accepted"),
        "reject": _("kept both"),
        "keep": _("the other kept"),
        "split": _("split off"),
        "unsure": _("unsure"),
    }
    if row.kept is None:
        words |= {"accept": _("fit to train on"), "reject": _("not fit")}
    return words[row.decision]


class PairsModel(PagedModel):
    """Pairs by their place in a queue; its pages hold `PairRow`s."""

    current = -1
    """The place of the pair that is shown."""

    def show_current(self, place: int) -> None:
        """Mark the pair that is shown."""
        before, self.current = self.current, place
        for row in (before, place):
            if 0 <= row < self.rowCount():
                self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    # Overridden from Qt

    def columnCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return one."""
        return 0 if parent.isValid() else 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a pair in words, for screen readers; the delegate draws it."""
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        row: PairRow | None = self.row_at(index.row())
        if row is None:
            return "…"
        words = _("{title}, {texts} texts, least similarity {least}, {state}")
        return words.format(
            title=row.title,
            texts=format_count(row.texts),
            least=_least_words(row),
            state=decision_words(row),
        )


class _PairDelegate(QStyledItemDelegate):
    """Draws a pair on two lines."""

    def sizeHint(self, _option: Any, _index: Index) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        model = index.model()
        assert isinstance(model, PairsModel)
        row, rect = model.row_at(index.row()), option.rect
        is_current = index.row() == model.current
        painter.save()
        if is_current:
            painter.fillRect(rect, theme.color("select"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("hairline"))
        if row is not None:
            self._draw(painter, rect, row, is_current)
        view = self.parent()
        if isinstance(view, QListView) and view.hasFocus() and view.currentIndex() == index:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -2))
        painter.restore()

    def _draw(self, painter: QPainter, rect: QRect, row: PairRow, is_current: bool) -> None:
        left, right, top = rect.left() + theme.SPLIT_PADDING, rect.right() - theme.SPLIT_PADDING, rect.top()
        name = QRect(left, top + 7, right - left - _TEXTS - _LEAST - 8, 20)
        draw_elided(painter, name, row.title, "strong" if is_current else "text", "text")
        painter.setFont(theme.font("text"))
        painter.setPen(theme.color("text"))
        to_right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        texts = QRect(right - _TEXTS - _LEAST, top + 16, _TEXTS, 20)
        painter.drawText(texts, to_right, format_count(row.texts))
        painter.drawText(QRect(right - _LEAST, top + 16, _LEAST, 20), to_right, _least_words(row))
        icon, token, words = _state(row, is_current)
        if icon:
            painter.drawPixmap(left, top + 29, icons.pixmap(icon, token, 14))
            left += 20
        draw_elided(painter, QRect(left, top + 28, name.right() - left, 16), words, "small", "text2")


def _least_words(row: PairRow) -> str:
    return "–" if row.least is None else f"{row.least:.2f}"


def _state(row: PairRow, is_current: bool) -> tuple[str, str, str]:
    """Return icon, its colour and words of what became of a pair."""
    if row.decision == "unsure":
        return "triangle", "attention", decision_words(row)
    if row.decision is not None:
        return "tick-ring", "ok", decision_words(row)
    if is_current:
        return "chevron-right", "accent", _("now")
    if row.texts > LARGE_CLUSTER:
        return "triangle", "attention", _("over {count}: look first").format(count=LARGE_CLUSTER)
    return "", "", decision_words(row)


class PairsView(QListView):
    """The queue; a click or an arrow chooses the pair to judge.

    Signals:
        pair_chosen: its place.
    """

    pair_chosen = Signal(int)

    def __init__(self, model: PairsModel) -> None:
        """Show a model."""
        super().__init__()
        self.setModel(model)
        self.setItemDelegate(_PairDelegate(self))
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName(_("Pairs to judge"))
        theme.notifier.changed.connect(self.viewport().update)

    def go_to(self, place: int) -> None:
        """Bring a pair into view, without telling anybody."""
        self.blockSignals(True)
        index = self.model().index(place, 0)
        self.setCurrentIndex(index)
        self.scrollTo(index)
        self.blockSignals(False)

    # Overridden from Qt

    def currentChanged(self, current: QModelIndex | Any, previous: QModelIndex | Any) -> None:  # noqa: N802
        """Tell which pair was chosen."""
        super().currentChanged(current, previous)
        if current.isValid():
            self.pair_chosen.emit(current.row())
