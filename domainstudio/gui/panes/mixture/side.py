"""Beside the mixture: published ones to start from, with their reasons, and how much text it is."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.scale import scale_of
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.mixture.amount import TextAmount
from domainstudio.mixture.notations import ratio_words
from domainstudio.mixture.presets import PRESETS, MixturePreset
from domainstudio.tokenizer.arithmetic import BOOK_UNSPACED, BOOK_WORDS
from domainstudio.units import format_count

WIDTH, _INDENT = 304, 24
_SAME = 0.0005
"""Replay that differs by less is shown as the same."""
_NAMED_AS_RATIO = 0.5
"""From here on people write a ratio, below it the share of replay."""
_SHOWN_SHARE = 0.01
"""Words, or characters without word spaces, below this share of the characters are not told apart."""


class MixturePresets(QWidget):
    """Presets of which the one that the mixture follows is marked, if it follows any.

    Signals:
        preset_chosen: the name of a preset.
    """

    preset_chosen = Signal(str)

    def __init__(self) -> None:
        """Show every preset with its reason and caveat."""
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(Text(_("Start from"), "strong"))
        for preset in PRESETS.values():
            layout.addLayout(self._row(preset))
        self._group.buttonClicked.connect(self._on_button_clicked)

    def show_replay(self, replay: float, is_settable: bool) -> None:
        """Mark the preset that has this share of general text."""
        self._group.setExclusive(False)
        for name, button in self.buttons.items():
            button.setChecked(abs(PRESETS[name].replay - replay) < _SAME)
            button.setEnabled(is_settable)
        self._group.setExclusive(True)

    def _row(self, preset: MixturePreset) -> QVBoxLayout:
        ratio = _("general {ratio} domain").format(ratio=ratio_words(preset.replay))
        if preset.replay < _NAMED_AS_RATIO:
            ratio = _("general {share:.0f} %").format(share=100 * preset.replay)
        reason, caveat = _(preset.reason), f"{_(preset.caveat)} ({preset.source})"
        button = QRadioButton(_(preset.title))
        button.setFont(Text("", "strong").font())
        button.setAccessibleName(f"{_(preset.title)}, {ratio}")
        button.setAccessibleDescription(f"{reason} {caveat}")
        self._group.addButton(button)
        self.buttons[preset.name] = button
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(button)
        head.addWidget(Text(ratio, "text", "text2"))
        head.addStretch(1)
        words = QVBoxLayout()
        words.setContentsMargins(_INDENT, 0, 0, 0)
        words.setSpacing(0)
        for label in (Text(reason, "small", "text2", wrap=True), Text(caveat, "small", "text", wrap=True)):
            width = WIDTH - _INDENT
            label.setFixedSize(width, label.heightForWidth(width))  # Qt would ask for the width of the pane
            words.addWidget(label)
        row = QVBoxLayout()
        row.setSpacing(0)
        row.addLayout(head)
        row.addLayout(words)
        return row

    def _on_button_clicked(self) -> None:
        for name, button in self.buttons.items():
            if button.isChecked():
                self.preset_chosen.emit(name)


class AmountOfText(QWidget):
    """How many words, characters and books a mixture is."""

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__()
        self._lines = [(Text("", "text", "text2"), Text("")) for _number in range(4)]
        self._rules = [hairline() for _number in range(4)]
        self._note = Text("", "small", "text2", wrap=True)
        self._note.setFixedWidth(WIDTH)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(5)
        layout.setColumnStretch(0, 1)
        layout.addWidget(Text(_("How much text is that?"), "strong"), 0, 0, 1, 2)
        for number, ((label, value), rule) in enumerate(zip(self._lines, self._rules, strict=True)):
            layout.addWidget(label, 2 * number + 1, 0)
            layout.addWidget(value, 2 * number + 1, 1, Qt.AlignmentFlag.AlignRight)
            layout.addWidget(rule, 2 * number + 2, 0, 1, 2)
        layout.addWidget(self._note, 9, 0, 1, 2)

    def show_amount(self, amount: TextAmount | None) -> None:
        """Show an amount; None says why there is none."""
        lines = _lines(amount) if amount else []
        for number, ((label, value), rule) in enumerate(zip(self._lines, self._rules, strict=True)):
            is_shown = number < len(lines)
            for widget in (label, value, rule):
                widget.setVisible(is_shown)
            if is_shown:
                label.setText(lines[number][0])
                value.setText(lines[number][1])
        self._note.setText(_note(amount))

    @property
    def lines(self) -> Sequence[tuple[str, str]]:
        """The lines that are shown."""
        return [(label.text(), value.text()) for label, value in self._lines if not label.isHidden()]


def _lines(amount: TextAmount) -> list[tuple[str, str]]:
    scale = scale_of(amount.characters)
    lines = []
    if amount.words > _SHOWN_SHARE * amount.characters or not amount.unspaced:
        lines.append((scale.titled(_("Words")), scale.text(amount.words)))
    if amount.unspaced > _SHOWN_SHARE * amount.characters:
        lines.append((scale.titled(_("Chinese characters")), scale.text(amount.unspaced)))
    lines.append((scale.titled(_("Characters")), scale.text(amount.characters)))
    books = f"{amount.books:,.0f}" if amount.books >= 100 else f"{amount.books:,.1f}"
    return [*lines, (_("Books"), books)]


def _note(amount: TextAmount | None) -> str:
    if amount is None:
        return _("Not measured when these token files were packed: pack again.")
    words = _(
        "Measured with this tokenizer on this corpus, words on {documents} of its documents. A book is "
        "{words} words or {characters} Chinese characters."
    )
    return words.format(
        documents=format_count(amount.documents_sampled),
        words=format_count(BOOK_WORDS),
        characters=format_count(BOOK_UNSPACED),
    )
