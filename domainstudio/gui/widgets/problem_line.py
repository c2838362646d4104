"""A problem sentence: icon, word, what is the matter, and the remedies as links, on its tint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import empty_layout
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

Severity = Literal["attention", "problem"]


def severity_word(severity: Severity) -> str:
    """Return the word that opens a sentence of this severity."""
    return _("Attention.") if severity == "attention" else _("Problem.")


class _Words(Text):
    """A sentence whose first word is strong, in one flow."""

    def __init__(self) -> None:
        super().__init__("", "text", wrap=True)
        self._words = ""
        self.setTextFormat(Qt.TextFormat.RichText)

    def show_words(self, first: str, rest: str) -> None:
        gap = "" if first.endswith("。") else " "
        self._words = f"{first}{gap}{rest}"
        lines = escape(rest, quote=False).replace("\n", "<br>")
        self.setText(f'<span style="font-weight: 600">{escape(first, quote=False)}</span>{gap}{lines}')

    def text(self) -> str:
        """Return what is read, without markup."""
        return self._words


class ProblemLine(QWidget):
    """Hidden until something is to be said; stands beside what it is about."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._severity: Severity = "attention"
        self._icon = QLabel()
        self._sentence = ""
        self._text = _Words()
        self._buttons = list[LinkButton]()
        self._links = QHBoxLayout()
        self._links.setSpacing(16)
        self._links.addStretch(1)  # without links too: else the icon would take the sentence's room
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._text)
        words.addLayout(self._links)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        theme.notifier.changed.connect(self._dress)
        self.hide()

    def say(
        self, severity: Severity, text: str, links: Sequence[tuple[str, Callable[[], object]]] = ()
    ) -> None:
        """Show a sentence with (link text, slot) remedies."""
        self._severity = severity
        self._sentence = text
        self._text.show_words(severity_word(severity), text)
        self.setAccessibleName(f"{severity_word(severity)} {text}")
        self._show_links(links)
        self._dress()
        self.show()

    def _show_links(self, links: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Show the remedies; links that are there already stay, for one may be held down."""
        if [button.text() for button in self._buttons] == [words for words, _slot in links]:
            for button, (_words, slot) in zip(self._buttons, links, strict=True):
                button.set_slot(slot)
            return
        empty_layout(self._links)
        self._buttons = [LinkButton(words, slot) for words, slot in links]
        for button in self._buttons:
            self._links.addWidget(button)
        self._links.addStretch(1)

    def clear(self) -> None:
        """Say nothing."""
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown, empty if none."""
        return self._sentence if not self.isHidden() else ""

    def _dress(self) -> None:
        self._icon.setPixmap(icons.state_pixmap(self._severity))
        self.update()

    # Overridden from Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Fill the ground with the tint."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(f"{self._severity} tint"))
        painter.end()


@dataclass(frozen=True)
class PaneProblem:
    """Something to look at in a pane: the problems bar shows it and jumps to its field."""

    severity: Severity
    text: str
    field: str = ""
