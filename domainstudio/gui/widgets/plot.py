"""A plot: draws what its source makes for the range in sight; zoomed by wheel, drag and keys.

Drawn with QPainter alone: a plotting library would cost a fifth of the window's memory, and envelope, ticks,
labels and marks would be ours all the same.
"""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.plot_content import Content, Range, Source
from domainstudio.gui.widgets.plot_drawing import Drawing, draw_reading
from domainstudio.gui.widgets.plot_scale import Scale, zoomed

REDRAW_MILLISECONDS = 100
_POINTS_A_PIXEL = 3
"""Half as many buckets, each with its least and its greatest value: no pixel is left without one."""
_ZOOM_STEP, _PAN_SHARE, _SMALLEST_DRAG = 0.8, 0.2, 5


class Plot(QWidget):
    """One plot with its title, its unit and its labels.

    Signals:
        range_chosen: the x range (low, high) a person zoomed to, None for all of it.
    """

    range_chosen = Signal(object)

    def __init__(self, title: str, unit: str, *, is_small: bool = False) -> None:
        """Show an empty plot; a small one has no ticks and its newest value beside the title."""
        super().__init__()
        self.title, self.unit, self.is_small = title, unit, is_small
        self._source: Source | None = None
        self._range: Range | None = None
        self._content = Content()
        self._drawn: QPixmap | None = None
        self._x = Scale(0, 1, 0, 1)
        self._pointer: float | None = None
        self._drag_from: float | None = None
        self._is_stale = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MILLISECONDS)
        self._timer.timeout.connect(self._on_waited)
        self.setAccessibleName(f"{title}, {unit}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120 if is_small else 240, 72 if is_small else 120)
        theme.notifier.changed.connect(self._forget_drawing)

    def set_source(self, source: Source) -> None:
        """Draw what `source` makes from now on."""
        self._source = source
        self._forget_drawing()

    def set_titles(self, title: str, unit: str) -> None:
        """Change what stands above."""
        if (title, unit) != (self.title, self.unit):
            self.title, self.unit = title, unit
            self.setAccessibleName(f"{title}, {unit}")
            self._forget_drawing()

    def refresh(self) -> None:
        """Say that the data grew: drawn at a fixed interval, and only while the plot is seen."""
        self._is_stale = True
        if self.isVisible() and not self._timer.isActive():
            self._on_waited()

    def redraw(self) -> None:
        """Draw at once: what is shown is another thing."""
        self._forget_drawing()

    def show_range(self, shown: Range | None) -> None:
        """Show an x range without telling anybody, None for all of it."""
        if shown != self._range:
            self._range = shown
            self._forget_drawing()

    @property
    def content(self) -> Content:
        """What is drawn."""
        return self._content

    @property
    def shown_range(self) -> Range:
        """The x range in sight."""
        return self._range or self._content.whole

    def _forget_drawing(self) -> None:
        self._is_stale = False
        self._drawn = None
        self.update()

    def _on_waited(self) -> None:
        if self._is_stale and self.isVisible():
            self._forget_drawing()
            self._timer.start()

    def _draw(self) -> QPixmap:
        """Ask the source for the range in sight and draw it."""
        ratio = self.devicePixelRatioF()
        drawn = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(theme.color("window"))
        if self._source is not None:
            self._content = self._source(self._range, _POINTS_A_PIXEL * self.width())
        painter = QPainter(drawn)
        drawing = Drawing(painter, QRectF(self.rect()), self._content, self.shown_range)
        drawing.draw(self.title, self.unit, self.is_small)
        painter.end()
        self._x = drawing.x
        return drawn

    def _choose(self, shown: Range | None) -> None:
        if shown != self._range:
            self.show_range(shown)
            self.range_chosen.emit(shown)

    def _zoom(self, factor: float, about: float) -> None:
        self._choose(zoomed(self.shown_range, self._content.whole, factor, about))

    def _move_pointer(self, pixel: float | None) -> None:
        is_inside = pixel is not None and self._x.first_pixel - 4 <= pixel <= self._x.last_pixel + 4
        self._pointer = pixel if is_inside else None
        self.update()

    def _clamped(self, position: QPointF) -> float:
        return min(max(position.x(), self._x.first_pixel), self._x.last_pixel)

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which a plot can be read."""
        return QSize(200, 110) if self.is_small else QSize(440, 220)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Show the drawing, and above it the pointer's reading, the drag and the focus."""
        if self._drawn is None or self._drawn.devicePixelRatio() != self.devicePixelRatioF():
            self._drawn = self._draw()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn)
        if self._drag_from is not None and self._pointer is not None:
            left, right = sorted((self._drag_from, self._pointer))
            ground = theme.color("accent")
            ground.setAlpha(40)
            painter.fillRect(QRectF(left, 20, right - left, self.height() - 20), ground)
        elif self._pointer is not None and not self._content.is_empty:
            reading = self._content.read(self._x.to_value(self._pointer))
            if reading is not None:
                draw_reading(painter, QRectF(self.rect()), self._x.to_pixel(reading.x), reading)
        if self.hasFocus():
            painter.setPen(theme.color("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw what came while the plot was hidden."""
        super().showEvent(event)
        if self._is_stale:
            self._forget_drawing()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw for the new size."""
        self._forget_drawing()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Tell screen readers what the plot shows now."""
        self.setAccessibleDescription(self._content.summary)
        super().focusInEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the pointer."""
        turns = event.angleDelta().y() / 120
        if turns:
            self._zoom(_ZOOM_STEP**turns, self._x.to_value(self._clamped(event.position())))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to choose a range."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag_from = self._clamped(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Read values, or widen the chosen range."""
        pixel = event.position().x() if self._drag_from is None else self._clamped(event.position())
        self._move_pointer(pixel)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Zoom to the chosen range."""
        start, end = self._drag_from, self._clamped(event.position())
        self._drag_from = None
        if start is not None and abs(end - start) >= _SMALLEST_DRAG:
            low, high = sorted((self._x.to_value(start), self._x.to_value(end)))
            self._choose((low, high))
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all of it again."""
        self._drag_from = None
        self._choose(None)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Read nothing any more."""
        self._move_pointer(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Zoom by + and -, move by the arrows, show all of it by 0."""
        low, high = self.shown_range
        middle, step = (low + high) / 2, (high - low) * _PAN_SHARE
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self._zoom(_ZOOM_STEP, middle)
            case Qt.Key.Key_Minus:
                self._zoom(1 / _ZOOM_STEP, middle)
            case Qt.Key.Key_0:
                self._choose(None)
            case Qt.Key.Key_Left | Qt.Key.Key_Right if self._range is not None:
                by = -step if event.key() == Qt.Key.Key_Left else step
                self._choose(zoomed((low + by, high + by), self._content.whole, 1.0, middle + by))
            case _:
                super().keyPressEvent(event)
