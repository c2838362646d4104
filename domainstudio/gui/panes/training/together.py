"""Other machines that train a run together with the chosen one: a box to tick for each."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.gui.widgets.form import empty_layout


class Together(QWidget):
    """The machines beside the chosen one, in the order in which they are listed.

    Signals:
        changed: another was ticked, or one no more.
    """

    changed = Signal()

    def __init__(self) -> None:
        """Offer none."""
        super().__init__()
        self._boxes: dict[str, CheckBox] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)

    @property
    def ticked(self) -> list[str]:
        """The names that are ticked."""
        return [name for name, box in self._boxes.items() if box.isChecked()]

    def show_names(self, names: list[str], ticked: list[str]) -> None:
        """Offer these, some of them ticked, without telling anybody."""
        if names == list(self._boxes):
            for name, box in self._boxes.items():
                box.setChecked(name in ticked)
            return
        empty_layout(self._column)
        self._boxes = {name: CheckBox(name) for name in names}
        for name, box in self._boxes.items():
            box.setChecked(name in ticked)
            box.clicked.connect(self.changed)
            self._column.addWidget(box)
        for box in list(self._boxes.values())[:1]:
            self.setFocusProxy(box)
