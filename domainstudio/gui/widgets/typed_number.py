"""A key number that can be typed: shown large, a field once it is clicked or Enter is pressed on it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

_FIELD_WIDTH = 112


class TypedNumber(QWidget):
    """A label, a number with its unit, and a field in their place while a person types.

    Signals:
        typed: the text that was entered.
    """

    typed = Signal(str)

    def __init__(self, label: str) -> None:
        """Show a dash until a value is known."""
        super().__init__()
        self._label = label
        self._number = QPushButton("–")
        self._number.setProperty("role", "number")
        self._number.setCursor(Qt.CursorShape.IBeamCursor)
        self._number.setFont(theme.font("number"))
        self._number.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._number.setToolTip(_("Click to type"))
        self._number.setAutoDefault(False)
        self._number.clicked.connect(self.begin_typing)
        self._unit = Text("", "text", "text2")
        self._unit.setContentsMargins(0, 0, 0, 5)
        self.field = QLineEdit()
        self.field.setAccessibleName(label)
        self.field.setFixedWidth(_FIELD_WIDTH)
        self.field.hide()
        self.field.returnPressed.connect(self._on_return_pressed)
        self.field.installEventFilter(self)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._number)
        line.addWidget(self.field)
        line.addWidget(self._unit, 0, Qt.AlignmentFlag.AlignBottom)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Text(label, "small", "text2"))
        layout.addLayout(line)

    def show_value(self, number: str, unit: str = "") -> None:
        """Show a number with its unit beside it."""
        self._number.setText(number)
        self._number.setFixedSize(self._number.fontMetrics().horizontalAdvance(number) + 4, 40)
        self._unit.setText(unit)
        self._number.setAccessibleName(f"{self._label}: {number} {unit}".rstrip())

    @property
    def text(self) -> str:
        """The number that is shown."""
        return self._number.text()

    def begin_typing(self) -> None:
        """Put a field with the number in its place."""
        if self._number.isEnabled():
            self.field.setText(self._number.text())
            self._number.hide()
            self.field.show()
            self.field.setFocus(Qt.FocusReason.OtherFocusReason)
            self.field.selectAll()

    def set_typeable(self, is_typeable: bool) -> None:
        """Allow or forbid typing."""
        self._number.setEnabled(is_typeable)

    def _end_typing(self) -> None:
        had_focus = self.field.hasFocus()
        self.field.hide()
        self._number.show()
        if had_focus:
            self._number.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_return_pressed(self) -> None:
        text = self.field.text()
        self._end_typing()
        self.typed.emit(text)

    # Overridden from Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Leave the field with Escape, and when the focus goes elsewhere: then what was typed counts."""
        if watched is self.field and self.field.isVisible():
            if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape:
                    self._end_typing()
                    return True
            elif event.type() == QEvent.Type.FocusOut and self.field.isModified():
                self._on_return_pressed()
            elif event.type() == QEvent.Type.FocusOut:
                self._end_typing()
        return super().eventFilter(watched, event)
