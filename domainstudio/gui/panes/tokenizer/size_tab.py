"""The tab Size: one training, the whole curve, and the chosen size on its way to Train."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.choices import VocabularyChoices, number_field
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import FormRow, hairline
from domainstudio.gui.widgets.plot import Plot
from domainstudio.gui.widgets.plot_content import Content, EndLabel, EventLine, PlotLine, Range, Reading
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.tokenizer.training.splitting import Split, VocabularyKind
from domainstudio.tokenizer.training.train import MINIMUM_SIZE
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.size_words import row_of, sentences, small_text_words
from domainstudio.workflow.tokenizer.sizes_found import newest_sizing
from domainstudio.workflow.tokenizer.sizing import DEFAULT_LARGEST, SizeRow, SizeTable, start_sizing, table_of
from domainstudio.workflow.tokenizer.train import LARGEST_SIZE

_PLOT_HEIGHT, _SHOWN_ROWS, _NUMBER = 200, 14, 120


@dataclass(frozen=True)
class SizeChoice:
    """A size that sizing found, for Train."""

    job: str
    kind: VocabularyKind
    split: Split
    size: int


@dataclass(frozen=True)
class SizeFacts:
    """What the tab shows of a project."""

    is_from_scratch: bool
    table: SizeTable | None


def facts_of(project: Project) -> SizeFacts:
    """Return the newest sizing, priced."""
    found = newest_sizing(project)
    return SizeFacts(project.base.folder is None, table_of(project, *found) if found else None)


class SizeTab(TokenizerTab):
    """Measures sizes and shows what each costs.

    Signals:
        size_chosen: a `SizeChoice` to train.
    """

    key = "size"
    size_chosen = Signal(object)

    def __init__(self, session: Session) -> None:
        """Build the tab; its numbers come with the first refresh."""
        super().__init__(session, _("Size"))
        self._facts: SizeFacts | None = None
        self._kinds: frozenset[str] = frozenset()
        self.choices = VocabularyChoices()
        self.largest = number_field(
            _("Largest vocabulary"), MINIMUM_SIZE, LARGEST_SIZE, DEFAULT_LARGEST, 16_384
        )
        self.measure = SecondaryButton(_("Measure sizes"), self._on_measure_clicked)
        self.train = SecondaryButton(_("Train this size"), self._on_train_clicked)
        self.line, self.small_line = ProblemLine(), ProblemLine()
        self.verdict = Text("", "strong", wrap=True)
        self.words = Text("", "small", "text2", wrap=True)
        self.bits = Plot(_("Text in bits"), _("bits a byte with every token in log2(entries) bits"))
        self.fertility = Plot(_("Bytes per token"), _("of held-out text, by log2(entries)"))
        self.bits.set_source(partial(self._content, of_bits=True))
        self.fertility.set_source(partial(self._content, of_bits=False))
        self.rows = RowsModel(_columns())
        self.table = Table(_("Sizes of the vocabulary"))
        self.table.show_model(self.rows)
        self.table.selectionModel().currentRowChanged.connect(self._on_row_chosen)
        self._build()

    def refresh(self) -> None:
        """Read the newest sizing."""
        self.session.read(facts_of, self._on_facts, self._on_refused)

    def show_work(self, kinds: frozenset[str]) -> None:
        """Let nobody start what goes on already."""
        has_ended = "size" in self._kinds - kinds
        self._kinds = kinds
        self._show_buttons()
        if has_ended and self.isVisible():
            self.refresh()

    def _build(self) -> None:
        help_text = _(
            "One vocabulary of this size is trained; every smaller one follows from it and is measured on "
            "held-out text."
        )
        form = QHBoxLayout()
        form.setSpacing(16)
        form.addWidget(FormRow(_("Largest"), self.largest, help_text), 1)
        form.addWidget(self.measure)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(12)
        plots = QHBoxLayout()
        plots.setSpacing(24)
        for plot in (self.bits, self.fertility):
            plot.setFixedHeight(_PLOT_HEIGHT)
            plots.addWidget(plot, 1)
        chosen = QHBoxLayout()
        chosen.addWidget(self.verdict, 1)
        chosen.addWidget(self.train)
        results.addLayout(beside_table(hairline(), self.small_line, chosen, self.words, plots, spacing=12))
        results.addWidget(self.table)
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(12)
        layout.addLayout(beside_table(self.choices, form, self.line, spacing=8))
        layout.addWidget(self._results)
        layout.addStretch(1)

    # What the project says

    def _on_facts(self, facts: SizeFacts) -> None:
        before, self._facts = self._facts, facts
        self._results.setVisible(facts.table is not None)
        table = facts.table
        if table is not None and (before is None or before.table != table):
            verdict, *details = sentences(table)
            self.verdict.setText(verdict)
            self.words.setText(" ".join(details))
            warning = small_text_words(table)
            if warning:
                self.small_line.say("attention", warning)
            else:
                self.small_line.clear()
            self.rows.show_rows(table.rows)
            self.table.fit_height(_SHOWN_ROWS)
            self.table.selectRow(table.rows.index(row_of(table, table.power_of_two)))
            for plot in (self.bits, self.fertility):
                plot.redraw()
        self._show_buttons()

    def _chosen(self) -> SizeRow | None:
        number = self.table.selected_row
        rows = self._facts.table.rows if self._facts and self._facts.table else []
        return rows[number] if 0 <= number < len(rows) else None

    def _show_buttons(self) -> None:
        self.measure.setEnabled(not self._kinds & {"size", "tokenizer"})
        self.measure.setText(_("Measuring…") if "size" in self._kinds else _("Measure sizes"))
        row = self._chosen()
        can_train = self._facts is not None and self._facts.is_from_scratch and row is not None
        self.train.setVisible(can_train)
        if row is not None:
            self.train.setText(_("Train {size} entries").format(size=format_count(row.size)))

    def _content(self, _range: Range | None, _points: int, *, of_bits: bool) -> Content:
        table = self._facts.table if self._facts else None
        if table is None:
            return Content(empty=_("Nothing is measured yet."))
        values = [row.bits_per_byte if of_bits else row.bytes_per_token for row in table.rows]
        x = np.log2([float(row.size) for row in table.rows])
        best = _("least: {size}").format(size=format_count(table.best))
        return Content(
            whole=(float(x[0]), float(x[-1]) if len(x) > 1 else float(x[0]) + 1),
            lines=[PlotLine(x, np.array(values), "domain", ends_in_dot=True)],
            labels=[EndLabel(values[-1], f"{values[-1]:.2f}", "domain")],
            events=[EventLine(float(np.log2(table.best)), best)] if of_bits else [],
            summary=" ".join(sentences(table)),
            read=self._reading,
        )

    def _reading(self, place: float) -> Reading | None:
        table = self._facts.table if self._facts else None
        if table is None:
            return None
        row = min(table.rows, key=lambda one: abs(float(np.log2(one.size)) - place))
        title = _("{count} entries").format(count=format_count(row.size))
        return Reading(
            float(np.log2(row.size)),
            title,
            [
                (_("bits a byte"), f"{row.bits_per_byte:.3f}", "domain"),
                (_("bytes a token"), f"{row.bytes_per_token:.2f}", "text2"),
            ],
        )

    # What the person does

    def _on_measure_clicked(self) -> None:
        self.line.clear()
        wish = partial(
            start_sizing,
            kind=self.choices.kind,
            split=self.choices.split,
            largest=self.largest.value(),
            most_types=self.choices.types.value(),
        )
        self.session.edit(wish, None, self._on_refused)

    def _on_row_chosen(self, *_rows: object) -> None:
        self._show_buttons()

    def _on_train_clicked(self) -> None:
        row = self._chosen()
        table = self._facts.table if self._facts else None
        if row is not None and table is not None:
            curve = table.curve
            self.size_chosen.emit(SizeChoice(table.job, curve.kind, curve.split, row.size))
            self.tab_requested.emit("train")

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))


def _columns() -> list[Column]:
    return [
        Column(_("Entries"), lambda row: format_count(row.size), is_number=True, width=_NUMBER),
        Column(_("Bytes per token"), lambda row: f"{row.bytes_per_token:.3f}", is_number=True, width=_NUMBER),
        Column(_("Bits a byte"), lambda row: f"{row.bits_per_byte:.4f}", is_number=True, width=_NUMBER),
        Column(_("Embedding parameters"), _embedding, is_number=True, width=176),
        Column(_("Share of model (%)"), _share, is_number=True, width=144),
        Column(_("FLOPs for the text"), lambda row: f"{row.cost.flops:.2e}", is_number=True, width=144),
    ]


def _embedding(row: SizeRow) -> str:
    return format_count(row.cost.embedding_parameters)


def _share(row: SizeRow) -> str:
    return f"{100 * row.cost.embedding_share:.1f}"
