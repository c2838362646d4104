"""The command list (Ctrl+K): type a few letters, Enter does it."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.shortcuts import Command
from domainstudio.gui.widgets.table import Column, RowsModel, Table
from domainstudio.language import translate as _

WIDTH, HEIGHT = 520, 400


class CommandPalette(QDialog):
    """A field and the commands that match it.

    Signals:
        chosen: the name of a command.
    """

    chosen = Signal(str)

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        """Offer these commands."""
        super().__init__(parent)
        self.setWindowTitle(_("Find a command"))
        self.setFixedSize(WIDTH, HEIGHT)
        self._commands = list(commands)
        self._field = QLineEdit()
        self._field.setPlaceholderText(_("Type what you want to do"))
        self._field.setAccessibleName(_("Find a command"))
        self._field.textChanged.connect(self._on_text_changed)
        self._field.returnPressed.connect(self._on_return_pressed)
        self._field.installEventFilter(self)
        self._model = RowsModel(
            [
                Column(_("Command"), lambda command: command.text),
                Column(_("Keys"), lambda command: command.keys, True, lambda _: "text2", width=140),
            ]
        )
        self._table = Table(_("Commands"))
        self._table.show_model(self._model)
        self._table.activated.connect(self._on_activated)
        self._table.clicked.connect(self._on_activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.SPLIT_PADDING] * 4)
        layout.addWidget(self._field)
        layout.addWidget(self._table)
        self._on_text_changed("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let Up and Down in the field move in the list."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            move = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if move and self._model.rows:
                self._table.selectRow((self._table.selected_row + move) % len(self._model.rows))
                return True
        return super().eventFilter(watched, event)

    def _on_text_changed(self, text: str) -> None:
        words = text.casefold().split()
        found = [one for one in self._commands if all(word in one.text.casefold() for word in words)]
        self._model.show_rows(found)
        if found:
            self._table.selectRow(0)

    def _on_return_pressed(self) -> None:
        self._choose(self._table.selected_row)

    def _on_activated(self, index: object) -> None:
        self._choose(self._table.selected_row)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._model.rows):
            name = self._model.rows[row].name
            self.accept()
            self.chosen.emit(name)
