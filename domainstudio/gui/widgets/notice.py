"""The line of the last notice, above the status strip: what ended, what was undone, what is the matter."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.buttons import IconButton
from domainstudio.gui.widgets.problem_line import severity_word
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _


class NoticeLine(QWidget):
    """Stays until it is closed or another notice comes; never a dialog."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._severity = "info"
        self._icon, self._text = QLabel(), Text("", wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 16, 6)
        layout.setSpacing(10)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._text, 1)
        close = IconButton("close", _("Close this notice"), self.hide)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.notifier.changed.connect(self._draw)
        self.hide()

    @property
    def text(self) -> str:
        """The words shown, empty if none."""
        return "" if self.isHidden() else self._text.text()

    def say(self, severity: str, text: str) -> None:
        """Show a notice: `info`, `attention` or `problem`."""
        self._severity = severity
        word = "" if severity == "info" else f"{severity_word(severity)} "  # type: ignore[arg-type]
        self._text.setText(word + text)
        self.setAccessibleName(word + text)
        self._draw()
        self.show()

    def _draw(self) -> None:
        self._icon.setPixmap(icons.state_pixmap(self._severity))
        self.update()

    # Overridden from Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Fill the ground: a tint for what is the matter, chrome for the rest."""
        painter = QPainter(self)
        ground = "chrome" if self._severity == "info" else f"{self._severity} tint"
        painter.fillRect(self.rect(), theme.color(ground))
        painter.fillRect(0, 0, self.width(), 1, theme.color("hairline"))
        painter.end()
