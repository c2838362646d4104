"""The tab Extend: what pieces of the field would save, the verdict, and the base grown with them."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import FormRow
from domainstudio.gui.widgets.plot import Plot
from domainstudio.gui.widgets.plot_content import Content, EndLabel, EventLine, PlotLine, Range, Reading
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project import tokens
from domainstudio.project.project import Project
from domainstudio.project.tokens import TokenizerRow
from domainstudio.tokenizer.extension.report import ExtensionReport, Gain, SourceGain, saving_of
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.extending import MOST_PIECES, newest_extension, start_extension
from domainstudio.workflow.tokenizer.extension_words import facts_words, verdict_words
from domainstudio.workflow.tokenizer.growing import go_back, has_grown, start_growing

DEFAULT_PIECES = 2000
_PLOT_HEIGHT, _SHOWN_ROWS, _NUMBER = 220, 9, 128


@dataclass(frozen=True)
class ExtendFacts:
    """What the tab shows of a project."""

    is_from_scratch: bool
    has_grown: bool
    report: ExtensionReport | None


def facts_of(project: Project) -> ExtendFacts:
    """Return what there is to show."""
    has_tokenizer = tokens.current_tokenizer(project.connection) is not None
    found = newest_extension(project) if has_tokenizer else None
    return ExtendFacts(project.base.folder is None, has_grown(project), found[1] if found else None)


class ExtendTab(TokenizerTab):
    """Starts extensions, shows the last, and grows the base with it."""

    key = "extend"

    def __init__(self, session: Session) -> None:
        """Build the tab; its numbers come with the first refresh."""
        super().__init__(session, _("Extend"))
        self._facts: ExtendFacts | None = None
        self._kinds: frozenset[str] = frozenset()
        self.verdict = Text("", "title", wrap=True)
        self.facts = Text("", "small", "text2", wrap=True)
        self.examples = Text("", "small", "text2", wrap=True)
        self.line = ProblemLine()
        self.pieces = QSpinBox()
        self.pieces.setRange(1, MOST_PIECES)
        self.pieces.setSingleStep(500)
        self.pieces.setGroupSeparatorShown(True)
        self.pieces.setValue(DEFAULT_PIECES)
        name_spin_box(self.pieces, _("New tokens at most"))
        self.extend = SecondaryButton(_("Measure"), self._on_extend_clicked)
        self.grow = SecondaryButton(_("Grow the base"), self._on_grow_clicked)
        self.back = SecondaryButton(_("Back to the base before"), self._on_back_clicked)
        self.back.hide()
        self.plot = Plot(_("Tokens saved"), _("% of the held-out text, by new tokens"))
        self.plot.setFixedHeight(_PLOT_HEIGHT)
        self.plot.set_source(self._content)
        self.gains, self.sources = RowsModel(self._gain_columns()), RowsModel(_source_columns())
        self.gains_table, self.sources_table = (
            Table(_("Gain by new tokens")),
            Table(_("Tokens of each source")),
        )
        self.gains_table.show_model(self.gains)
        self.sources_table.show_model(self.sources)
        self._build()

    def refresh(self) -> None:
        """Read the last extension."""
        self.session.read(facts_of, self._on_facts, self._on_refused)

    def show_work(self, kinds: frozenset[str]) -> None:
        """Let nobody start what goes on already."""
        ended = (self._kinds - kinds) & {"extend", "grow"}
        self._kinds = kinds
        self._show_buttons()
        if ended and self.isVisible():
            self.refresh()

    def _build(self) -> None:
        help_text = _(
            "Pieces of the field that follow the base's own merges; old ids and old text stay as they are. "
            "Fewer are kept where more stop paying: below 0.05 % of the tokens a thousand."
        )
        form = QHBoxLayout()
        form.setSpacing(16)
        form.addWidget(FormRow(_("New tokens"), self.pieces, help_text), 1)
        form.addWidget(self.extend)
        form.addWidget(self.grow)
        form.addWidget(self.back)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(12)
        results.addLayout(beside_table(self.verdict, self.facts, self.plot))
        for table in (self.sources_table, self.gains_table):
            results.addWidget(table)
        results.addLayout(beside_table(self.examples))
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(12)
        layout.addLayout(beside_table(form, self.line, spacing=12))
        layout.addWidget(self._results)
        self._results.hide()
        layout.addStretch(1)

    # What the project says

    def _on_facts(self, facts: ExtendFacts) -> None:
        self._facts = facts
        self._results.setVisible(facts.report is not None)
        if facts.is_from_scratch:
            words = _("The model has random weights: train a vocabulary of the size you want instead.")
            self.line.say("attention", words)
        report = facts.report
        if report is not None:
            self.verdict.setText(verdict_words(report))
            self.facts.setText(facts_words(report))
            self.examples.setText(_("New tokens, the first: {list}").format(list=" · ".join(report.examples)))
            self.examples.setVisible(bool(report.examples))
            self.gains.show_rows(report.gains)
            self.sources.show_rows(report.sources)
            for table in (self.gains_table, self.sources_table):
                table.fit_height(_SHOWN_ROWS)
            self.plot.redraw()
        self._show_buttons()

    def _show_buttons(self) -> None:
        facts = self._facts
        is_free = not self._kinds & {"extend", "grow", "pack", "train"}
        self.extend.setEnabled(is_free and facts is not None and not facts.is_from_scratch)
        self.extend.setText(_("Measuring…") if "extend" in self._kinds else _("Measure"))
        self.grow.setVisible(facts is not None and facts.report is not None and facts.report.pieces > 0)
        self.grow.setEnabled(is_free)
        self.back.setVisible(facts is not None and facts.has_grown)
        self.back.setEnabled(is_free)
        self.grow.setText(_("Growing…") if "grow" in self._kinds else _("Grow the base"))

    def _content(self, _range: Range | None, _points: int) -> Content:
        report = self._facts.report if self._facts else None
        if report is None or len(report.gains) < 2:
            return Content(empty=_("No new token was found."))
        first = report.gains[0]
        x = np.array([gain.pieces for gain in report.gains], np.float64)
        lines, labels = [], []
        for name, token, whole, counts in (
            (_("field"), "domain", first.domain, [gain.domain for gain in report.gains]),
            (_("general"), "forget", first.general, [gain.general for gain in report.gains]),
        ):
            if whole:
                y = 100 * (1 - np.array(counts, np.float64) / whole)
                lines.append(PlotLine(x, y, token, ends_in_dot=True))
                labels.append(EndLabel(float(y[-1]), f"{name} {y[-1]:.1f}", token))
        return Content(
            whole=(0.0, float(x[-1])),
            lines=lines,
            labels=labels,
            events=[EventLine(float(report.pieces), _("kept"))],
            summary=verdict_words(report),
            read=self._reading,
        )

    def _reading(self, place: float) -> Reading | None:
        report = self._facts.report if self._facts else None
        if report is None:
            return None
        gain = min(report.gains, key=lambda one: abs(one.pieces - place))
        title = _("{count} new tokens").format(count=format_count(gain.pieces))
        return Reading(gain.pieces, title, [(_("field"), self._saving(gain), "domain")])

    def _gain_columns(self) -> list[Column]:
        return [
            Column(_("New tokens"), lambda gain: format_count(gain.pieces), is_number=True, width=_NUMBER),
            Column(
                _("Tokens of the field"), lambda gain: format_count(gain.domain), is_number=True, width=160
            ),
            Column(_("Saved"), self._saving, is_number=True, width=_NUMBER),
            Column(_("General text"), lambda gain: format_count(gain.general), is_number=True, width=_NUMBER),
        ]

    def _saving(self, gain: Gain) -> str:
        report = self._facts.report if self._facts else None
        return f"{100 * saving_of(report.gains[0], gain):.2f} %" if report else "–"

    # What the person does

    def _on_extend_clicked(self) -> None:
        self.line.clear()
        self.session.edit(partial(start_extension, pieces=self.pieces.value()), None, self._on_refused)

    def _on_grow_clicked(self) -> None:
        self.line.clear()
        self.session.edit(start_growing, None, self._on_refused)

    def _on_back_clicked(self) -> None:
        self.line.clear()
        self.session.edit(go_back, self._on_back, self._on_refused)

    def _on_back(self, _row: TokenizerRow) -> None:
        self.refresh()

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))


def _source_columns() -> list[Column]:
    return [
        Column(_("Source"), lambda one: one.name, style=lambda _one: "strong"),
        Column(_("Role"), lambda one: _(one.role), token=lambda _one: "text2", width=96),
        Column(_("Before"), lambda one: format_count(one.before), is_number=True, width=_NUMBER),
        Column(_("After"), lambda one: format_count(one.after), is_number=True, width=_NUMBER),
        Column(_("Saved"), _source_saving, is_number=True, width=96),
    ]


def _source_saving(one: SourceGain) -> str:
    return f"{100 * one.saving:.2f} %"
