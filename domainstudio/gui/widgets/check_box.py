"""A check box in the style of the look, and its mark for those who draw one in a row."""

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from domainstudio.gui import theme

SIZE = 16
_CORNER, _TICK_WIDTH = 3, 1.8
_TICK = (QPointF(4, 8), QPointF(7, 11), QPointF(12, 4))


def draw_check_box(painter: QPainter, box: QRect, is_checked: bool, is_enabled: bool = True) -> None:
    """Draw a box of `SIZE`, ticked or not."""
    rim = "accent" if is_checked else "border"
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(rim if is_enabled else "hairline"), 1))
    painter.setBrush(theme.color("accent" if is_checked and is_enabled else "window"))
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), _CORNER, _CORNER)
    if is_checked:
        painter.setPen(QPen(theme.color("on accent" if is_enabled else "border"), _TICK_WIDTH))
        painter.drawPolyline([QPointF(box.topLeft()) + point for point in _TICK])
    painter.restore()


class CheckBox(QCheckBox):
    """A check box whose mark follows the theme; the style sheet leaves it the room."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the words, then the mark, and a rim round both while it has the focus."""
        super().paintEvent(event)
        painter = QPainter(self)
        top = (self.height() - SIZE) // 2
        draw_check_box(painter, QRect(0, top, SIZE, SIZE), self.isChecked(), self.isEnabled())
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(QRect(0, top, SIZE, SIZE))
        painter.end()
