"""Labels in the styles of the look."""

from PySide6 import QtGui
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from domainstudio.gui import theme

_LINE_CHARACTERS = 4000
"""A longer line is shown as several: laying out one of 200,000 characters would freeze the window."""


def tip(text: str) -> str:
    """Return a tooltip that shows a text as it is: Qt would read <…> in it as markup, with its pictures."""
    return QtGui.Qt.convertFromPlainText(text) if QtGui.Qt.mightBeRichText(text) else text


def broken(text: str) -> str:
    """Return a text whose longest lines are broken, for showing."""
    if len(text) <= _LINE_CHARACTERS:
        return text
    lines = []
    for line in text.split("\n"):
        lines += [line[at : at + _LINE_CHARACTERS] for at in range(0, len(line), _LINE_CHARACTERS)] or [""]
    return "\n".join(lines)


def draw_elided(painter: QPainter, room: QRect, text: str, style: str, token: str) -> None:
    """Draw a text on one line, in a style and a colour of the look; what does not fit is cut off."""
    font = theme.font(style)
    painter.setFont(font)
    painter.setPen(theme.color(token))
    fitting = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, fitting)


class Text(QLabel):
    """A label in a style and a colour of the look; follows the theme."""

    def __init__(self, text: str = "", style: str = "text", token: str = "text", wrap: bool = False) -> None:
        """Show plain `text` (never markup)."""
        super().__init__(text)
        self._token = token
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setForegroundRole(QPalette.ColorRole.WindowText)  # within a button too
        self.setFont(theme.font(style))
        self.setWordWrap(wrap)
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        theme.notifier.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        dressed = QPalette(self.palette())
        dressed.setColor(QPalette.ColorRole.WindowText, theme.color(self._token))
        self.setPalette(dressed)


class ElidedText(Text):
    """A label of one line that ends in an ellipsis where there is no room; the tooltip has all of it."""

    def setText(self, text: str) -> None:  # noqa: N802
        """Show another text."""
        super().setText(text)
        self.setToolTip(tip(text))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size that leaves room for a few letters."""
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw as much as there is room for."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.color(self._token))
        elided = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment(), elided)
        painter.end()


class KeyNumber(QWidget):
    """A key number: small label above, the number large with its unit, one fact below."""

    def __init__(self, label: str, token: str = "text2") -> None:
        """Show a dash until a value is known."""
        super().__init__()
        self.label = Text(label, "small strong" if token != "text2" else "small", token)
        self._number = Text("–", "number")
        self._unit = Text("", "text", "text2")
        self._fact = ElidedText("", "small", "text2")
        for text in (self.label, self._number, self._fact):  # a letter of another face moves nothing
            text.setFixedHeight(text.fontMetrics().height() + 1)
            text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        raised = self._number.fontMetrics().descent() - self._unit.fontMetrics().descent()
        self._unit.setContentsMargins(0, 0, 0, raised)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._number)
        line.addWidget(self._unit, 0, Qt.AlignmentFlag.AlignBottom)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.label)
        layout.addLayout(line)
        layout.addWidget(self._fact)
        layout.addStretch(1)

    def show_value(self, number: str, unit: str = "", fact: str = "") -> None:
        """Show a number with its unit beside it and a fact below."""
        self._number.setText(number)
        self._unit.setText(unit)
        self._fact.setText(fact)
        self.setAccessibleName(f"{self.label.text()}: {number} {unit} {fact}".strip())
