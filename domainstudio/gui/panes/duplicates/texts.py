"""Two texts and their difference: what is the same is left out, what matters is marked."""

from collections.abc import Iterator, Sequence
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit

from domainstudio.corpus.audit.difference import Block, Same
from domainstudio.gui import theme
from domainstudio.gui.widgets.text import broken
from domainstudio.language import translate as _
from domainstudio.units import format_count

Part = Block | Same
Kind = Literal["same", "changed", "dim", "gone", "come", "fold"]
"""changed: marked; dim: only case, space or punctuation; gone, come: of one text in both; fold: left out."""
_LINE_HEIGHT = 22


def side(parts: Sequence[Part], left: str, right: str, *, is_right: bool) -> Iterator[tuple[str, Kind]]:
    """Yield the pieces of one text."""
    text = right if is_right else left
    for part in parts:
        begin, end = part.right if is_right else part.left
        if isinstance(part, Same):
            yield fold_words(part), "fold"
        elif part.weight is None:
            yield text[begin:end], "same"
        else:
            yield text[begin:end], "changed" if part.weight == "content" else "dim"


def together(parts: Sequence[Part], left: str, right: str) -> Iterator[tuple[str, Kind]]:
    """Yield the pieces of both texts in one: what is gone before what has come."""
    for part in parts:
        before, after = left[slice(*part.left)], right[slice(*part.right)]
        if isinstance(part, Same):
            yield fold_words(part), "fold"
        elif part.weight is None:
            yield after, "same"
        elif part.weight == "content":
            yield before, "gone"
            yield after, "come"
        else:
            yield after or before, "dim"


def fold_words(part: Same) -> str:
    """Return what stands for paragraphs that are the same."""
    words = _("{paragraphs} paragraphs, {characters} characters, the same")
    return words.format(paragraphs=format_count(part.paragraphs), characters=format_count(part.characters))


class MarkedText(QTextEdit):
    """A text with marks; `changes` are where its changes begin.

    Signals:
        scrolled_to: the number of a change that was scrolled to by `go_to`.
    """

    scrolled_to = Signal(int)

    def __init__(self, name: str) -> None:
        """Show nothing; `name` is read out by screen readers."""
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet(
            "QTextEdit { border: none; padding: 0; } QTextEdit:focus { border: none; padding: 0; }"
        )
        self.changes: list[int] = []
        self._pieces: list[tuple[str, Kind]] = []
        theme.notifier.changed.connect(self._draw)

    def show_pieces(self, pieces: Iterator[tuple[str, Kind]]) -> None:
        """Show a text; neighbouring pieces of a change count as one."""
        self._pieces = [(broken(text), kind) for text, kind in pieces]
        self._draw()

    def go_to(self, change: int) -> None:
        """Bring a change into view."""
        if 0 <= change < len(self.changes):
            cursor = QTextCursor(self.document())
            cursor.setPosition(self.changes[change])
            self.setTextCursor(cursor)
            self.ensureCursorVisible()
            self.scrolled_to.emit(change)

    def _draw(self) -> None:
        self.setUpdatesEnabled(False)
        self.clear()
        self.changes = []
        cursor = QTextCursor(self.document())
        block = QTextBlockFormat()
        block.setLineHeight(_LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.setBlockFormat(block)
        before: Kind = "same"
        for text, kind in self._pieces:
            if kind == "fold":
                if cursor.positionInBlock():
                    cursor.insertBlock(block)
                cursor.insertText(text, _format("fold"))
                cursor.insertBlock(block)
            else:
                if kind != "same" and before in ("same", "fold"):
                    self.changes.append(cursor.position())
                cursor.insertText(text, _format(kind))
            before = kind
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self.setUpdatesEnabled(True)


def _format(kind: Kind) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setFont(theme.font("small" if kind == "fold" else "text"))
    made.setForeground(theme.color("text2" if kind in ("fold", "gone") else "text"))
    if kind in ("changed", "gone", "come"):
        made.setBackground(theme.color("mark"))
        made.setFontUnderline(kind != "gone")
        made.setFontStrikeOut(kind == "gone")
    elif kind == "dim":
        made.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
        made.setUnderlineColor(theme.color("border"))
    if kind == "fold":
        made.setFontWeight(QFont.Weight.Normal)
    return made
