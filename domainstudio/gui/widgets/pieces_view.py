"""A text as coloured pieces: neighbours on two grounds in turn, the token's number under the pointer."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QTextCharFormat, QTextCursor, QTextFormat
from PySide6.QtWidgets import QTextEdit, QToolTip

from domainstudio.gui import theme
from domainstudio.gui.widgets.text import tip
from domainstudio.language import translate as _
from domainstudio.tokenizer.pieces import Piece
from domainstudio.units import format_count

_GROUNDS = ("select", "band")
_NUMBER = QTextFormat.Property.UserProperty.value + 1
_LINE = "↵"


class PiecesView(QTextEdit):
    """Shows pieces read-only; a line break within one shows its sign and breaks the line."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self.pieces: Sequence[Piece] = ()
        self._cuts: list[int] = []
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(8)
        self.setAccessibleName(_("The text in pieces"))
        self.setPlaceholderText(_("Its tokens stand here"))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        theme.notifier.changed.connect(self._draw)

    def show_pieces(self, pieces: Sequence[Piece], words: str) -> None:
        """Show pieces; `words` say how many they are, for those who do not see the grounds."""
        self.pieces = pieces
        self.setAccessibleDescription(words)
        self._draw()

    def piece_at(self, place: QPoint) -> int | None:
        """Return the number of the piece at a place of the viewport, None if there is none."""
        cursor = self.cursorForPosition(place)
        if self.cursorRect(cursor).left() <= place.x():  # the letter under the pointer stands behind
            cursor.movePosition(QTextCursor.MoveOperation.Right)
        number = cursor.charFormat().property(_NUMBER)
        return number if isinstance(number, int) and number < len(self.pieces) else None

    def words_at(self, number: int) -> str:
        """Return what is known of a piece."""
        piece = self.pieces[number]
        words = _("Token {token}, bytes {first} to {last}")
        return words.format(
            token=format_count(piece.identifier),
            first=format_count(piece.start + 1),
            last=format_count(piece.end),
        )

    def _draw(self) -> None:
        self.clear()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        self._cuts = []
        grounds = [theme.color(token) for token in _GROUNDS]
        for number, piece in enumerate(self.pieces):
            form = QTextCharFormat()
            form.setBackground(grounds[number % 2])
            form.setForeground(theme.color("text" if piece.is_whole else "text2"))
            form.setProperty(_NUMBER, number)
            self._cuts.append(cursor.position())
            cursor.insertText(_shown(piece), form)
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    # Overridden from Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the text, then a line at every cut that can be seen."""
        super().paintEvent(event)
        area = self.viewport().rect()
        first = bisect_left(self._cuts, self.cursorForPosition(area.topLeft()).position())
        last = bisect_right(self._cuts, self.cursorForPosition(area.bottomRight()).position())
        painter = QPainter(self.viewport())
        painter.setPen(theme.color("border"))
        cursor = QTextCursor(self.document())
        for place in self._cuts[max(1, first) : last]:
            cursor.setPosition(place)
            rect = self.cursorRect(cursor)
            if not cursor.atBlockStart():
                painter.drawLine(rect.left(), rect.top(), rect.left(), rect.bottom())
        painter.end()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        """Tell the token under the pointer."""
        if isinstance(event, QHelpEvent):
            number = self.piece_at(event.pos())
            if number is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), tip(self.words_at(number)), self)
            return True
        return super().viewportEvent(event)


def _shown(piece: Piece) -> str:
    """Return a piece as it is drawn: bytes that are no whole character in hexadecimal."""
    if not piece.is_whole:
        return piece.shown or " "
    return piece.text.replace("\r", "").replace("\n", f"{_LINE}\n")
