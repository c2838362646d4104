"""Whether this corpus needs an adaptation: the verdict, what it rests on, and the terms that are new."""

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.workflow.tokenizer.need import Need
from domainstudio.workflow.tokenizer.need_words import number_words, verdict_words

_SHOWN_TERMS = 24


class NeedBox(QWidget):
    """A few sentences, and a button that measures the base."""

    def __init__(self, measure: Callable[[], object]) -> None:
        """Show nothing yet; `measure` is called at a click."""
        super().__init__()
        self.verdict = Text("", "strong", wrap=True)
        self.numbers = Text("", "small", "text2", wrap=True)
        self.terms = Text("", "small", "text2", wrap=True)
        self.measure = SecondaryButton(_("Measure the base"), measure).make_small()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.verdict, 1)
        head.addWidget(self.measure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 8)
        layout.setSpacing(4)
        layout.addWidget(Text(_("Does this corpus need an adaptation?"), "small", "text2"))
        layout.addLayout(head)
        layout.addWidget(self.numbers)
        layout.addWidget(self.terms)

    def show_need(self, need: Need | None, *, can_measure: bool) -> None:
        """Show what was measured; nothing where the current tokenizer was not compared."""
        self.setVisible(need is not None)
        if need is None:
            return
        self.verdict.setText(verdict_words(need))
        self.numbers.setText(" ".join(number_words(need)))
        listed = " · ".join(term.text for term in need.new_terms[:_SHOWN_TERMS])
        self.terms.setText(_("New terms of the field: {list}").format(list=listed))
        self.terms.setVisible(bool(listed))
        self.measure.setVisible(can_measure)

    def show_work(self, is_at_work: bool) -> None:
        """Let nobody start a second measurement while one goes on."""
        self.measure.setEnabled(not is_at_work)
        self.measure.setText(_("Measuring…") if is_at_work else _("Measure the base"))
