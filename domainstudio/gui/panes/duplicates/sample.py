"""The random sample: how many removals were checked in each stratum, how many are wrong, how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui import theme
from domainstudio.gui.widgets.plot_scale import ticks
from domainstudio.gui.widgets.table import CELL_PADDING, Column, Index, RowDelegate, RowsModel, Table
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.language import translate as _
from domainstudio.units import format_count

_ROWS, _ROW_HEIGHT = 5, 27
_LABEL_WIDTH, _REPEATED = 96, (4, 1, 6)
"""Columns that are left out where there is no room, the first first."""
_WIDE = 480
"""From this width on there is room for what other words say too."""
_LEAST_AXIS = 5.0
"""Percent that the axis of intervals shows at least."""


@dataclass(frozen=True)
class SampleRow:
    """A stratum of the random sample, or all of them weighted by their size."""

    label: str
    pairs: int
    checked: int
    drawn: int
    wrong: int
    share: float | None
    """Estimated share of wrong removals, 0 to 1; None if nothing was checked."""
    interval: tuple[float, float] | None
    is_total: bool = False


class _IntervalDelegate(RowDelegate):
    """Draws the point and its interval on the axis that all rows share."""

    most = _LEAST_AXIS

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the grid, then the interval."""
        super().paint(painter, option, index)
        rect = QRect(option.rect)
        painter.save()
        for tick in ticks(0.0, self.most, 4):
            place = round(self._place(rect, tick))
            painter.fillRect(place, rect.top() - 6, 1, rect.height() + 10, theme.color("hairline"))
        row: SampleRow = index.model().rows[index.row()]  # type: ignore[attr-defined]
        if row.share is not None and row.interval is not None:
            self._draw(painter, rect, row)
        painter.restore()

    def _draw(self, painter: QPainter, rect: QRect, row: SampleRow) -> None:
        assert row.share is not None and row.interval is not None
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, middle = theme.color("text" if row.is_total else "text2"), rect.center().y() + 0.5
        low, high = (self._place(rect, 100 * bound) for bound in row.interval)
        painter.setPen(QPen(color, 2 if row.is_total else 1.5))
        painter.drawLine(QPointF(low, middle), QPointF(high, middle))
        for place in (low, high):
            painter.drawLine(QPointF(place, middle - 4), QPointF(place, middle + 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(QPointF(self._place(rect, 100 * row.share), middle), 4, 4)

    def _place(self, rect: QRect, percent: float) -> float:
        return rect.left() + 4 + (rect.width() - 8) * min(1.0, percent / self.most)


class _Axis(QWidget):
    """The ticks above the column of intervals."""

    def __init__(self, delegate: _IntervalDelegate) -> None:
        super().__init__()
        self._delegate = delegate
        theme.notifier.changed.connect(self.update)

    def paintEvent(self, _event: object) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text2"))
        metrics = QFontMetrics(painter.font())
        inner = self.rect().adjusted(CELL_PADDING, 0, -CELL_PADDING, 0)
        for tick in ticks(0.0, self._delegate.most, 4):
            words = f"{tick:g}"
            place = self._delegate._place(inner, tick) - metrics.horizontalAdvance(words) / 2
            painter.drawText(QRectF(place, 8, 40, 16), words)
        painter.end()


class SampleTable(QWidget):
    """What the random sample says, part by part and in all.

    Signals:
        cut_chosen: the removals are to be told apart by something else.
    """

    cut_chosen = Signal()

    def __init__(self) -> None:
        """Show nothing checked."""
        super().__init__()
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedSize(96, 6)
        self._progress.setAccessibleName(_("Random sample"))
        self._words = Text("", "small", "text2")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Text(_("Random sample"), "strong"))
        self._subject = ElidedText(_("wrong removals"), "text", "text2")
        head.addWidget(self._subject)
        head.addStretch(1)
        self._cut = QComboBox()
        self._cut.setAccessibleName(_("What the removals are told apart by"))
        self._cut.setProperty("density", "small")
        self._cut.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for key, words in _cuts().items():
            self._cut.addItem(_("by {part}").format(part=words), key)
        self._cut.activated.connect(self._on_cut_chosen)
        head.addWidget(self._cut)
        head.addWidget(self._progress)
        head.addWidget(self._words)
        self._model = RowsModel(_columns())
        self._table = Table(_("Random sample, wrong removals"), _ROW_HEIGHT)
        self._table.show_model(self._model)
        self._delegate = _IntervalDelegate(self._table)
        self._table.setItemDelegateForColumn(len(self._model.columns) - 1, self._delegate)
        self._axis = _Axis(self._delegate)
        self._axis.setParent(self._table.horizontalHeader())
        self._table.horizontalHeader().sectionResized.connect(self._place_axis)
        self._table.horizontalHeader().geometriesChanged.connect(self._place_axis)
        self._sentence = Text("", "small", "text2", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._table)
        layout.addWidget(self._sentence)
        layout.addStretch(1)

    @property
    def cut(self) -> str:
        """What the removals are told apart by: similarity, language or source."""
        return str(self._cut.currentData())

    def _on_cut_chosen(self) -> None:
        self.cut_chosen.emit()

    def show_sample(self, rows: Sequence[SampleRow], sentence: str) -> None:
        """Show the parts, the total last, and what they mean in one sentence."""
        total = rows[-1]
        self._progress.setRange(0, max(1, total.drawn))
        self._progress.setValue(total.checked)
        words = _("{checked} of {drawn} pairs")
        self._words.setText(
            words.format(checked=format_count(total.checked), drawn=format_count(total.drawn))
        )
        highest = max((100 * row.interval[1] for row in rows if row.interval), default=0.0)
        self._delegate.most = max(_LEAST_AXIS, ticks(0.0, highest, 4)[-1] if highest else 0.0, highest)
        self._model.show_rows(rows)
        self._table.fit_height(_ROWS)
        self._sentence.setText(sentence)
        self._axis.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leave out what repeats the interval where there is no room."""
        super().resizeEvent(event)
        for widget in (self._progress, self._subject):
            widget.setVisible(event.size().width() >= _WIDE)
        widths = [column.width or _LABEL_WIDTH for column in self._model.columns]
        needed = sum(widths)
        for column in _REPEATED:
            is_hidden = needed > event.size().width()
            self._table.setColumnHidden(column, is_hidden)
            needed -= widths[column] * is_hidden

    def _place_axis(self, *_: object) -> None:
        head, last = self._table.horizontalHeader(), len(self._model.columns) - 1
        left = head.sectionViewportPosition(last)
        self._axis.setGeometry(left, 0, head.sectionSize(last), head.height())
        self._axis.show()


def _cuts() -> dict[str, str]:
    return {"similarity": _("similarity"), "language": _("language"), "source": _("source")}


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _interval_words(row: SampleRow) -> str:
    if row.interval is None:
        return ""
    return f"{_percent(row.interval[0])} – {_percent(row.interval[1])}"


def _columns() -> list[Column]:
    def style(row: SampleRow) -> str:
        return "strong" if row.is_total else "text"

    def checked(row: SampleRow) -> str:
        return _("{checked} of {drawn}").format(
            checked=format_count(row.checked), drawn=format_count(row.drawn)
        )

    return [
        Column(_("Part"), lambda row: row.label, style=style),
        Column(_("Pairs"), lambda row: format_count(row.pairs), True, style=style, width=68),
        Column(_("Checked"), checked, True, style=style, width=84),
        Column(_("Wrong"), lambda row: format_count(row.wrong), True, style=style, width=56),
        Column(_("Wrong (%)"), lambda row: _percent(row.share), True, style=style, width=76),
        Column(
            _("95 % interval"),
            _interval_words,
            True,
            token=lambda row: "text" if row.is_total else "text2",
            style=style,
            width=96,
        ),
        Column("", lambda row: "", width=112),
    ]
