"""Which pairs are judged, and by whom: the queues, and a blind second review of the random sample."""

import getpass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui.widgets.buttons import Segments
from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.gui.widgets.text import tip
from domainstudio.language import translate as _

_KEYS = ("random", "uncertain", "near_miss", "list", "second")


class QueueChoice(QWidget):
    """The queues; below the random sample, the second reviewer.

    Signals:
        chosen: the key of a queue, when a person chose another.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        """Choose the random sample, judged by the person of this account."""
        super().__init__()
        names = [
            ("random", _("Random")),
            ("uncertain", _("Uncertain")),
            ("near_miss", _("Near misses")),
            ("list", _("Clusters")),
        ]
        self.segments = Segments(names, _("Which pairs are judged"))
        self.second = CheckBox(_("Blind second review by"))
        self.second.setToolTip(tip(_("What another judged of the random sample, without the verdict")))
        self.name = QLineEdit()
        self.name.setAccessibleName(_("Second reviewer"))
        self.name.setPlaceholderText(_("name"))
        self.name.setProperty("density", "small")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.second)
        row.addWidget(self.name, 1)
        self._row = QWidget()
        self._row.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.segments)
        layout.addWidget(self._row)
        self.segments.chosen.connect(self._on_chosen)
        self.second.clicked.connect(self._on_chosen)
        self._show_row()

    @property
    def key(self) -> str:
        """The chosen queue."""
        key = self.segments.key
        return "second" if key == "random" and self.second.isChecked() else key

    @property
    def reviewer(self) -> str:
        """Who judges: the name of this account, or that of the second reviewer."""
        name = self.name.text().strip() if self.key == "second" else ""
        return name or getpass.getuser()

    def choose(self, key: str) -> None:
        """Choose without telling anybody; unknown keys are left aside."""
        if key in _KEYS:
            self.segments.choose("random" if key == "second" else key)
            self.second.setChecked(key == "second")
            self._show_row()

    def _on_chosen(self) -> None:
        self._show_row()
        self.chosen.emit(self.key)

    def _show_row(self) -> None:
        self._row.setVisible(self.segments.key == "random")
        self.name.setEnabled(self.second.isChecked())
