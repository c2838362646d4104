"""How a plot is drawn: title, grid, lines, labels at the end, marks on the axis, the pointer's reading."""

import math

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from domainstudio.gui import theme
from domainstudio.gui.widgets.plot_content import EVENT_DASH, Content, PlotLine, Range, Reading
from domainstudio.gui.widgets.plot_scale import Scale, padded, spread, tick_words, ticks
from domainstudio.jobs.columns import Array

_TITLE_HEIGHT, _LINE_HEIGHT, _AXIS_HEIGHT = 20, 16, 24
_LABEL_GAP, _LABEL_SPACE, _WIDEST_LABEL = 14, 8, 170
_TRIANGLE, _DOT = 4, 4.5
_LONG_LINE = 600
"""Lines of more points are drawn without antialiasing."""
_X_TICK_PIXELS, _Y_TICK_PIXELS, _MOST_TICKS = 84, 36, 5
_LEFT, _RIGHT, _CENTRE = (
    Qt.AlignmentFlag.AlignLeft,
    Qt.AlignmentFlag.AlignRight,
    Qt.AlignmentFlag.AlignHCenter,
)


class Drawing:
    """Draws one content once; `x` is known after `draw`."""

    def __init__(self, painter: QPainter, area: QRectF, content: Content, shown: Range) -> None:
        """Hold what is needed."""
        self._painter, self._area, self._content = painter, area, content
        self._shown = shown if shown[1] > shown[0] else (shown[0], shown[0] + 1.0)
        self.x = Scale(*self._shown, area.left(), area.right())
        self._y = Scale(0, 1, area.bottom(), area.top())

    def draw(self, title: str, unit: str, is_small: bool) -> None:
        """Draw everything."""
        low, high = self._y_range()
        wanted = [] if is_small else ticks(low, high, self._most_y_ticks())
        words = tick_words(wanted, signed=self._content.is_signed)
        rows = 0 if is_small else min(2, sum(bool(event.text) for event in self._content.events))
        top = 4 + (2 * _LINE_HEIGHT if is_small else _TITLE_HEIGHT + rows * _LINE_HEIGHT)
        left = 0 if is_small else max((_advance(word) for word in words), default=0) + 10
        right = 1 if is_small else self._label_width()
        bottom = 2 if is_small else _AXIS_HEIGHT
        plane = self._area.adjusted(left, top, -right, -bottom)
        plane.setWidth(max(10.0, plane.width()))
        plane.setHeight(max(10.0, plane.height()))
        self.x = Scale(*self._shown, plane.left(), plane.right())
        self._y = Scale(low, high, plane.bottom(), plane.top())
        self._draw_titles(title, unit, is_small)
        self._draw_grid(plane, wanted, words)
        self._draw_axis(plane, is_small)
        if self._content.is_empty:
            room = QRectF(plane.left(), plane.center().y() - 8, plane.width(), _LINE_HEIGHT)
            write(self._painter, room, self._content.empty, theme.font("small"), "text2", _CENTRE)
            return
        if not is_small:
            self._draw_events(plane, rows)
        self._painter.setClipRect(plane.adjusted(0, -2, 1, 1))
        self._draw_levels(plane)
        for line in self._content.lines:
            self._draw_line(line)
        self._painter.setClipping(False)
        self._draw_gaps(plane)
        self._draw_dots(plane)
        if not is_small:
            self._draw_checkpoints(plane)
            self._draw_labels(plane)

    def _y_range(self) -> Range:
        """Return the range of everything in sight, level lines among it."""
        low, high = self._shown
        values = [level.y for level in self._content.levels]
        for line in self._content.lines:
            seen = line.y[(line.x >= low) & (line.x <= high) & np.isfinite(line.y)]
            if len(seen):
                values += [float(seen.min()), float(seen.max())]
        return padded(min(values), max(values)) if values else (0.0, 1.0)

    def _most_y_ticks(self) -> int:
        return max(2, min(_MOST_TICKS, int(self._area.height() / _Y_TICK_PIXELS)))

    def _label_width(self) -> float:
        widest = max((_advance(label.text, label.is_strong) for label in self._content.labels), default=0.0)
        return min(widest, _WIDEST_LABEL, self._area.width() * 0.4) + _LABEL_SPACE

    def _draw_titles(self, title: str, unit: str, is_small: bool) -> None:
        strong, small = theme.font("small strong"), theme.font("small")
        row = QRectF(self._area.left(), self._area.top(), self._area.width(), _LINE_HEIGHT)
        if is_small:
            write(self._painter, row, self._content.value, strong, "text", _RIGHT)
            room = row.adjusted(0, 0, -_advance(self._content.value, True) - 8, 0)
            write(self._painter, room, title, strong, "text")
            write(self._painter, row.translated(0, _LINE_HEIGHT), unit, small, "text2")
        else:
            write(self._painter, row, title, strong, "text")
            write(self._painter, row.adjusted(_advance(title, True) + 5, 0, 0, 0), unit, small, "text2")

    def _draw_grid(self, plane: QRectF, wanted: list[float], words: list[str]) -> None:
        for value, word in zip(wanted, words, strict=True):
            y = round(self._y.to_pixel(value)) + 0.5
            self._painter.setPen(_pen("hairline"))
            self._painter.drawLine(QPointF(plane.left(), y), QPointF(plane.right(), y))
            room = QRectF(self._area.left(), y - 8, plane.left() - self._area.left() - 8, _LINE_HEIGHT)
            write(self._painter, room, word, theme.font("small"), "text2", _RIGHT)

    def _draw_axis(self, plane: QRectF, is_small: bool) -> None:
        y = round(plane.bottom()) + 0.5
        self._painter.setPen(_pen("border"))
        self._painter.drawLine(QPointF(plane.left(), y), QPointF(plane.right(), y))
        if is_small:
            return
        font, divisor, unit = theme.font("small"), self._content.x_divisor, self._content.x_unit
        last = plane.right() - _advance(unit)
        write(self._painter, QRectF(last, y + 5, _advance(unit) + 1, _LINE_HEIGHT), unit, font, "text2")
        most = max(2, min(_MOST_TICKS, int(plane.width() / _X_TICK_PIXELS)))
        wanted = ticks(self.x.low / divisor, self.x.high / divisor, most)
        for value, word in zip(wanted, tick_words(wanted), strict=True):
            x = round(self.x.to_pixel(value * divisor)) + 0.5
            self._painter.setPen(_pen("border"))
            self._painter.drawLine(QPointF(x, y), QPointF(x, y + 4))
            half = _advance(word) / 2 + 1
            if not unit or x + half + 6 <= last:
                room = QRectF(max(self._area.left(), x - half), y + 5, 2 * half, _LINE_HEIGHT)
                write(self._painter, room, word, font, "text2", _CENTRE)

    def _draw_levels(self, plane: QRectF) -> None:
        for level in self._content.levels:
            y = round(self._y.to_pixel(level.y)) + 0.5
            self._painter.setPen(_pen(level.token, 1.0, level.dash))
            self._painter.drawLine(QPointF(plane.left(), y), QPointF(plane.right(), y))

    def _draw_line(self, line: PlotLine) -> None:
        is_long = len(line.x) > _LONG_LINE
        width = 1.0 if is_long and line.width < 2 else line.width
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, width > 1)
        self._painter.setPen(_pen(line.token, width, line.dash))
        x = np.clip(self.x.first_pixel + (line.x - self.x.low) * self.x.factor, -1e6, 1e6)
        y = np.clip(self._y.first_pixel + (line.y - self._y.low) * self._y.factor, -1e6, 1e6)
        is_known = np.isfinite(y)
        borders = (np.flatnonzero(np.diff(is_known)) + 1).tolist()
        for start, end in zip([0, *borders], [*borders, len(x)], strict=True):
            if end == start or not is_known[start]:
                continue
            if end - start == 1:
                self._painter.drawPoint(QPointF(x[start], y[start]))
            else:
                self._painter.drawPolyline(_polygon(x[start:end], y[start:end]))
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_dots(self, plane: QRectF) -> None:
        """Draw a filled point where a line ends that asks for it."""
        self._fill("text")
        for line in self._content.lines:
            known = np.flatnonzero(np.isfinite(line.y))
            if line.ends_in_dot and len(known):
                x, y = float(line.x[known[-1]]), float(line.y[known[-1]])
                point = QPointF(self.x.to_pixel(x), self._y.to_pixel(y))
                if plane.adjusted(-1, -1, 1, 1).contains(point):
                    self._painter.setBrush(theme.color(line.token))
                    self._painter.drawEllipse(point, _DOT, _DOT)
        self._end_fill()

    def _draw_checkpoints(self, plane: QRectF) -> None:
        """Draw triangles on the axis, those that would cover one another but once."""
        self._fill("text2")
        drawn_at, y = -math.inf, plane.bottom()
        for value in self._content.checkpoints.tolist():
            x = self.x.to_pixel(value)
            if plane.left() - 1 <= x <= plane.right() + 1 and x - drawn_at >= 2 * _TRIANGLE:
                drawn_at = x
                top = y - 2 * _TRIANGLE + 1
                corners = [QPointF(x - _TRIANGLE, top), QPointF(x + _TRIANGLE, top), QPointF(x, y)]
                self._painter.drawPolygon(QPolygonF(corners))
        self._end_fill()

    def _draw_gaps(self, plane: QRectF) -> None:
        """Draw a bar along the top wherever values are not finite."""
        drawn_to = -math.inf
        for value in self._content.gaps.tolist():
            x = self.x.to_pixel(value)
            if plane.left() <= x <= plane.right() and x >= drawn_to + 1:
                self._painter.fillRect(QRectF(x - 1, plane.top(), 3, 4), theme.color("attention"))
                drawn_to = x

    def _draw_labels(self, plane: QRectF) -> None:
        labels = [label for label in self._content.labels if math.isfinite(label.y)]
        wanted = [min(max(self._y.to_pixel(label.y), plane.top()), plane.bottom()) for label in labels]
        places = spread(wanted, _LABEL_GAP, plane.top(), plane.bottom())
        left = plane.right() + _LABEL_SPACE
        for label, y in zip(labels, places, strict=True):
            font = theme.font("small strong" if label.is_strong else "small")
            room = QRectF(left, y - 8, self._area.right() - left, _LINE_HEIGHT)
            write(self._painter, room, label.text, font, label.token)

    def _draw_events(self, plane: QRectF, rows: int) -> None:
        """Draw dotted lines; words that would collide go a row lower, then are left out."""
        ends = [-math.inf] * rows
        head = plane.top() - rows * _LINE_HEIGHT
        for event in self._content.events:
            x = round(self.x.to_pixel(event.x)) + 0.5
            if not plane.left() <= x <= plane.right() + 1:
                continue
            width = _advance(event.text)
            left = max(plane.left(), min(x - width / 2, self._area.right() - width - 2))
            row = next((number for number, end in enumerate(ends) if left > end + 8), rows)
            if event.text and row < rows:
                ends[row] = left + width
                room = QRectF(left, head + row * _LINE_HEIGHT, width + 2, _LINE_HEIGHT)
                write(self._painter, room, event.text, theme.font("small"), "text2")
                row += 1
            self._painter.setPen(_pen("text2", 1.0, EVENT_DASH))
            top = head + row * _LINE_HEIGHT if event.text else plane.top()
            self._painter.drawLine(QPointF(x, top), QPointF(x, plane.bottom()))

    def _fill(self, token: str) -> None:
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(theme.color(token))

    def _end_fill(self) -> None:
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_reading(painter: QPainter, area: QRectF, x: float, reading: Reading) -> None:
    """Draw the line at the pointer and a box with the values there."""
    painter.setPen(_pen("border"))
    painter.drawLine(QPointF(round(x) + 0.5, area.top() + 20), QPointF(round(x) + 0.5, area.bottom()))
    names = max((_advance(name) for name, _, _ in reading.rows), default=0.0)
    values = max((_advance(value, True) for _, value, _ in reading.rows), default=0.0)
    width = max(names + 12 + values, _advance(reading.title, True)) + 16
    height = _LINE_HEIGHT * (1 + len(reading.rows)) + 10
    left = x + 10 if x + 10 + width <= area.right() else x - 10 - width
    box = QRectF(max(area.left() + 1, left), area.top() + 20, width, height)
    painter.fillRect(box, theme.color("chrome"))
    painter.setPen(_pen("border"))
    painter.drawRect(box)
    row = QRectF(box.left() + 8, box.top() + 5, width - 16, _LINE_HEIGHT)
    write(painter, row, reading.title, theme.font("small strong"), "text")
    for name, value, token in reading.rows:
        row = row.translated(0, _LINE_HEIGHT)
        write(painter, row, name, theme.font("small"), token)
        write(painter, row, value, theme.font("small strong"), token, _RIGHT)


def write(
    painter: QPainter, room: QRectF, text: str, font: QFont, token: str, side: Qt.AlignmentFlag = _LEFT
) -> None:
    """Write one line in a colour of the theme, cut with an ellipsis where it does not fit."""
    painter.setFont(font)
    painter.setPen(theme.color(token))
    fitting = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width() + 1)
    painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, fitting)


def _polygon(x: Array, y: Array) -> QPolygonF:
    """Return points for Qt through its own byte format: ten times as fast as one object a point."""
    points = np.stack([x, y], axis=1).astype(">f8")
    polygon = QPolygonF()
    stream = QDataStream(QByteArray(len(points).to_bytes(4, "big") + points.tobytes()))
    stream >> polygon
    return polygon


def _pen(token: str, width: float = 1.0, dash: tuple[float, ...] = ()) -> QPen:
    pen = QPen(theme.color(token), width)
    if dash:
        pen.setDashPattern([part / width for part in dash])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _advance(text: str, is_strong: bool = False) -> float:
    return QFontMetricsF(theme.font("small strong" if is_strong else "small")).horizontalAdvance(text)
