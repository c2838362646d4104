"""The learning rate of a planned run over its steps, drawn anew at every key."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.plot_scale import Scale, ticks
from domainstudio.language import translate as _
from domainstudio.units import format_count, format_rate

HEIGHT = 172
_TOP, _BOTTOM, _LABEL_GAP = 28, 24, 8
_MOST_POINTS = 400


class RateCurve(QWidget):
    """A line from step 1 to the last, its peak and its floor named."""

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._points: list[tuple[int, float]] = []
        self._steps = 0
        self.setAccessibleName(_("Learning rate"))
        theme.notifier.changed.connect(self.update)

    def show_schedule(
        self, rate_at: Callable[[int], float], steps: int, corners: tuple[int, ...] = ()
    ) -> None:
        """Draw a schedule.

        Args:
            rate_at: from a step, 1 to `steps`, to its rate.
            steps: the length of the run.
            corners: steps at which the line bends, such as the end of the warm-up: they are never left out.
        """
        stride = max(1, steps // _MOST_POINTS)
        chosen = sorted({*range(1, steps + 1, stride), *(c for c in corners if 1 <= c <= steps), steps})
        self._points = [(step, rate_at(step)) for step in chosen]
        self._steps = steps
        self.setAccessibleDescription(self.summary)
        self.update()

    @property
    def summary(self) -> str:
        """What the line shows, in words."""
        if not self._points:
            return ""
        top_step, top = self._peak()
        return _("Rises to {peak} at step {step} and ends at {last} at step {steps}.").format(
            peak=format_rate(top),
            step=format_count(top_step),
            last=format_rate(self._points[-1][1]),
            steps=format_count(self._steps),
        )

    def _peak(self) -> tuple[int, float]:
        return max(self._points, key=lambda point: point[1])

    # Overridden from Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw grid, axis, line and words."""
        if not self._points:
            return
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        metrics = QFontMetrics(painter.font())
        (_step, top), values = self._peak(), ticks(0.0, self._peak()[1], 4)
        left = max(metrics.horizontalAdvance(format_rate(value)) for value in values) + _LABEL_GAP
        x = Scale(0, max(1, self._steps), left, self.width() - 1)
        y = Scale(0, top, self.height() - _BOTTOM, _TOP)
        for value in values:
            place = round(y.to_pixel(value))
            painter.fillRect(QRectF(left, place, self.width() - left, 1), theme.color("hairline"))
            painter.setPen(theme.color("text2"))
            box = QRectF(0, place - 8, left - _LABEL_GAP, 16)
            painter.drawText(
                box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, format_rate(value)
            )
        axis = QRectF(left, round(y.to_pixel(0)), self.width() - left, 1)
        painter.fillRect(axis, theme.color("border"))
        self._draw_steps(painter, metrics, x)
        self._draw_line(painter, x, y)
        self._draw_words(painter, metrics, x, y)
        painter.end()

    def _draw_steps(self, painter: QPainter, metrics: QFontMetrics, x: Scale) -> None:
        """Name some steps, the last one always."""
        end = _("step {n}").format(n=format_count(self._steps))
        free_until = x.last_pixel - metrics.horizontalAdvance(end) - 16
        painter.setPen(theme.color("text2"))
        y = self.height() - _BOTTOM + 6
        painter.drawText(QRectF(0, y, x.last_pixel, 16), Qt.AlignmentFlag.AlignRight, end)
        for step in ticks(0, self._steps, 5):
            width = metrics.horizontalAdvance(format_count(step))
            place = max(x.first_pixel, x.to_pixel(step) - width / 2)
            if place + width < free_until:
                painter.drawText(
                    QRectF(place, y, width + 2, 16), Qt.AlignmentFlag.AlignLeft, format_count(step)
                )

    def _draw_line(self, painter: QPainter, x: Scale, y: Scale) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("text"), 1.5))
        places = [QPointF(x.to_pixel(step), y.to_pixel(rate)) for step, rate in self._points]
        painter.drawPolyline(QPolygonF(places))

    def _draw_words(self, painter: QPainter, metrics: QFontMetrics, x: Scale, y: Scale) -> None:
        """Name the peak, and the end if it is well below."""
        (top_step, top), (end_step, end) = self._peak(), self._points[-1]
        words = _("peak {rate}, at step {step}").format(rate=format_rate(top), step=format_count(top_step))
        named = [(top_step, top, words, "text")]
        if end < 0.75 * top:
            named.append((end_step, end, _("end {rate}").format(rate=format_rate(end)), "text2"))
        for step, rate, text, token in named:
            width = metrics.horizontalAdvance(text) + 2
            place = min(max(x.first_pixel, x.to_pixel(step)) + 4, x.last_pixel - width)
            painter.setPen(theme.color(token))
            box = QRectF(place, y.to_pixel(rate) - 20, width, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, text)
