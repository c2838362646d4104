"""The pair to judge: what would be removed and its kept witness, and what differs."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.corpus.audit.difference import Block
from domainstudio.gui import icons, theme
from domainstudio.gui.panes.corpus.words import place_words
from domainstudio.gui.panes.duplicates.texts import MarkedText, side, together
from domainstudio.gui.panes.duplicates.view import PairView
from domainstudio.gui.widgets.buttons import IconButton, Segments
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.text import ElidedText, Text, tip
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count
from domainstudio.workflow.corpus.sources import DocumentText

SIDE_BY_SIDE, INLINE = "side by side", "inline"


class _Head(QWidget):
    """What a text is, its number, where it came from."""

    def __init__(self, icon: str, token: str) -> None:
        super().__init__()
        self._icon_name = (icon, token)
        self._icon = QLabel()
        self._title = ElidedText("", "strong")
        self._origin = ElidedText("", "small", "text2")
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self._icon)
        line.addWidget(self._title, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self._origin)
        theme.notifier.changed.connect(self._draw)
        self._draw()

    def show_document(self, title: str, document: DocumentText) -> None:
        """Show a document's facts."""
        self._title.setText(title)
        facts = [_("document {number}").format(number=format_count(document.row.id)), document.source]
        facts.append(place_words(document.origin, document.position))
        facts.append(_("{number} characters").format(number=format_count(document.row.characters)))
        self._origin.setText(" · ".join(facts))
        self._origin.setToolTip(tip(document.origin))

    def show_nothing(self) -> None:
        """Show no document."""
        self._title.setText("")
        self._origin.setText("")

    def _draw(self) -> None:
        self._icon.setPixmap(icons.pixmap(*self._icon_name, 14))


class PairTexts(QWidget):
    """Both texts with their difference, side by side or in one, and the way from change to change.

    Signals:
        change_shown: the number of the change that is in view.
    """

    change_shown = Signal(int)

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._view: PairView | None = None
        self._change = 0
        self._similarity, self._facts = Text("", "strong"), ElidedText("", "text", "text2")
        shapes = [(SIDE_BY_SIDE, _("Side by side")), (INLINE, _("Inline"))]
        self.shape = Segments(shapes, _("How the difference is shown"))
        self.shape.chosen.connect(self._on_shape_chosen)
        self._before = IconButton("chevron-left", _("Previous change"), self._on_before_clicked)
        self._place = Text("", "small", "text2")
        self._next = IconButton("chevron-right", _("Next change"), self._on_next_clicked)
        self.removed, self.kept = MarkedText(_("Text that would be removed")), MarkedText(_("Kept text"))
        self.both = MarkedText(_("Both texts in one"))
        self._heads = [_Head("close", "attention"), _Head("tick-ring", "ok")]
        self._pages = QStackedWidget()
        self._of_pairs: list[QWidget] = [self.shape, self._before, self._place, self._next]
        """What a text that is judged alone has no use for."""
        self._lay_out()

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(theme.SPLIT_PADDING, 8, theme.SPLIT_PADDING, 8)
        line.setSpacing(12)
        line.addWidget(self._similarity)
        line.addWidget(self._facts, 1)
        line.addWidget(self.shape)
        for widget in (self._before, self._place, self._next):
            line.addWidget(widget)
        heads = QHBoxLayout()
        heads.setSpacing(0)
        line_between = hairline(is_vertical=True)
        for head in self._heads:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(theme.SPLIT_PADDING, 10, theme.SPLIT_PADDING, 0)
            column.addWidget(head)
            heads.addWidget(box, 1)
            if head is self._heads[0]:
                heads.addWidget(line_between)
                self._of_pairs += [box, line_between]
        beside = QWidget()
        columns = QHBoxLayout(beside)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(0)
        for number, text in enumerate((self.removed, self.kept)):
            if number:
                columns.addWidget(hairline(is_vertical=True))
            columns.addLayout(_padded(text), 1)
        one = QWidget()
        one.setLayout(_padded(self.both))
        self._pages.addWidget(beside)
        self._pages.addWidget(one)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(hairline())
        layout.addLayout(heads)
        layout.addWidget(self._pages, 1)

    def show_pair(self, view: PairView, threshold: float) -> None:
        """Show a pair from its first change on."""
        self._view, pair = view, view.pair
        row = pair.row
        is_alone = pair.kept is None or row.similarity is None
        for widget in self._of_pairs:
            widget.setVisible(not is_alone)
        self._pages.setCurrentIndex(is_alone or self.shape.key == INLINE)
        if pair.kept is None or row.similarity is None:
            self._show_alone(pair.removed)
            return
        self._similarity.setText(_("Similarity {similarity}").format(similarity=f"{row.similarity:.2f}"))
        is_below = view.queue.name == "near_miss"
        would = _("Just below the threshold") if is_below else _("Would be removed")
        self._heads[0].show_document(would, pair.removed)
        self._heads[1].show_document(_("Kept: the witness"), pair.kept)
        left, right = pair.removed.text, pair.kept.text
        self.removed.show_pieces(side(view.parts, left, right, is_right=False))
        self.kept.show_pieces(side(view.parts, left, right, is_right=True))
        self.both.show_pieces(together(view.parts, left, right))
        distance = abs(row.similarity - threshold)
        self._facts.setText(_facts(distance, is_below, len(self.both.changes), view.parts))
        self._go_to(0)

    def _show_alone(self, document: DocumentText) -> None:
        self._similarity.setText(_("Survivor"))
        self._facts.setText(_("a kept text: is it fit to train on?"))
        self._heads[1].show_document(document.row.title, document)
        self.both.show_pieces(iter([(document.text, "same")]))
        for text in (self.removed, self.kept):
            text.show_pieces(iter(()))
        self._go_to(0)

    def show_nothing(self) -> None:
        """Show that there is no pair."""
        self._view = None
        self._similarity.setText(_("No pair"))
        self._facts.setText("")
        for head in self._heads:
            head.show_nothing()
        for text in (self.removed, self.kept, self.both):
            text.show_pieces(iter(()))
        self._go_to(0)

    def step(self, by: int) -> None:
        """Go some changes on or back."""
        self._go_to(self._change + by)

    def _go_to(self, change: int) -> None:
        count = max(len(text.changes) for text in (self.removed, self.kept, self.both))
        self._change = min(max(0, change), max(0, count - 1))
        for text in (self.removed, self.kept, self.both):
            text.go_to(min(self._change, len(text.changes) - 1))
        words = _("{number} of {count}").format(number=self._change + 1, count=count)
        self._place.setText(words if count else _("No change"))
        self._before.setEnabled(self._change > 0)
        self._next.setEnabled(self._change + 1 < count)
        self.change_shown.emit(self._change)

    def _on_shape_chosen(self, shape: str) -> None:
        self._pages.setCurrentIndex(shape == INLINE)

    def _on_before_clicked(self) -> None:
        self.step(-1)

    def _on_next_clicked(self) -> None:
        self.step(1)


def _padded(text: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setContentsMargins(theme.SPLIT_PADDING, 2, 4, 0)
    column.addWidget(text)
    return column


def _facts(distance: float, is_below: bool, count: int, parts: Sequence[object]) -> str:
    """Say how far a pair is from the line, and how many changes there are.

    On which side it is the queue says: a similarity of 0.9 in single precision is less than 0.9.
    """
    slight = sum(isinstance(part, Block) and part.weight not in (None, "content") for part in parts)
    line = _("below the line by {difference}") if is_below else _("above the line by {difference}")
    words = line.format(difference=format_change(distance, 2).lstrip("+"))
    changes = _("changes: {count}").format(count=format_count(count))
    if slight:
        changes += ", " + _("{count} in case, space or punctuation only").format(count=format_count(slight))
    return f"{words}; {changes}"
