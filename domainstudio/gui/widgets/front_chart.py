"""Checkpoints, and blends of them, by what they gained and forgot: chosen by click or arrow keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.plot_content import ACCEPTED_DASH, BASE_DASH, EVENT_DASH
from domainstudio.gui.widgets.plot_scale import Scale, padded, spread, tick_words, ticks
from domainstudio.gui.widgets.text import tip
from domainstudio.language import translate as _
from domainstudio.units import format_change

_TOP, _BOTTOM, _RIGHT, _GAP = 60, 48, 104, 8
RADIUS, _CHOSEN_RADIUS, _REACH = 4.0, 6.0, 16.0
_LABEL_GAP = 14.0


@dataclass(frozen=True)
class Point:
    """One checkpoint on the chart, or a blend made of it, in nats a token."""

    name: str
    group: str
    """The run: its points are joined in the order given, and the last bears this label."""
    forgetting: float
    gain: float
    is_on_front: bool
    blend: Literal["", "between", "apart"] = ""
    """A model made of others without training: between its base and a checkpoint, or apart from that line."""


def shared_places(places: Sequence[QPointF]) -> list[tuple[QPointF, list[int]]]:
    """Return the places that can be told apart, each with the numbers of those drawn over it."""
    found: list[tuple[QPointF, list[int]]] = []
    for number, place in enumerate(places):
        near = next((members for other, members in found if (other - place).manhattanLength() < RADIUS), None)
        if near is None:
            found.append((place, [number]))
        else:
            near.append(number)
    return found


def _draw_mark(painter: QPainter, place: QPointF, radius: float, *, is_blend: bool) -> None:
    """Draw a disc for a checkpoint, a diamond for a blend."""
    if not is_blend:
        painter.drawEllipse(place, radius, radius)
        return
    reach = radius * 1.25
    corners = [QPointF(reach, 0), QPointF(0, reach), QPointF(-reach, 0), QPointF(0, -reach)]
    painter.drawPolygon(QPolygonF([place + corner for corner in corners]))


class FrontChart(QWidget):
    """Gain upwards, forgetting to the right; the front, the accepted line and the base are named.

    Signals:
        chosen: the name of a point a person chose.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__()
        self._points: list[Point] = []
        self._accepted: list[float] = []
        self._chosen = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 220)
        self.setMouseTracking(True)
        self.setAccessibleName(_("Domain gain against forgetting"))
        theme.notifier.changed.connect(self.update)

    def show_points(self, points: Sequence[Point], accepted: Sequence[float], chosen: str) -> None:
        """Show points, the lines of the accepted forgetting, and which point is chosen."""
        self._points, self._accepted, self._chosen = list(points), sorted(set(accepted)), chosen
        self.setAccessibleDescription(self.summary)
        self.update()

    @property
    def summary(self) -> str:
        """The points in words, the chosen one first."""
        words = _("{name}: gain {gain}, forgetting {forgetting}")
        ordered = sorted(self._points, key=lambda point: point.name != self._chosen)
        return "; ".join(
            words.format(
                name=point.name, gain=format_change(point.gain), forgetting=format_change(point.forgetting)
            )
            for point in ordered
        )

    def place_of(self, name: str) -> QPointF:
        """Return where a point is drawn."""
        x, y = self._scales()
        point = next(point for point in self._points if point.name == name)
        return QPointF(x.to_pixel(point.forgetting), y.to_pixel(point.gain))

    def _words(self) -> tuple[str, str, str]:
        """Return unit, the name of the lines through 0, and what is written at the accepted line."""
        return _("nats a token, against the base"), _("base"), _("accepted {value}")

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return what the axes span: forgetting, then gain."""
        across = [0.0, *self._accepted, *(point.forgetting for point in self._points)]
        up = [0.0, *(point.gain for point in self._points)]
        return padded(min(across), max(across)), padded(min(up), max(up), 0.12)

    def _scales(self) -> tuple[Scale, Scale]:
        (low_x, high_x), (low_y, high_y) = self._ranges()
        metrics = QFontMetrics(theme.font("small"))
        words = tick_words(ticks(low_y, high_y), signed=True)
        left = max((metrics.horizontalAdvance(word) for word in words), default=0) + _GAP
        return (
            Scale(low_x, high_x, left, max(left + 10, self.width() - _RIGHT)),
            Scale(low_y, high_y, max(_TOP + 10, self.height() - _BOTTOM), _TOP),
        )

    def _choose(self, name: str) -> None:
        if name != self._chosen:
            self._chosen = name
            self.setAccessibleDescription(self.summary)
            self.update()
            self.chosen.emit(name)

    # Drawing

    def _draw_grid(self, painter: QPainter, x: Scale, y: Scale) -> None:
        """Draw grid, axis and ticks."""
        width = x.last_pixel - x.first_pixel
        values = ticks(y.low, y.high)
        for value, word in zip(values, tick_words(values, signed=True), strict=True):
            place = round(y.to_pixel(value))
            painter.fillRect(QRectF(x.first_pixel, place, width, 1), theme.color("hairline"))
            painter.setPen(theme.color("text2"))
            box = QRectF(0, place - 8, x.first_pixel - _GAP, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, word)
        bottom = round(y.first_pixel)
        painter.fillRect(QRectF(x.first_pixel, bottom, width, 1), theme.color("border"))
        values = ticks(x.low, x.high)
        for value, word in zip(values, tick_words(values, signed=True), strict=True):
            box = QRectF(x.to_pixel(value) - 40, bottom + 6, 80, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, word)

    def _draw_titles(self, painter: QPainter, x: Scale, y: Scale) -> None:
        """Draw the title with the unit, and the names of the axes in the colours of what they measure."""
        painter.setFont(theme.font("small strong"))
        painter.setPen(theme.color("text"))
        title, unit = _("Domain gain against forgetting"), self._words()[0]
        painter.drawText(QRectF(0, 0, self.width(), 18), Qt.AlignmentFlag.AlignLeft, title)
        offset = painter.fontMetrics().horizontalAdvance(title) + _GAP
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text2"))
        painter.drawText(QRectF(offset, 0, self.width() - offset, 18), Qt.AlignmentFlag.AlignLeft, unit)
        painter.setPen(theme.color("domain"))
        painter.drawText(QRectF(0, 26, self.width(), 18), Qt.AlignmentFlag.AlignLeft, _("domain gain ↑"))
        painter.setPen(theme.color("forget"))
        box = QRectF(x.first_pixel, y.first_pixel + 26, x.last_pixel - x.first_pixel, 18)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight, _("forgetting →"))

    def _draw_levels(self, painter: QPainter, x: Scale, y: Scale) -> None:
        """Draw the base as lines through 0, and what is accepted."""
        top, bottom = y.last_pixel - 8, y.first_pixel
        base = QPen(theme.color("text2"), 1)
        base.setDashPattern(list(BASE_DASH))
        painter.setPen(base)
        painter.drawLine(QPointF(x.to_pixel(0), top), QPointF(x.to_pixel(0), bottom))
        painter.drawLine(QPointF(x.first_pixel, y.to_pixel(0)), QPointF(x.last_pixel, y.to_pixel(0)))
        painter.drawText(QRectF(x.last_pixel + _GAP, y.to_pixel(0) - 8, _RIGHT, 16), 0, self._words()[1])
        for accepted in self._accepted:
            pen = QPen(theme.color("forget"), 1)
            pen.setDashPattern(list(ACCEPTED_DASH))
            painter.setPen(pen)
            place = x.to_pixel(accepted)
            painter.drawLine(QPointF(place, top), QPointF(place, bottom))
            words = self._words()[2].format(value=format_change(accepted))
            painter.drawText(QRectF(place + 4, top - 8, 160, 18), Qt.AlignmentFlag.AlignLeft, words)

    def _draw_points(self, painter: QPainter, x: Scale, y: Scale) -> None:
        """Draw each run as points joined by a thin line, the front as a line, the chosen point above all."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = {
            point.name: QPointF(x.to_pixel(point.forgetting), y.to_pixel(point.gain))
            for point in self._points
        }
        for group in dict.fromkeys(point.group for point in self._points):
            line = [places[one.name] for one in self._points if one.group == group and not one.blend]
            painter.setPen(QPen(theme.color("hairline"), 1))
            painter.drawPolyline(QPolygonF(line))
        dotted = QPen(theme.color("text2"), 1.5)
        dotted.setDashPattern(list(EVENT_DASH))
        painter.setPen(dotted)
        painter.drawPolyline(QPolygonF([places[one.name] for one in self._points if one.blend == "between"]))
        front = sorted((point for point in self._points if point.is_on_front), key=lambda one: one.forgetting)
        painter.setPen(QPen(theme.color("text2"), 1))
        painter.drawPolyline(QPolygonF([places[point.name] for point in front]))
        for point in self._points:
            color = theme.color("text" if point.is_on_front else "border")
            painter.setPen(QPen(color, 1.5) if point.blend else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("window") if point.blend else color)
            _draw_mark(painter, places[point.name], RADIUS, is_blend=bool(point.blend))
        chosen = next((point for point in self._points if point.name == self._chosen), None)
        if chosen is not None:
            painter.setBrush(theme.color("accent"))
            painter.setPen(QPen(theme.color("window"), 2))
            _draw_mark(painter, places[chosen.name], _CHOSEN_RADIUS, is_blend=bool(chosen.blend))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._draw_labels(painter, x, places)

    def _draw_labels(self, painter: QPainter, x: Scale, places: dict[str, QPointF]) -> None:
        """Name the runs at their last points, pushed apart; the chosen point by its step."""
        last = {point.group: point for point in self._points if not point.blend}
        ends = shared_places([places[point.name] for point in last.values()])
        wanted = [place.y() for place, _members in ends]
        metrics = painter.fontMetrics()
        runs = list(last)
        for (end, members), y in zip(
            ends, spread(wanted, _LABEL_GAP, _TOP, self.height() - _BOTTOM), strict=True
        ):
            names = [runs[number] for number in members]
            chosen = next((name for name in names if last[name].name == self._chosen), "")
            painter.setPen(theme.color("accent" if chosen else "text2"))
            more = f" +{len(names) - 1}" if len(names) > 1 else ""
            self._write(painter, metrics, end.x(), y - 8, (chosen or names[0]) + more)
        named = {point.name for point in last.values()}
        if self._chosen in places and self._chosen not in named:
            painter.setPen(theme.color("accent"))
            here, is_blend = (
                places[self._chosen],
                any(point.blend and point.name == self._chosen for point in self._points),
            )  # below a blend: the line of blends rises to the right
            self._write(painter, metrics, here.x(), here.y() + (6 if is_blend else -22), self._chosen)

    def _write(self, painter: QPainter, metrics: QFontMetrics, x: float, y: float, words: str) -> None:
        """Write words to the right of a point, on a ground that keeps lines from running through them."""
        width = metrics.horizontalAdvance(words)
        box = QRectF(min(x + 10, self.width() - width), y, width + 2, 17)
        painter.fillRect(box, theme.color("window"))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, words)

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which points stand apart."""
        return QSize(640, 420)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the chart."""
        painter = QPainter(self)
        x, y = self._scales()
        self._draw_titles(painter, x, y)
        self._draw_grid(painter, x, y)
        self._draw_levels(painter, x, y)
        self._draw_points(painter, x, y)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(QRectF(1, 20, self.width() - 2, self.height() - 22))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the nearest point within reach."""
        near = self._near(event.position())
        if near:
            self._choose(near)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Name the point under the pointer."""
        near = self._near(event.position())
        self.setToolTip(tip(near))
        self.setCursor(Qt.CursorShape.PointingHandCursor if near else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the choice to the point left or right."""
        ordered = [point.name for point in sorted(self._points, key=lambda one: (one.forgetting, one.gain))]
        here = ordered.index(self._chosen) if self._chosen in ordered else 0
        moves = {
            Qt.Key.Key_Left: here - 1, Qt.Key.Key_Right: here + 1, Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(ordered) - 1,
        }  # fmt: skip
        to = moves.get(Qt.Key(event.key()))
        if to is None or not ordered:
            super().keyPressEvent(event)
            return
        self._choose(ordered[max(0, min(to, len(ordered) - 1))])

    def _near(self, place: QPointF) -> str:
        distances = {
            point.name: (self.place_of(point.name) - place).manhattanLength() for point in self._points
        }
        name = min(distances, key=lambda one: distances[one], default="")
        return name if name and distances[name] <= _REACH else ""
