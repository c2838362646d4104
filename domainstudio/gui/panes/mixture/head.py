"""Above the sources: three notations of one mixture that can be typed, its size, and the bar of all."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.form import WithUnit
from domainstudio.gui.widgets.mixture_bar import MixtureBar
from domainstudio.gui.widgets.scale import Scale
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.gui.widgets.text import Text
from domainstudio.gui.widgets.typed_number import TypedNumber
from domainstudio.language import translate as _
from domainstudio.mixture.editing import Balance
from domainstudio.mixture.notations import parse_ratio, parse_share, ratio_words
from domainstudio.problems import UserError
from domainstudio.units import parse_count

_TOKENS_WIDTH, _EPOCHS_WIDTH = 136, 88
_MOST_EPOCHS = 1000


class MixtureHead(QWidget):
    """Shows and takes the numbers of the mixture as a whole.

    Signals:
        replay_typed: the share of general text, 0 to 1, in whichever notation it was typed.
        tokens_typed: tokens to train on.
        epochs_typed: how often text may repeat.
        refused: UserError, what was typed is no such number.
    """

    replay_typed = Signal(float)
    tokens_typed = Signal(object)
    epochs_typed = Signal(float)
    refused = Signal(object)

    def __init__(self) -> None:
        """Show dashes until numbers are known."""
        super().__init__()
        self._sign = ""
        self.ratio = TypedNumber(_("General to domain"))
        self.replay = TypedNumber(_("Replay"))
        self.domain = TypedNumber(_("Domain"))
        self.tokens = QLineEdit()
        self.tokens.setAccessibleName(_("Tokens to train on"))
        self.tokens.setToolTip(_("A number in the unit shown, or with its own: 245k, 20M, 2万"))
        self.epochs = QDoubleSpinBox()
        self.epochs.setRange(0.01, _MOST_EPOCHS)
        self.epochs.setSingleStep(0.5)
        self.epochs.setKeyboardTracking(False)
        self.epochs.setAlignment(Qt.AlignmentFlag.AlignRight)
        name_spin_box(self.epochs, _("Epochs, at most"))
        self.bar = MixtureBar()
        self._left, self._right = Text("", "small", "text2"), Text("", "small", "text2")
        self._build()
        self.ratio.typed.connect(self._on_ratio_typed)
        self.replay.typed.connect(self._on_replay_typed)
        self.domain.typed.connect(self._on_domain_typed)
        self.tokens.editingFinished.connect(self._on_tokens_edited)
        self.epochs.valueChanged.connect(self.epochs_typed)

    def show_numbers(self, balance: Balance, tokens: int, max_epochs: float, scale: Scale) -> None:
        """Show a mixture without telling anybody."""
        replay = balance.replay
        low, high = balance.replay_limits()
        self.ratio.show_value(ratio_words(replay))
        self.replay.show_value(f"{100 * replay:.1f}", "%")
        self.domain.show_value(f"{100 * (1 - replay):.1f}", "%")
        for number in (self.ratio, self.replay, self.domain):
            number.set_typeable(low < high)
        self._sign = scale.sign
        self._unit.show_unit(scale.sign)
        if not self.tokens.hasFocus() or not self.tokens.isModified():
            self.tokens.setText(scale.text(tokens))
        self.epochs.blockSignals(True)
        if round(max_epochs, 2) != self.epochs.value():
            self.epochs.setValue(max_epochs)
        self.epochs.blockSignals(False)
        self._show_bar(balance)

    def focus_field(self, field: str) -> None:
        """Put the focus on `tokens` or `max_epochs`."""
        (self.epochs if field == "max_epochs" else self.tokens).setFocus()

    def _show_bar(self, balance: Balance) -> None:
        general = [share for name, share in balance.shares.items() if name in balance.general]
        domain = [share for name, share in balance.shares.items() if name not in balance.general]
        left = _("domain {share:.1f} %").format(share=100 * (1 - balance.replay))
        right = _("general {share:.1f} %").format(share=100 * balance.replay)
        self._left.setText(left)
        self._right.setText(right if general else "")
        self.bar.show_shares(domain, general, f"{left}, {right}")

    def _build(self) -> None:
        self._unit = WithUnit(self.tokens, "")
        self._unit.setFixedWidth(_TOKENS_WIDTH)
        self.tokens.setFixedHeight(theme.CONTROL)
        self.epochs.setFixedSize(_EPOCHS_WIDTH, theme.CONTROL)
        numbers = QHBoxLayout()
        numbers.setSpacing(32)
        for number in (self.ratio, self.replay, self.domain):
            numbers.addWidget(number)
        numbers.addStretch(1)
        numbers.addLayout(_labelled(_("Tokens to train on"), self._unit))
        numbers.addLayout(_labelled(_("Epochs, at most"), self.epochs))
        ends = QHBoxLayout()
        ends.addWidget(self._left)
        ends.addStretch(1)
        ends.addWidget(self._right)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(numbers)
        layout.addSpacing(12)
        layout.addWidget(self.bar)
        layout.addLayout(ends)

    def _on_ratio_typed(self, text: str) -> None:
        try:
            self.replay_typed.emit(parse_ratio(text))
        except UserError as error:
            self.refused.emit(error)

    def _on_replay_typed(self, text: str) -> None:
        try:
            self.replay_typed.emit(parse_share(text))
        except UserError as error:
            self.refused.emit(error)

    def _on_domain_typed(self, text: str) -> None:
        try:
            self.replay_typed.emit(1 - parse_share(text))
        except UserError as error:
            self.refused.emit(error)

    def _on_tokens_edited(self) -> None:
        if not self.tokens.isModified():
            return
        self.tokens.setModified(False)
        text = self.tokens.text().strip()
        has_unit = bool(text) and text[-1].isalpha()
        try:
            self.tokens_typed.emit(parse_count(text if has_unit else text + self._sign, "tokens"))
        except UserError as error:
            self.refused.emit(error)


def _labelled(label: str, control: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(4)
    column.addWidget(Text(label, "small", "text2"))
    column.addWidget(control)
    column.addStretch(1)
    return column
