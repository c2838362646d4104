"""The tab Arithmetic: a number of tokens, words, sentences or books in all the others, by source."""

from functools import partial

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.project import Project
from domainstudio.tokenizer.arithmetic import UNITS, Unit
from domainstudio.units import parse_count
from domainstudio.workflow.tokenizer.amount_words import amount_text, name_words, note_words, unit_words
from domainstudio.workflow.tokenizer.text_amounts import Amount, amounts

_BEGIN, _NUMBER, _SHOWN_ROWS = "100M", 132, 12


class AmountTab(TokenizerTab):
    """Reckons anew with every key."""

    key = "arithmetic"

    def __init__(self, session: Session) -> None:
        """Begin with a hundred million tokens."""
        super().__init__(session, _("Arithmetic"))
        self.field = QLineEdit(_BEGIN)
        self.field.setAccessibleName(_("Amount"))
        self.field.setFixedWidth(160)
        self.field.textChanged.connect(self.refresh)
        self.unit = QComboBox()
        self.unit.setAccessibleName(_("Unit of the amount"))
        self.unit.addItems([unit_words(unit) for unit in UNITS])
        self.unit.currentIndexChanged.connect(self.refresh)
        self.line, self.note = ProblemLine(), Text("", "small", "text2", wrap=True)
        self.model = RowsModel(_columns())
        self.table = Table(_("The amount in every unit"))
        self.table.show_model(self.model)
        asked = QHBoxLayout()
        asked.setSpacing(8)
        asked.addWidget(self.field)
        asked.addWidget(self.unit)
        asked.addStretch(1)
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(12)
        layout.addLayout(beside_table(Text(_("How much text is that?"), "strong"), asked, self.line))
        layout.addWidget(self.table)
        layout.addLayout(beside_table(self.note))
        layout.addStretch(1)

    def refresh(self) -> None:
        """Reckon with what was typed."""
        try:
            count = parse_count(self.field.text(), "amount")
        except UserError as error:
            self.line.say("problem", sentence(error.problem))
            return
        self.line.clear()
        unit = UNITS[self.unit.currentIndex()]
        self.session.read(partial(_amounts, count=count, unit=unit), self._on_amounts, self._on_failed)

    def _on_amounts(self, found: list[Amount]) -> None:
        self.model.show_rows(found)
        self.table.fit_height(_SHOWN_ROWS)
        self.note.setText(note_words(bool(found) and found[0].is_measured))

    def _on_failed(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))


def _amounts(project: Project, count: int, unit: Unit) -> list[Amount]:
    return amounts(project, count, unit)


def _columns() -> list[Column]:
    return [
        Column(_("Source"), _name, style=lambda _row: "strong"),
        *(Column(unit_words(unit), partial(_in, unit=unit), is_number=True, width=_NUMBER) for unit in UNITS),
    ]


def _name(row: Amount) -> str:
    return name_words(row.ratios.name)


def _in(row: Amount, unit: Unit) -> str:
    return amount_text(row.units.get(unit))
