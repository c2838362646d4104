"""The chosen method in key numbers, with one sentence of what they bear."""

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from domainstudio.evaluation.comparison import Estimate
from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.text import KeyNumber, Text
from domainstudio.language import translate as _
from domainstudio.mixture.notations import ratio_words
from domainstudio.units import format_change, format_rate, format_size
from domainstudio.workflow.protection.laboratory_table import LaboratoryRow
from domainstudio.workflow.protection.method_words import method_words
from domainstudio.workflow.protection.protecting import Shown, is_made_afterwards


class ChosenMethod(QWidget):
    """Replay, peak rate, gain and forgetting of the method that Training would be given."""

    def __init__(self) -> None:
        """Show dashes until a method is chosen."""
        super().__init__()
        self._replay, self._rate = KeyNumber(_("Replay")), KeyNumber(_("Peak learning rate"))
        self._gain = KeyNumber(_("Measured gain"), "domain")
        self._forgetting = KeyNumber(_("Measured forgetting"), "forget")
        self._icon, self._words = QLabel(), Text("", "text", "text2", wrap=True)
        self._state = ""
        numbers = QHBoxLayout()
        numbers.setSpacing(32)
        for number in (self._replay, self._rate, self._gain, self._forgetting):
            numbers.addWidget(number)
        numbers.addStretch(1)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self._words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, 12)
        layout.setSpacing(8)
        layout.addLayout(numbers)
        layout.addLayout(line)
        layout.addStretch(1)
        theme.notifier.changed.connect(self._draw)

    def show_method(self, shown: Shown, row: LaboratoryRow) -> None:
        """Show a measured method of a laboratory."""
        run = shown.run_of(row.method).run
        replay = sum(source.share for source in run.sources if source.role == "general")
        self._replay.show_value(f"{100 * replay:.1f}", "%", _("general {ratio} domain").format(
            ratio=ratio_words(replay)) if replay else _("domain text alone"))  # fmt: skip
        self._rate.show_value(format_rate(run.recipe.stage.learning_rate), "", method_words(row.method))
        self._gain.show_value(format_change(row.gain.mean), _("nats"), _range(row.gain))
        self._forgetting.show_value(format_change(row.forgetting.mean), _("nats"), _range(row.forgetting))
        self._say(shown, row)

    def show_nothing(self, words: str) -> None:
        """Show dashes, and why."""
        for number in (self._replay, self._rate, self._gain, self._forgetting):
            number.show_value("–")
        self._state = ""
        self._words.setText(words)
        self._draw()

    def _say(self, shown: Shown, row: LaboratoryRow) -> None:
        budget = shown.work.budget
        if budget is None:
            self._state, words = "", _("No budget is set.")
        elif row.is_within:
            self._state = "ready"
            words = _("Within the budget of {budget}, with its whole interval over {seeds} seeds.")
            if row.forgetting.half is None:
                words = _("Within the budget of {budget}, with one seed: another may say otherwise.")
        else:
            self._state = "attention"
            words = _("Over the budget of {budget}, or its interval reaches beyond.")
        words = words.format(budget=format_change(budget or 0.0), seeds=row.seeds)
        after = _("It is made after training: train unprotected, then take it in Export.")
        self._words.setText(f"{words} {after if is_made_afterwards(row.method) else _cost(shown, row)}")
        self._draw()

    def _draw(self) -> None:
        self._icon.setVisible(bool(self._state))
        if self._state:
            self._icon.setPixmap(icons.state_pixmap(self._state))


def _cost(shown: Shown, row: LaboratoryRow) -> str:
    """Return what a method takes beyond plain training."""
    words = _("It takes {memory} more on each device and {seconds} s before the first step.")
    return words.format(
        memory=format_size(shown.extra_bytes[row.method]), seconds=f"{max(0.0, row.preparation_seconds):.1f}"
    )


def _range(found: Estimate) -> str:
    if found.half is None:
        return _("one seed")
    return _("{low} to {high}").format(low=format_change(found.low), high=format_change(found.high))
