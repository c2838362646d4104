"""The threshold over the histogram of verified similarities: hollow bars are kept, filled ones removed."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen

from domainstudio.gui import theme
from domainstudio.gui.widgets.dragged_slider import DraggedSlider
from domainstudio.language import translate as _

LOWEST, HIGHEST = 70, 100
"""Hundredths of similarity between which the threshold can be moved: below nothing is verified."""
HEIGHT = 132
_TOP, _BOTTOM, _SIDE, _HANDLE = 34, 22, 7, 12
_TICKS = (70, 75, 80, 85, 90, 95, 100)


class ThresholdChart(DraggedSlider):
    """A slider in hundredths of similarity; `valueChanged` is emitted only for what a person does."""

    def __init__(self) -> None:
        """Stand at 0.80 over an empty histogram."""
        super().__init__(_("Threshold, verified similarity"))
        self.setRange(LOWEST, HIGHEST)
        self.setSingleStep(1)
        self.setPageStep(5)
        self.setFixedHeight(HEIGHT)
        self._counts: tuple[int, ...] = ()
        self.show_threshold(0.8)

    @property
    def threshold(self) -> float:
        """The similarity from which a document is removed."""
        return self.value() / 100

    def show_threshold(self, threshold: float) -> None:
        """Stand at a threshold without telling anybody."""
        self.show_value(round(100 * threshold))

    def show_counts(self, counts: Sequence[int]) -> None:
        """Draw how many pairs there are in each of equal steps from 0.70 to 1."""
        self._counts = tuple(counts)
        self.update()

    def _place(self, hundredths: float) -> float:
        room = self.width() - 2 * _SIDE
        return _SIDE + room * (hundredths - LOWEST) / (HIGHEST - LOWEST)

    def value_at(self, x: float) -> int:
        """Return the hundredths at a pixel from the left."""
        room = max(1, self.width() - 2 * _SIDE)
        return round(LOWEST + min(1.0, max(0.0, (x - _SIDE) / room)) * (HIGHEST - LOWEST))

    def _draw_bars(self, painter: QPainter) -> None:
        most, foot = max(self._counts, default=0), self.height() - _BOTTOM
        width = (HIGHEST - LOWEST) / max(1, len(self._counts))
        for number, count in enumerate(self._counts):
            if not count:
                continue
            left, right = self._place(LOWEST + number * width), self._place(LOWEST + (number + 1) * width)
            tall = max(2.0, (foot - _TOP) * count / most)
            bar = QRectF(round(left), round(foot - tall), max(1, round(right) - round(left) - 1), round(tall))
            if LOWEST + number * width >= self.value() - 1e-9:
                painter.fillRect(bar, theme.color("border"))
            else:
                painter.setPen(theme.color("border"))
                painter.drawRect(bar.adjusted(0, 0, -1, 0))

    def _draw_axis(self, painter: QPainter, metrics: QFontMetrics) -> None:
        foot = self.height() - _BOTTOM
        painter.fillRect(QRectF(_SIDE, foot, self.width() - 2 * _SIDE, 1), theme.color("border"))
        painter.setPen(theme.color("text2"))
        for tick in _TICKS:
            words = f"{tick / 100:.2f}"
            width = metrics.horizontalAdvance(words) + 2
            place = min(max(0.0, self._place(tick) - width / 2), self.width() - width)
            painter.drawText(QRectF(place, foot + 4, width, 16), Qt.AlignmentFlag.AlignHCenter, words)

    def _draw_handle(self, painter: QPainter, metrics: QFontMetrics) -> None:
        """Draw the line and say what lies on either side of it."""
        place, foot = round(self._place(self.value())), self.height() - _BOTTOM
        accent = theme.color("accent")
        painter.fillRect(QRectF(place - 1, _HANDLE, 2, foot - _HANDLE), accent)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(QRectF(place - _HANDLE / 2, 0, _HANDLE, _HANDLE), 3, 3)
        if self.hasFocus():
            painter.setPen(QPen(accent, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(place - _HANDLE / 2 - 3, -3, _HANDLE + 6, _HANDLE + 6), 5, 5)
        kept, removed = _("kept"), _("removed if verified against a kept document")
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("text2"))
        painter.drawText(QRectF(0, 10, place - 14, 20), Qt.AlignmentFlag.AlignRight | middle, kept)
        painter.setPen(theme.color("text"))
        room = QRectF(place + 14, 10, max(0, self.width() - place - 14), 20)
        fitting = metrics.elidedText(removed, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | middle, fitting)

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return room for sixty bars."""
        return QSize(480, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw bars, axis and handle."""
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        metrics = QFontMetrics(painter.font())
        self._draw_bars(painter)
        self._draw_axis(painter, metrics)
        self._draw_handle(painter, metrics)
        painter.end()
