"""A heading with a small table below it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from domainstudio.gui.widgets.table import Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text

_MOST_ROWS = 8


class Part(QWidget):
    """A heading with its table, or with the words that stand for an empty one."""

    def __init__(self, title: str, columns: list[Column], nothing: str) -> None:
        """Show no rows; without `nothing` to say, whoever holds it hides it then."""
        super().__init__()
        self.model, self.table = RowsModel(columns), Table(title)
        self.table.show_model(self.model)
        self._nothing = Text(nothing, "text", "text2")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(beside_table(Text(title, "strong"), self._nothing))
        layout.addWidget(self.table)
        self.show_rows([])

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows."""
        self.model.show_rows(rows)
        self.table.fit_height(_MOST_ROWS)
        self.table.setVisible(bool(rows))
        self._nothing.setVisible(not rows)
