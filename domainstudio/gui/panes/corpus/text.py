"""The text of one document or one rejection, with where it came from and what became of it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from domainstudio.corpus.facts import RejectionRecord
from domainstudio.gui import icons, theme
from domainstudio.gui.panes.corpus.words import language_words, place_words, reason_words, state_words
from domainstudio.gui.widgets.buttons import IconButton, LinkButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import ElidedText, Text, broken, tip
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.documents import HELD_OUT, KEPT, TRAINING
from domainstudio.units import format_count
from domainstudio.workflow.corpus.sources import SHOWN_CHARACTERS, DocumentText


class DocumentView(QWidget):
    """One document as plain text.

    Signals:
        step_requested: −1 for the document before, 1 for the next.
        document_requested: the id of the document that this one repeats.
    """

    step_requested = Signal(int)
    document_requested = Signal(int)

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._witness: int | None = None
        self._state = ""
        self._title = ElidedText("", "strong")
        self._before = IconButton("chevron-left", _("Previous document"), self._on_before_clicked)
        self._place = Text("", "small", "text2")
        self._next = IconButton("chevron-right", _("Next document"), self._on_next_clicked)
        self._origin = ElidedText("", "small", "text2")
        self._icon = QLabel()
        self._words = Text("", "small", "text2")
        self._link = LinkButton(_("Show the other"), self._on_link_clicked, "small")
        self._problem = ProblemLine()
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setProperty("role", "document")
        self.text.setAccessibleName(_("Text of the document"))
        self.text.setTabChangesFocus(True)
        self.text.document().setDocumentMargin(0)
        self.text.setStyleSheet(
            "QPlainTextEdit { border: none; padding: 0; } QPlainTextEdit:focus { border: none; padding: 0; }"
        )
        theme.notifier.changed.connect(self._draw_icon)
        self._lay_out()
        self.show_nothing("")

    def _lay_out(self) -> None:
        head = QWidget()
        head.setFixedHeight(48)
        row = QHBoxLayout(head)
        row.setContentsMargins(theme.SPLIT_PADDING, 0, theme.SPLIT_PADDING, 0)
        row.setSpacing(4)
        row.addWidget(self._title, 1)
        for widget in (self._before, self._place, self._next):
            row.addWidget(widget)
        facts = QHBoxLayout()
        facts.setSpacing(6)
        facts.addWidget(self._icon)
        facts.addWidget(self._words)
        facts.addWidget(self._link)
        facts.addStretch(1)
        body = QVBoxLayout()
        body.setContentsMargins(theme.SPLIT_PADDING, 10, 4, 0)
        body.setSpacing(4)
        problem = QHBoxLayout()
        problem.setContentsMargins(0, 0, theme.SPLIT_PADDING - 4, 0)
        problem.addWidget(self._problem)
        body.addLayout(problem)
        body.addWidget(self._origin)
        body.addLayout(facts)
        body.addSpacing(4)
        body.addWidget(self.text, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(hairline())
        layout.addLayout(body, 1)

    def show_nothing(self, words: str) -> None:
        """Show why there is no document."""
        self._head("", words)
        self._facts("", "", None)
        self.text.setPlainText("")
        self.set_steps(False, False)

    def show_document(self, document: DocumentText, place: str) -> None:
        """Show a document; `place` is its position in words, empty for one that is not in the list."""
        row = document.row
        self._head(row.title, place)
        facts = [place_words(document.origin, document.position), document.source]
        facts += [language_words(row.language)] if row.language else []
        facts.append(_("{number} characters").format(number=format_count(row.characters)))
        self._origin.setText(" · ".join(facts))
        self._origin.setToolTip(tip(document.origin))
        words = state_words(row.state)
        if row.state == HELD_OUT:
            words = _("Kept, held out for testing: never trained on")
        elif document.witness is not None:
            words = _("{state}: {title}").format(state=words, title=document.witness.title)
        state = {TRAINING: "ready", HELD_OUT: "ready"}.get(row.state, "info")
        self._facts(state, words, row.witness if row.state not in KEPT else None)
        self._show_text(document.text)
        if row.characters > SHOWN_CHARACTERS:
            self._problem.say(
                "attention",
                _("Only the first {shown} of {number} characters are shown.").format(
                    shown=format_count(SHOWN_CHARACTERS), number=format_count(row.characters)
                ),
            )

    def show_rejection(self, record: RejectionRecord) -> None:
        """Show what an import could not use."""
        self._head(reason_words(record.reason), "")
        self._origin.setText(place_words(record.origin, record.position))
        self._origin.setToolTip(tip(record.origin))
        self._facts("attention", state_words("rejected"), None)
        self._show_text(record.detail)
        self.set_steps(False, False)

    def show_problem(self, problem: Problem) -> None:
        """Say why the text cannot be shown."""
        self.show_nothing("")
        self._problem.say("problem", sentence(problem))

    def set_steps(self, has_before: bool, has_next: bool) -> None:
        """Allow or forbid stepping through the list."""
        self._before.setEnabled(has_before)
        self._next.setEnabled(has_next)

    def _head(self, title: str, place: str) -> None:
        self._problem.clear()
        self._title.setText(title)
        self._place.setText(place)

    def _facts(self, state: str, words: str, witness: int | None) -> None:
        self._state, self._witness = state, witness
        self._words.setText(words)
        self._link.setVisible(witness is not None)
        self._link.setAccessibleName(_("Show the document that this one repeats"))
        if not state:
            self._origin.setText("")
        self._draw_icon()

    def _show_text(self, text: str) -> None:
        self.text.setPlainText(broken(text))

    def _draw_icon(self) -> None:
        self._icon.setVisible(bool(self._state))
        if self._state:
            self._icon.setPixmap(icons.state_pixmap(self._state))

    def _on_before_clicked(self) -> None:
        self.step_requested.emit(-1)

    def _on_next_clicked(self) -> None:
        self.step_requested.emit(1)

    def _on_link_clicked(self) -> None:
        if self._witness is not None:
            self.document_requested.emit(self._witness)
