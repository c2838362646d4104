"""What is the matter with a mixture, each as a sentence with its remedies beside the table."""

import math
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.scale import Scale
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Portion
from domainstudio.units import format_count

SHOWN = 3


class ShortageLine(ProblemLine):
    """A source that has too little text for its share.

    Signals:
        share_requested: (source, the share for which its text suffices).
        epochs_requested: how often text would have to be allowed to repeat.
        tokens_requested: tokens in all for which its text suffices.
    """

    share_requested = Signal(str, float)
    epochs_requested = Signal(float)
    tokens_requested = Signal(object)

    def __init__(self) -> None:
        """Say nothing."""
        super().__init__()
        self._portion: Portion | None = None
        self._allowed = 0

    def show_portion(self, portion: Portion, max_epochs: float, is_locked: bool, scale: Scale) -> None:
        """Say what is missing and what would mend it."""
        self._portion, self._allowed = portion, int(portion.available * max_epochs)
        links = []
        if not is_locked:
            share = 100 * self._allowed / portion.tokens * portion.share
            links.append((_("Lower to {share:.1f} %").format(share=share), self._on_share_clicked))
        if portion.available:
            epochs = format_count(math.ceil(portion.epochs))
            links.append((_("Allow {epochs} epochs").format(epochs=epochs), self._on_epochs_clicked))
            fewer = _("Train on {tokens} tokens").format(tokens=_with_unit(self._enough, scale))
            links.append((fewer, self._on_tokens_clicked))
        self.say("attention", shortage_words(portion, max_epochs, scale), links)

    @property
    def _enough(self) -> int:
        return int(self._allowed / self._portion.share) if self._portion else 0

    def _on_share_clicked(self) -> None:
        if self._portion:
            share = self._allowed / self._portion.tokens * self._portion.share
            self.share_requested.emit(self._portion.source, share)

    def _on_epochs_clicked(self) -> None:
        if self._portion:
            self.epochs_requested.emit(float(math.ceil(self._portion.epochs)))

    def _on_tokens_clicked(self) -> None:
        self.tokens_requested.emit(self._enough)


class Shortages(QWidget):
    """The sources that fall short, the first few as sentences.

    Signals:
        share_requested, epochs_requested, tokens_requested: as those of a line.
    """

    share_requested = Signal(str, float)
    epochs_requested = Signal(float)
    tokens_requested = Signal(object)

    def __init__(self) -> None:
        """Say nothing."""
        super().__init__()
        self.lines = [ShortageLine() for _number in range(SHOWN)]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for line in self.lines:
            line.share_requested.connect(self.share_requested)
            line.epochs_requested.connect(self.epochs_requested)
            line.tokens_requested.connect(self.tokens_requested)
            layout.addWidget(line)

    def show_portions(
        self, short: Sequence[Portion], max_epochs: float, locked: frozenset[str], scale: Scale
    ) -> None:
        """Say which of the portions fall short."""
        for number, line in enumerate(self.lines):
            if number < len(short):
                portion = short[number]
                line.show_portion(portion, max_epochs, portion.source in locked, scale)
            else:
                line.clear()


def shortage_words(portion: Portion, max_epochs: float, scale: Scale) -> str:
    """Return what is missing of a source, in words."""
    if not portion.available:
        return _("{source} has no training tokens.").format(source=portion.source)
    words = _("{source} is read {epochs} times: {tokens} tokens come again, over the limit of {most} epochs.")
    return words.format(
        source=portion.source,
        epochs=f"{portion.epochs:,.2f}",
        tokens=_with_unit(portion.repeated, scale),
        most=f"{max_epochs:.2f}",
    )


def _with_unit(count: int, scale: Scale) -> str:
    return f"{scale.text(count)} {scale.sign}".rstrip()
