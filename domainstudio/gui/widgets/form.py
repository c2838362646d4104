"""Forms: a label, a control and its help on one row; sections parted by a hairline."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui.widgets.text import Text

LABEL_WIDTH, CONTROL_WIDTH = 144, 184


def hairline(is_vertical: bool = False) -> QFrame:
    """Return a hairline divider."""
    line = QFrame()
    line.setProperty("role", "vertical hairline" if is_vertical else "hairline")
    return line


def narrow_page(page: QWidget, width: int) -> QVBoxLayout:
    """Lay a column of at most `width` pixels into the upper left of a page and return its layout."""
    box = QWidget()
    box.setMaximumWidth(width)
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(box)
    outer.addStretch(1)
    return column


def left_row(*widgets: QWidget) -> QHBoxLayout:
    """Return a row of widgets that stand at the left."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return row


def scrolled(page: QWidget) -> QScrollArea:
    """Return a page that scrolls where there is no room, with the focus of what it holds."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area


def empty_layout(layout: QLayout) -> None:
    """Take everything out of a layout; its widgets are hidden until they go, a frame later."""
    while item := layout.takeAt(0):
        if widget := item.widget():
            widget.hide()
            widget.deleteLater()


class Section(QWidget):
    """The heading of a part of a form; every one but the first has a hairline above."""

    def __init__(self, title: str, has_line: bool = True) -> None:
        """Show the title."""
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 4)
        layout.setSpacing(16)
        if has_line:
            layout.addWidget(hairline())
        layout.addWidget(Text(title, "strong"))


class FormRow(QWidget):
    """Label, control, help of at most three lines, and below the control why its value is refused."""

    def __init__(self, label: str, control: QWidget, help_text: str = "") -> None:
        """Name the control after its label unless it has a name."""
        super().__init__()
        self.control = control
        words = Text(label, wrap=True)
        words.setBuddy(control)
        words.setFixedWidth(LABEL_WIDTH)
        control.setMinimumWidth(CONTROL_WIDTH)
        control.setMaximumWidth(CONTROL_WIDTH)
        if not control.accessibleName():
            control.setAccessibleName(label)
        if help_text:
            control.setAccessibleDescription(help_text)
        self.help = Text(help_text, "small", "text2", wrap=True)
        self._error = Text("", "small", "problem", wrap=True)
        self._error.hide()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setHorizontalSpacing(16)
        layout.setVerticalSpacing(2)
        layout.addWidget(words, 0, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(control, 0, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.help, 0, 2)
        layout.addWidget(self._error, 1, 1, 1, 2)
        layout.setColumnStretch(2, 1)

    def show_error(self, text: str) -> None:
        """Say below the control why its value is refused; an empty text takes the sentence away."""
        self._error.setText(text)
        self._error.setVisible(bool(text))
        self.control.setProperty("state", "problem" if text else "")
        self.control.style().unpolish(self.control)
        self.control.style().polish(self.control)


class WithUnit(QWidget):
    """A field with its unit inside at the right."""

    def __init__(self, field: QWidget, unit: str) -> None:
        """Lay the unit over the right end of the field."""
        super().__init__()
        self.field = field
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(field)
        self._unit: QLabel = Text(unit, "text", "text2")
        self._unit.setParent(self)
        self._unit.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._unit.adjustSize()
        self.setFocusProxy(field)

    def show_unit(self, unit: str) -> None:
        """Show another unit."""
        if unit != self._unit.text():
            self._unit.setText(unit)
            self._unit.adjustSize()
            self.resizeEvent(None)

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """Keep the unit at the right end."""
        x = self.width() - self._unit.width() - 10
        self._unit.move(x, (self.height() - self._unit.height()) // 2)
        self._unit.raise_()
