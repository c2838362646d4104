"""A box to type or paste a text into, which tells when the person pauses."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QPlainTextEdit

from domainstudio.language import translate as _

_PAUSE_MILLISECONDS = 200


class TypedText(QPlainTextEdit):
    """A text field; Tab leaves it.

    Signals:
        typed: the text was changed by the person, who pauses now.
    """

    typed = Signal()

    def __init__(self, name: str) -> None:
        """Show an empty field; `name` is what a screen reader says."""
        super().__init__()
        self.setPlaceholderText(_("Paste or type a text"))
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self.typed)
        self.textChanged.connect(self._pause.start)

    def show_text(self, text: str) -> None:
        """Show a text that nobody typed: nothing is told of it."""
        self.setPlainText(text)
        self._pause.stop()
