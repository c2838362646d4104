"""One text cut by two tokenizers, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.pieces_view import PiecesView
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.gui.widgets.typed_text import TypedText
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.tokenizer.pieces import Piece
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.comparing import KnownTokenizer, cut_by
from domainstudio.workflow.tokenizer.cutting import MOST_CHARACTERS, random_text

_HEIGHT = 120


@dataclass(frozen=True)
class BothCut:
    """A text in the pieces of two tokenizers."""

    text: str
    pieces: tuple[list[Piece], list[Piece]]
    is_beginning: bool = False
    """Of a longer text."""


def cut_both(project: Project, text: str | None, paths: tuple[str, str]) -> BothCut:
    """Return a text, a random document's beginning if it is None, as two tokenizers cut it."""
    shown = random_text(project) if text is None else text[:MOST_CHARACTERS]
    pieces = cut_by(project, paths[0], shown), cut_by(project, paths[1], shown)
    return BothCut(shown, pieces, is_beginning=text is not None and len(text) > len(shown))


class SideBySide(QWidget):
    """A box to paste into, and twice its pieces."""

    def __init__(self, session: Session) -> None:
        """Show an empty box."""
        super().__init__()
        self._session = session
        self._paths: list[str] = []
        self.field = TypedText(_("Text to cut by two tokenizers"))
        self.field.setFixedHeight(_HEIGHT // 2)
        self.field.typed.connect(self._on_typed)
        self.random = SecondaryButton(_("A random document"), self._on_random_clicked, "dice").make_small()
        self.boxes = [QComboBox(), QComboBox()]
        self.views = [PiecesView(), PiecesView()]
        self.counts = [Text("", "small", "text2"), Text("", "small", "text2")]
        self.line = ProblemLine()
        self._build()

    def show_tokenizers(self, known: list[KnownTokenizer]) -> None:
        """Offer these tokenizers; at first the first two are chosen."""
        paths = [one.path for one in known]
        if paths == self._paths:
            return
        self._paths = paths
        for number, box in enumerate(self.boxes):
            chosen = box.currentText()
            box.blockSignals(True)
            box.clear()
            box.addItems([one.name for one in known])
            place = box.findText(chosen) if chosen else min(number, len(known) - 1)
            box.setCurrentIndex(max(0, place))
            box.blockSignals(False)
        self._on_typed()

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.addWidget(Text(_("One text, two tokenizers"), "strong"))
        tools.addStretch(1)
        tools.addWidget(self.random)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for number, (box, view, count) in enumerate(zip(self.boxes, self.views, self.counts, strict=True)):
            box.setProperty("density", "small")
            box.setAccessibleName(_("Tokenizer on the left") if number == 0 else _("Tokenizer on the right"))
            box.currentIndexChanged.connect(self._on_typed)
            view.setMinimumHeight(_HEIGHT)
            grid.addWidget(box, 0, number)
            grid.addWidget(view, 1, number)
            grid.addWidget(count, 2, number)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(tools)
        layout.addWidget(self.field)
        layout.addLayout(grid, 1)
        layout.addWidget(self.line)

    def _on_typed(self) -> None:
        text = self.field.toPlainText()
        if text and self._paths:
            self._ask(text, self._on_cut)
        else:
            for view, count in zip(self.views, self.counts, strict=True):
                view.show_pieces((), "")
                count.setText("")

    def _on_random_clicked(self) -> None:
        if self._paths:
            self._ask(None, self._on_document)

    def _ask(self, text: str | None, answered: Callable[[BothCut], None]) -> None:
        left, right = (self._paths[max(0, box.currentIndex())] for box in self.boxes)
        self._session.read(partial(cut_both, text=text, paths=(left, right)), answered, self._on_failed)

    def _on_document(self, found: BothCut) -> None:
        self.field.show_text(found.text)
        self._on_cut(found)

    def _on_cut(self, found: BothCut) -> None:
        self.line.clear()
        size_bytes = len(found.text.encode())
        for view, count, pieces in zip(self.views, self.counts, found.pieces, strict=True):
            words = _("{tokens} tokens, {bytes} bytes a token").format(
                tokens=format_count(len(pieces)), bytes=f"{size_bytes / max(1, len(pieces)):.2f}"
            )
            if found.is_beginning:
                words = f"{words}. {_('Only the beginning is shown.')}"
            count.setText(words)
            view.show_pieces(pieces, words)

    def _on_failed(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))
