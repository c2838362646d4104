"""The forgetting budget: typed or dragged, with what it is the same as."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.form import WithUnit
from domainstudio.gui.widgets.share_slider import ShareSlider
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.units import format_change

MOST = 0.5
"""Nats a token at the right end of the slider; more can be typed."""
_FIELD_WIDTH = 136


class BudgetBox(QWidget):
    """A number in nats a token; empty draws no line.

    Signals:
        changed: the budget, a float or None, with every move.
        refused: the text that is no number from 0 up.
    """

    changed = Signal(object)
    refused = Signal(str)

    def __init__(self) -> None:
        """Begin without a budget."""
        super().__init__()
        self.field = QLineEdit()
        self.field.setAccessibleName(_("Forgetting budget"))
        self.field.setToolTip(_("Rise of general loss that you accept; leave it empty to draw no line"))
        self.field.setFixedHeight(theme.CONTROL)
        self.field.editingFinished.connect(self._on_edited)
        self.slider = ShareSlider(_("Forgetting budget"), token="forget")
        self.slider.valueChanged.connect(self._on_moved)
        self._words = Text("", "small", "text2", wrap=True)
        box = WithUnit(self.field, _("nats"))
        box.setFixedWidth(_FIELD_WIDTH)
        head = QHBoxLayout()
        head.addWidget(Text(_("Forgetting budget"), "strong"))
        head.addStretch(1)
        head.addWidget(box)
        ends = QHBoxLayout()
        ends.addWidget(Text(_("0, nothing may be lost"), "small", "text2"))
        ends.addStretch(1)
        ends.addWidget(Text(format_change(MOST), "small", "text2"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, 12)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addSpacing(8)
        layout.addWidget(self.slider)
        layout.addLayout(ends)
        layout.addWidget(self._words)
        layout.addStretch(1)

    def show_budget(self, budget: float | None, words: str) -> None:
        """Show a budget without telling anybody."""
        if not self.field.hasFocus() or not self.field.isModified():
            self.field.setText("" if budget is None else format_change(budget))
        self.slider.show_share(min(1.0, (budget or 0.0) / MOST))
        self._words.setText(words)

    def _on_moved(self, _value: int) -> None:
        budget = round(self.slider.share * MOST, 4)
        self.field.setModified(False)
        self.changed.emit(budget)

    def _on_edited(self) -> None:
        if not self.field.isModified():
            return
        self.field.setModified(False)
        text = self.field.text().strip().replace("−", "-").removeprefix("+")
        if not text:
            self.changed.emit(None)
            return
        try:
            budget = float(text)
        except ValueError:
            budget = -1.0
        if not 0 <= budget < float("inf"):
            self.refused.emit(self.field.text())
            return
        self.changed.emit(budget)

    def take_focus(self) -> None:
        """Put the focus on the field."""
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
