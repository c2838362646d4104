"""Cells of numbers with a thin bar in their ground, so that a column is compared at a glance."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from domainstudio.gui import theme
from domainstudio.gui.widgets.table import CELL_PADDING, SHARE_ROLE, Index, RowDelegate

_HEIGHT, _NUMBER_WIDTH, _LEFT = 6, 56, 16


class BarDelegate(RowDelegate):
    """Draws at the left of a number a bar as long as its column's share of the greatest."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the cell, and the bar beside what its number takes."""
        rect = QRect(option.rect)
        super().paint(painter, option, index)
        share = index.data(SHARE_ROLE)
        room = rect.width() - _LEFT - CELL_PADDING - _NUMBER_WIDTH
        if not share or room <= 0:
            return
        top = rect.top() + (rect.height() - _HEIGHT) // 2
        painter.fillRect(
            rect.left() + _LEFT, top, max(1, round(share * room)), _HEIGHT, theme.color("border")
        )
