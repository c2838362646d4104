"""Undo and redo keys in a field: the field's own while there is typing to take back, else the project's."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QWidget


class UndoKeys(QObject):
    """Watches the field with the focus: Qt keeps these keys even where a field has nothing to undo."""

    def __init__(self, application: QApplication) -> None:
        """Follow the focus from now on."""
        super().__init__(application)
        application.focusChanged.connect(self._on_focus_changed)

    def _on_focus_changed(self, _before: QWidget | None, now: QWidget | None) -> None:
        if isinstance(now, QLineEdit | QAbstractSpinBox | QPlainTextEdit):
            now.installEventFilter(self)

    # Overridden from Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Leave the keys to the window's actions where the field cannot use them."""
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        can_undo, can_redo = _own(watched)
        is_undo = event.matches(QKeySequence.StandardKey.Undo)
        is_redo = event.matches(QKeySequence.StandardKey.Redo)
        if (is_undo and not can_undo) or (is_redo and not can_redo):
            event.ignore()
            return True
        return False


def _own(field: QObject) -> tuple[bool, bool]:
    """Return whether a field has typing to take back, and to make again."""
    if isinstance(field, QPlainTextEdit):
        return field.document().isUndoAvailable(), field.document().isRedoAvailable()
    line = field.lineEdit() if isinstance(field, QAbstractSpinBox) else field
    assert isinstance(line, QLineEdit)
    return line.isUndoAvailable(), line.isRedoAvailable()
