"""A slider over the full 0 to 100 %: groove 4, handle 16 with a rim; grey where its share is locked."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen

from domainstudio.gui import theme
from domainstudio.gui.widgets.dragged_slider import DraggedSlider

STEPS = 1000
_GROOVE, _HANDLE, _RIM = 4, 16, 2
_MOST_MARKS, _MARK = 20, 10


class ShareSlider(DraggedSlider):
    """Holds a share in steps of 0.1 %, or few; `valueChanged` is emitted only for what a person does."""

    def __init__(self, name: str, steps: int = STEPS, token: str = "accent") -> None:
        """Begin at 0; `name` is read out by screen readers, `token` is its colour."""
        super().__init__(name)
        self._token = token
        self.show_steps(steps)
        self.setSingleStep(1)
        self.setMinimumWidth(64)

    @property
    def share(self) -> float:
        """Where it stands, 0 to 1."""
        return self.value() / self.maximum()

    def show_steps(self, steps: int) -> None:
        """Stand at one of so many steps beside 0; few of them are marked."""
        self.blockSignals(True)
        self.setRange(0, steps)
        self.blockSignals(False)
        self.setPageStep(max(1, steps // 20))
        self.update()

    def show_share(self, share: float) -> None:
        """Stand at a share, 0 to 1, without telling anybody."""
        self.show_value(round(share * self.maximum()))

    def value_at(self, x: float) -> int:
        """Return the value at a pixel from the left."""
        room = max(1, self.width() - _HANDLE)
        return round(min(1.0, max(0.0, (x - _HANDLE / 2) / room)) * self.maximum())

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return room for the handle and its focus ring."""
        return QSize(188, _HANDLE + 8)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw groove, filled part, handle and focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        left, right = _HANDLE / 2, self.width() - _HANDLE / 2
        place = left + (right - left) * self.value() / self.maximum()
        color = theme.color(self._token if self.isEnabled() else "border")
        radius = _GROOVE / 2
        painter.setBrush(theme.color("hairline"))
        painter.drawRoundedRect(QRectF(left, middle - radius, right - left, _GROOVE), radius, radius)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(left, middle - radius, place - left, _GROOVE), radius, radius)
        self._draw_marks(painter, left, right, middle)
        painter.setPen(QPen(color, _RIM))
        painter.setBrush(theme.color("select" if self.hasFocus() else "window"))
        painter.drawEllipse(QPointF(place, middle), _HANDLE / 2 - _RIM / 2, _HANDLE / 2 - _RIM / 2)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(place, middle), _HANDLE / 2 + 2, _HANDLE / 2 + 2)
        painter.end()

    def _draw_marks(self, painter: QPainter, left: float, right: float, middle: float) -> None:
        """Draw a mark at each step where a person can tell them apart."""
        if self.maximum() > _MOST_MARKS:
            return
        for step in range(self.maximum() + 1):
            x = left + (right - left) * step / self.maximum()
            painter.fillRect(QRectF(x - 0.5, middle - _MARK / 2, 1, _MARK), theme.color("border"))
