"""Methods by what they gained and forgot against their control, with intervals and the budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from domainstudio.gui import theme
from domainstudio.gui.widgets.front_chart import RADIUS, FrontChart, Point
from domainstudio.gui.widgets.plot_content import EVENT_DASH
from domainstudio.gui.widgets.plot_scale import Scale, padded
from domainstudio.language import translate as _

Shape = Literal["disc", "square", "diamond"]
_HALF_SQUARE, _CHOSEN = 4.0, 2.5


@dataclass(frozen=True)
class MethodPoint:
    """A method: means over seeds in nats a token, and half the width of their intervals, 0 without."""

    name: str
    """As it is shown; no two are alike."""
    shape: Shape
    """disc: replay, whose points are joined; square: a spring or another method; diamond: made afterwards."""
    forgetting: float
    gain: float
    forgetting_half: float
    gain_half: float
    is_on_front: bool


class ComparisonChart(FrontChart):
    """One point a method; the area over the budget is tinted, intervals are crosses."""

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__()
        self._methods: list[MethodPoint] = []

    def show_methods(self, methods: Sequence[MethodPoint], budget: float | None, chosen: str) -> None:
        """Show methods, the line of the budget, and which method is chosen."""
        self._methods = list(methods)
        points = [
            Point(one.name, one.name, one.forgetting, one.gain, one.is_on_front) for one in self._methods
        ]
        self.show_points(points, [] if budget is None else [budget], chosen)

    # Overridden from FrontChart

    def _words(self) -> tuple[str, str, str]:
        unit = _("nats a token, against the equal-token control; crosses: 95 % intervals")
        return unit, _("control"), _("budget {value}")

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        across, up = [0.0, *self._accepted], [0.0]
        for one in self._methods:
            across += [one.forgetting - one.forgetting_half, one.forgetting + one.forgetting_half]
            up += [one.gain - one.gain_half, one.gain + one.gain_half]
        return padded(min(across), max(across)), padded(min(up), max(up), 0.12)

    def _draw_levels(self, painter: QPainter, x: Scale, y: Scale) -> None:
        for budget in self._accepted:
            left = x.to_pixel(budget)
            area = QRectF(left, y.last_pixel - 8, x.last_pixel - left, y.first_pixel - y.last_pixel + 8)
            painter.fillRect(area, theme.color("overtint"))
        super()._draw_levels(painter, x, y)

    def _draw_points(self, painter: QPainter, x: Scale, y: Scale) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = {
            one.name: QPointF(x.to_pixel(one.forgetting), y.to_pixel(one.gain)) for one in self._methods
        }
        self._draw_intervals(painter, x, y)
        for shape in ("disc", "diamond"):
            joined = sorted(
                (one for one in self._methods if one.shape == shape), key=lambda one: one.forgetting
            )
            pen = QPen(theme.color("text" if shape == "disc" else "text2"), 1.5)
            if shape == "diamond":
                pen.setDashPattern(list(EVENT_DASH))
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF([places[one.name] for one in joined]))
        for one in self._methods:
            _draw_shape(painter, one.shape, places[one.name], is_chosen=one.name == self._chosen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._draw_labels(painter, x, places)

    def _draw_labels(self, painter: QPainter, x: Scale, places: dict[str, QPointF]) -> None:
        """Name what has room beside it, the chosen and those on the front first; the rest is in the table."""
        reach = RADIUS + _CHOSEN + 2
        taken = [QRectF(p.x() - reach, p.y() - reach, 2 * reach, 2 * reach) for p in places.values()]
        metrics = painter.fontMetrics()
        ordered = sorted(self._methods, key=lambda one: (one.name != self._chosen, not one.is_on_front))
        for one in ordered:
            size = QSizeF(metrics.horizontalAdvance(one.name) + 4, metrics.height())
            box = self._free_box(places[one.name], size, taken, is_needed=one.name == self._chosen)
            if box is not None:
                taken.append(box)
                painter.setPen(theme.color("accent" if one.name == self._chosen else "text2"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, one.name)

    def _free_box(
        self, place: QPointF, size: QSizeF, taken: Sequence[QRectF], *, is_needed: bool
    ) -> QRectF | None:
        """Return where a label has room beside, above or below its mark; anywhere if it is needed."""
        gap, half = RADIUS + _CHOSEN + 3, size.height() / 2
        corners = [
            QPointF(place.x() + gap, place.y() - half),
            QPointF(place.x() - gap - size.width(), place.y() - half),
            QPointF(place.x() - size.width() / 2, place.y() - gap - size.height()),
            QPointF(place.x() - size.width() / 2, place.y() + gap),
            *(
                QPointF(place.x() + across, place.y() + down)
                for across in (gap / 2, -gap / 2 - size.width())
                for down in (-gap - half, gap - half)
            ),
        ]
        boxes = [QRectF(corner, size) for corner in corners]
        room = QRectF(0, 40, self.width(), self.height() - 80)
        inside = [box for box in boxes if room.contains(box)]
        free = [box for box in inside if not any(box.intersects(other) for other in taken)]
        return next(iter(free or (inside if is_needed else [])), None)

    def _draw_intervals(self, painter: QPainter, x: Scale, y: Scale) -> None:
        for one in self._methods:
            painter.setPen(QPen(theme.color("accent" if one.name == self._chosen else "border"), 1))
            here, up = y.to_pixel(one.gain), x.to_pixel(one.forgetting)
            left, right = (x.to_pixel(one.forgetting + side * one.forgetting_half) for side in (-1.0, 1.0))
            low, high = (y.to_pixel(one.gain + side * one.gain_half) for side in (-1.0, 1.0))
            painter.drawLine(QPointF(left, here), QPointF(right, here))
            painter.drawLine(QPointF(up, low), QPointF(up, high))


def _draw_shape(painter: QPainter, shape: Shape, place: QPointF, *, is_chosen: bool) -> None:
    """Draw a mark: filled for replay, hollow for the rest; the chosen one larger, in the accent."""
    color = theme.color("accent" if is_chosen else "text")
    grown = _CHOSEN if is_chosen else 0.0
    painter.setPen(QPen(color, 1.5))
    painter.setBrush(color if shape == "disc" or is_chosen else theme.color("window"))
    if shape == "disc":
        painter.drawEllipse(place, RADIUS + grown, RADIUS + grown)
        return
    reach = _HALF_SQUARE + grown
    if shape == "square":
        painter.drawRect(QRectF(place.x() - reach, place.y() - reach, 2 * reach, 2 * reach))
        return
    reach *= 1.25
    corners = [QPointF(reach, 0), QPointF(0, reach), QPointF(-reach, 0), QPointF(0, -reach)]
    painter.drawPolygon(QPolygonF([place + corner for corner in corners]))
