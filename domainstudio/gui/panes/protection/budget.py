"""The forgetting budget: typed or dragged, in one of three units, with what it is the same as."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.share_slider import ShareSlider
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.units import format_change
from domainstudio.workflow.protection.protecting import Limit, Unit

_ENDS: dict[Unit, tuple[float, float]] = {
    "nats": (0.0, 0.5), "percent": (0.0, 20.0), "canaries": (100.0, 50.0),
}  # fmt: skip
"""Values at the ends of the slider, from nothing lost; more can be typed."""
_USUAL: dict[Unit, float] = {"nats": 0.05, "percent": 3.0, "canaries": 90.0}
"""What stands there when a unit is chosen: arXiv 2407.17467, 2406.01375, the last a rule of ours."""
_FIELD_WIDTH = 84


class BudgetBox(QWidget):
    """A limit; an empty field sets none.

    Signals:
        changed: Limit, with every move.
        refused: the text that is no such number.
    """

    changed = Signal(object)
    refused = Signal(str)

    def __init__(self) -> None:
        """Begin without a limit."""
        super().__init__()
        self._limit = Limit("nats", None)
        self.field = QLineEdit()
        self.field.setAccessibleName(_("Forgetting budget"))
        self.field.setToolTip(_("What you accept to be lost; leave it empty to set no limit"))
        self.field.setFixedSize(_FIELD_WIDTH, theme.CONTROL)
        self.field.editingFinished.connect(self._on_edited)
        self.unit = QComboBox()
        self.unit.setAccessibleName(_("Unit of the budget"))
        for key, words in (("nats", _("nats")), ("percent", _("% loss")), ("canaries", _("% facts kept"))):
            self.unit.addItem(words, key)
        self.unit.activated.connect(self._on_unit_chosen)
        self.slider = ShareSlider(_("Forgetting budget"), token="forget")
        self.slider.valueChanged.connect(self._on_moved)
        self._most, self._words = Text("", "small", "text2"), Text("", "small", "text2", wrap=True)
        head = QHBoxLayout()
        head.addWidget(Text(_("Forgetting budget"), "strong"))
        head.addStretch(1)
        head.addWidget(self.field)
        head.addWidget(self.unit)
        ends = QHBoxLayout()
        ends.addWidget(Text(_("nothing may be lost"), "small", "text2"))
        ends.addStretch(1)
        ends.addWidget(self._most)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, 12)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addSpacing(8)
        layout.addWidget(self.slider)
        layout.addLayout(ends)
        layout.addWidget(self._words)
        layout.addStretch(1)

    def show_limit(self, limit: Limit, words: str) -> None:
        """Show a limit without telling anybody."""
        self._limit = limit
        if not self.field.hasFocus() or not self.field.isModified():
            self.field.setText("" if limit.value is None else _number(limit))
        self.unit.setCurrentIndex(self.unit.findData(limit.unit))
        least, most = _ENDS[limit.unit]
        share = 0.0 if limit.value is None else (limit.value - least) / (most - least)
        self.slider.show_share(max(0.0, min(1.0, share)))
        self._most.setText(_number(replace(limit, value=most)))
        self._words.setText(words)

    def take_focus(self) -> None:
        """Put the focus on the field."""
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_moved(self, _value: int) -> None:
        least, most = _ENDS[self._limit.unit]
        self.field.setModified(False)
        digits = 4 if self._limit.unit == "nats" else 2
        value = round(least + self.slider.share * (most - least), digits)
        self.changed.emit(replace(self._limit, value=value))

    def _on_unit_chosen(self) -> None:
        unit: Unit = self.unit.currentData()
        if unit != self._limit.unit:
            self.field.setModified(False)
            self.changed.emit(Limit(unit, _USUAL[unit]))

    def _on_edited(self) -> None:
        if not self.field.isModified():
            return
        self.field.setModified(False)
        text = self.field.text().strip().replace("−", "-").removeprefix("+").removesuffix("%").strip()
        if not text:
            self.changed.emit(replace(self._limit, value=None))
            return
        most = 100.0 if self._limit.unit == "canaries" else float("inf")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not (0 <= value <= most and value < float("inf")):
            self.refused.emit(self.field.text())
            return
        self.changed.emit(replace(self._limit, value=value))


def _number(limit: Limit) -> str:
    """Return the number of a limit as it is shown."""
    assert limit.value is not None
    if limit.unit == "canaries":
        return f"{limit.value:g}"
    return format_change(limit.value, 3 if limit.unit == "nats" else 1)
