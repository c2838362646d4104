"""An evaluation item that occurs: its text with the piece that a document shares, and its documents."""

import re
from collections.abc import Iterator

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.duplicates.texts import Kind, MarkedText
from domainstudio.gui.widgets.form import hairline, left_row
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.corpus.contamination import FoundItem, Holder

_SOURCE_WIDTH, _NUMBER_WIDTH = 150, 100


class FoundItemBox(QWidget):
    """One item; choosing a document marks in the item what that document has of it."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self.item: FoundItem | None = None
        self._head, self._count = Text("", "strong"), Text("", "text", "text2")
        self.text = MarkedText(_("Text of the item"))
        self.model = RowsModel(
            [
                Column(_("Document"), lambda holder: holder.title, tooltip=lambda holder: holder.title),
                Column(_("Source"), lambda holder: holder.source, width=_SOURCE_WIDTH),
                Column(_("Number"), lambda holder: str(holder.document), is_number=True, width=_NUMBER_WIDTH),
            ]
        )
        self.documents = Table(_("Documents that have a piece of the item"))
        self.documents.show_model(self.model)
        self.documents.selectionModel().currentRowChanged.connect(self._on_document_chosen)
        self._lay_out()

    def _lay_out(self) -> None:
        above = QVBoxLayout()
        above.setContentsMargins(theme.SPLIT_PADDING, 12, theme.SPLIT_PADDING, 8)
        above.setSpacing(6)
        above.addLayout(left_row(self._head, self._count))
        above.addWidget(self.text, 1)
        below = QVBoxLayout()
        below.setContentsMargins(theme.SPLIT_PADDING - OVERHANG, 0, theme.SPLIT_PADDING - OVERHANG, 0)
        below.addWidget(self.documents)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(above, 1)
        layout.addWidget(hairline())
        layout.addLayout(below, 1)

    def show_item(self, item: FoundItem) -> None:
        """Show an item; its documents come with `show_holders`."""
        self.item = item
        self._head.setText(_("Line {number}").format(number=format_count(item.item + 1)))
        words = (
            _("a piece of it is in {count} documents")
            if item.documents > 1
            else _("a piece is in one document")
        )
        self._count.setText(words.format(count=format_count(item.documents)))
        self.text.show_pieces(iter([(item.text, "same")]))
        self.model.show_rows([])

    def show_holders(self, holders: list[Holder]) -> None:
        """Show the documents of the item, the first chosen."""
        self.model.show_rows(holders)
        if holders:
            self.documents.setCurrentIndex(self.model.index(0, 0))

    def _on_document_chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if self.item is not None and current.isValid():
            holder: Holder = self.model.rows[current.row()]
            self.text.show_pieces(marked(self.item.text, holder.piece))
            self.text.go_to(0)


def marked(text: str, piece: str) -> Iterator[tuple[str, Kind]]:
    """Yield a text with a piece of it marked; the piece below it where folding has changed too much.

    Args:
        text: of an item.
        piece: folded: words with spaces between, where the text may have punctuation, other spaces or case.
    """
    between = r"[\W_]*"
    words = (between.join(map(re.escape, word)) for word in piece.split())
    found = re.search(between.join(words), text, re.IGNORECASE)
    if found is None:
        yield text + "\n", "same"
        yield _("In common: {piece}").format(piece=piece), "fold"
        return
    yield text[: found.start()], "same"
    yield found.group(), "changed"
    yield text[found.end() :], "same"
