"""How a text is cut: a box to paste into, a random document, and the coloured pieces."""

from functools import partial

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.pieces_view import PiecesView
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.gui.widgets.typed_text import TypedText
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.cutting import MOST_CHARACTERS, CutText, cut_random_document, cut_text


class CutBox(QWidget):
    """Cuts what is typed or pasted soon after the last key, and documents at a click."""

    def __init__(self, session: Session) -> None:
        """Show an empty box."""
        super().__init__()
        self._session = session
        self.field = TypedText(_("Text to cut"))
        self.field.typed.connect(self._on_typed)
        self.sources = QComboBox()
        self.sources.setProperty("density", "small")
        self.sources.setAccessibleName(_("Source of the random document"))
        self.sources.setMinimumWidth(160)
        self.random = SecondaryButton(_("A random document"), self._on_random_clicked, "dice").make_small()
        self.pieces = PiecesView()
        self.count = Text("", "small", "text2", wrap=True)
        self.line = ProblemLine()
        self._build()
        self._show_count(None)

    def show_sources(self, names: list[str]) -> None:
        """Offer these sources for the random document."""
        wanted = [_("All sources"), *names]
        if wanted != [self.sources.itemText(number) for number in range(self.sources.count())]:
            chosen = self.sources.currentText()
            self.sources.clear()
            self.sources.addItems(wanted)
            self.sources.setCurrentIndex(max(0, self.sources.findText(chosen)))

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(Text(_("How a text is cut"), "strong"))
        tools.addStretch(1)
        tools.addWidget(self.sources)
        tools.addWidget(self.random)
        boxes = QHBoxLayout()
        boxes.setSpacing(16)
        boxes.addWidget(self.field, 2)
        boxes.addWidget(self.pieces, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(tools)
        layout.addLayout(boxes, 1)
        layout.addWidget(self.count)
        layout.addWidget(self.line)

    def cut_again(self) -> None:
        """Cut the text that is shown with another tokenizer."""
        self._on_typed()

    def _on_typed(self) -> None:
        text = self.field.toPlainText()
        if text:
            question = partial(cut_text, text=text[: MOST_CHARACTERS + 1])
            self._session.read(question, self._on_cut, self._on_failed)
        else:
            self.pieces.show_pieces((), "")
            self._show_count(None)

    def _on_random_clicked(self) -> None:
        chosen = self.sources.currentText() if self.sources.currentIndex() > 0 else ""
        self._session.read(partial(_random, source=chosen), self._on_document, self._on_failed)

    def _on_document(self, found: CutText) -> None:
        self.field.show_text(found.text)
        self._on_cut(found)

    def _on_cut(self, found: CutText) -> None:
        self.line.clear()
        self._show_count(found)
        self.pieces.show_pieces(found.pieces, self.count.text())

    def _on_failed(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))

    def _show_count(self, found: CutText | None) -> None:
        if found is None:
            self.count.setText(_("Each ground is one token; its number shows under the pointer."))
            return
        size_bytes, tokens = len(found.text.encode()), len(found.pieces)
        words = _(
            "{tokens} tokens for {characters} characters: {per_token} characters, {bytes} bytes a token."
        )
        parts = [
            words.format(
                tokens=format_count(tokens),
                characters=format_count(len(found.text)),
                per_token=f"{len(found.text) / max(1, tokens):.2f}",
                bytes=f"{size_bytes / max(1, tokens):.2f}",
            )
        ]
        if found.is_beginning:
            parts.append(_("Only the beginning is shown."))
        if any(not piece.is_whole for piece in found.pieces):
            parts.append(_("Bytes that are no whole character are shown in hexadecimal."))
        if found.source:
            parts.append(_("From {source}: {title}").format(source=found.source, title=found.title))
        self.count.setText(" ".join(parts))


def _random(project: Project, source: str) -> CutText:
    return cut_random_document(project, source)
