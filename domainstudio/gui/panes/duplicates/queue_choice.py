"""What is judged, and by whom: the queues, and the name of the second reviewer."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from domainstudio.corpus.audit.verdicts import account_name
from domainstudio.language import translate as _


class QueueChoice(QWidget):
    """The queues; below the second review, who gives it.

    Signals:
        chosen: the key of a queue, when a person chose another.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        """Choose the random sample, judged by the person of this account."""
        super().__init__()
        self.box = QComboBox()
        self.box.setAccessibleName(_("What is judged"))
        for key, words in _queues().items():
            self.box.addItem(words, key)
        self.name = QLineEdit()
        self.name.setAccessibleName(_("Second reviewer"))
        self.name.setPlaceholderText(_("name of the second reviewer"))
        for field in (self.box, self.name):
            field.setProperty("density", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.box)
        layout.addWidget(self.name)
        self.box.activated.connect(self._on_chosen)
        self._show_name()

    @property
    def key(self) -> str:
        """The chosen queue."""
        return str(self.box.currentData())

    @property
    def reviewer(self) -> str:
        """Who judges: the name of this account, or that of the second reviewer."""
        name = self.name.text().strip() if self.key == "second" else ""
        return name or account_name()

    def choose(self, key: str) -> None:
        """Choose without telling anybody; unknown keys are left aside."""
        place = self.box.findData(key)
        if place >= 0:
            self.box.setCurrentIndex(place)
            self._show_name()

    def _on_chosen(self) -> None:
        self._show_name()
        self.chosen.emit(self.key)

    def _show_name(self) -> None:
        self.name.setVisible(self.key == "second")


def _queues() -> dict[str, str]:
    return {
        "random": _("Random sample, feeds the estimate"),
        "uncertain": _("Uncertain, nearest to the line"),
        "near_miss": _("Near misses, just below it"),
        "list": _("Clusters, the largest first"),
        "survivor": _("Survivors, texts that are kept"),
        "second": _("Second review, blind"),
    }
