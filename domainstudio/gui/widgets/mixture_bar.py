"""The whole mixture as one bar: domain sources dark, general ones light, and the border between the sides."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from domainstudio.gui import theme

_HEIGHT, _OVERHANG = 16, 4


class MixtureBar(QWidget):
    """Shows shares side by side; those of domain sources stand at the left."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._domain: list[float] = []
        self._general: list[float] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.notifier.changed.connect(self.update)

    def show_shares(self, domain: Sequence[float], general: Sequence[float], words: str) -> None:
        """Show the shares, 0 to 1, of the sources on each side; `words` say the same."""
        self._domain, self._general = list(domain), list(general)
        self.setAccessibleName(words)
        self.update()

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a bar of the look's height."""
        return QSize(400, _HEIGHT + 2 * _OVERHANG)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw both sides and the border between them."""
        painter = QPainter(self)
        width = self.width() - 1
        x = 0.0
        for shares, fill, parting in ((self._domain, "text2", "window"), (self._general, "band", "border")):
            begin = x
            for number, share in enumerate(shares):
                painter.fillRect(QRectF(x, _OVERHANG, share * width, _HEIGHT), theme.color(fill))
                if number and share:
                    painter.fillRect(QRectF(round(x), _OVERHANG, 1, _HEIGHT), theme.color(parting))
                x += share * width
            if shares and fill == "band" and x > begin:
                painter.setPen(QPen(theme.color("border"), 1))
                painter.drawRect(QRectF(begin, _OVERHANG, x - begin, _HEIGHT - 1))
        border = sum(self._domain) * width
        if self._domain and self._general:
            painter.fillRect(QRectF(round(border), 0, 1, self.height()), theme.color("text"))
        painter.end()
