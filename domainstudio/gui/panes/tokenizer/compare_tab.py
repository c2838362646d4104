"""The tab Compare: tokenizers beside each other on every source, terms cut worst, one text by two."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.need_box import NeedBox
from domainstudio.gui.panes.tokenizer.side_by_side import SideBySide
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.bar_cells import BarDelegate
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.scale import Scale, scale_of
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.tokenizer.comparison.measures import Measure
from domainstudio.tokenizer.comparison.table import Compared, Comparison
from domainstudio.tokenizer.comparison.terms import Term
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.comparing import (
    KnownTokenizer,
    known_tokenizers,
    newest_comparison,
    place_of,
    start_comparison,
)
from domainstudio.workflow.tokenizer.need import Need, need_of, start_scoring

_SHOWN_ROWS, _SHOWN_TERMS = 8, 8
_FIRST_MEASURE = 5
"""The column from which on measures stand, which all sources together have none of."""
_NUMBER = 108


@dataclass(frozen=True)
class CompareFacts:
    """What the tab shows of a project."""

    known: list[KnownTokenizer]
    found: Comparison | None
    need: Need | None
    is_from_scratch: bool


@dataclass(frozen=True)
class Line:
    """One tokenizer on the chosen source, or on all."""

    tokenizer: Compared
    tokens: float
    percent: float | None
    measure: Measure | None
    """None for all sources together."""
    share: float
    """Of the most tokens that a tokenizer comes to."""


def facts_of(project: Project) -> CompareFacts:
    """Return what there is to show."""
    is_from_scratch = project.base.folder is None
    return CompareFacts(
        known_tokenizers(project), newest_comparison(project), need_of(project), is_from_scratch
    )


def lines_of(found: Comparison, source: int | None) -> list[Line]:
    """Return every tokenizer on one source by number, or on all."""
    rows = [
        found.total(number) if source is None else found.row(number, source)
        for number in range(len(found.tokenizers))
    ]
    most = max((row.tokens for row in rows), default=0.0) or 1.0
    return [
        Line(
            one, row.tokens, row.percent, None if source is None else one.measures[source], row.tokens / most
        )
        for one, row in zip(found.tokenizers, rows, strict=True)
    ]


class CompareTab(TokenizerTab):
    """Starts comparisons and shows the last."""

    key = "compare"

    def __init__(self, session: Session) -> None:
        """Build the tab; its numbers come with the first refresh."""
        super().__init__(session, _("Compare"))
        self._facts: CompareFacts | None = None
        self._added: list[Path] = []
        self._kinds: frozenset[str] = frozenset()
        self.add_file = SecondaryButton(_("Add a file…"), self._on_add_file_clicked).make_small()
        self.add_folder = SecondaryButton(_("Add a folder…"), self._on_add_folder_clicked).make_small()
        self.compare = SecondaryButton(_("Compare"), self._on_compare_clicked).make_small()
        self.names = Text("", "text", "text2", wrap=True)
        self.sources = _box(_("Source"))
        self.sources.currentIndexChanged.connect(self._show_source)
        self.reference = _box(_("Tokenizer that is 100 %"))
        self.note = Text("", "small", "text2", wrap=True)
        self.line = ProblemLine()
        self.model = RowsModel(_columns(Scale(1, "", 0)))
        self.table = Table(_("Tokenizers on the chosen source"))
        self.table.show_model(self.model)
        self.table.setItemDelegateForColumn(3, BarDelegate(self.table))
        self.table.selectionModel().currentRowChanged.connect(self._show_terms)
        self.terms_title = Text("", "strong")
        self.terms = RowsModel(_term_columns())
        self.terms_table = Table(_("Terms that are cut worst"))
        self.terms_table.show_model(self.terms)
        self.texts = SideBySide(session)
        self.need = NeedBox(self._on_score_clicked)
        self._build()

    def refresh(self) -> None:
        """Read the tokenizers there are, and the last comparison."""
        self.session.read(facts_of, self._on_facts, self._on_refused)

    def show_work(self, kinds: frozenset[str]) -> None:
        """Let nobody start a second comparison while one goes on."""
        ended = (self._kinds - kinds) & {"compare", "score"}
        self._kinds = kinds
        self.compare.setEnabled("compare" not in kinds)
        self.compare.setText(_("Comparing…") if "compare" in kinds else _("Compare"))
        self.need.show_work("score" in kinds)
        if ended and self.isVisible():
            self.refresh()

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.names, 1)
        for widget in (self.add_file, self.add_folder, self.reference, self.compare):
            tools.addWidget(widget)
        shown = QHBoxLayout()
        shown.setSpacing(8)
        shown.addWidget(self.sources)
        shown.addWidget(self.note, 1)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(8)
        results.addLayout(beside_table(shown))
        results.addWidget(self.table)
        results.addLayout(beside_table(self.need))
        results.addLayout(beside_table(self.terms_title))
        results.addWidget(self.terms_table)
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(12)
        layout.addLayout(beside_table(tools, self.line))
        layout.addWidget(self._results)
        self._results.hide()
        layout.addLayout(beside_table(hairline(), self.texts, spacing=12), 1)

    # What the project says

    def _on_facts(self, facts: CompareFacts) -> None:
        self._facts = facts
        known = {one.path for one in facts.known}
        self._added = [path for path in self._added if str(path) not in known]
        names = [one.name for one in facts.known] + [path.name for path in self._added]
        self.names.setText(", ".join(names) or _("None yet: train one on your text"))
        _fill(self.reference, names)
        found = facts.found
        self._results.setVisible(found is not None)
        if found is not None:
            _fill(self.sources, [_("All sources"), *(source.name for source in found.sources)])
            self.need.show_need(facts.need, can_measure=not facts.is_from_scratch)
        self._show_source()
        self.texts.show_tokenizers(facts.known)

    def _show_source(self) -> None:
        found = self._facts.found if self._facts else None
        if found is None:
            return
        place = self.sources.currentIndex() - 1
        lines = lines_of(found, place if place >= 0 else None)
        self.model.columns = _columns(scale_of(max((line.tokens for line in lines), default=0)))
        self.model.show_rows(lines)
        for column in range(_FIRST_MEASURE, len(self.model.columns)):
            self.table.setColumnHidden(column, place < 0)
        self.table.fit_height(_SHOWN_ROWS)
        sampled = found.sources if place < 0 else found.sources[place : place + 1]
        words = _(
            "Measured on {documents} documents, {characters} characters, spread evenly; tokens are of the "
            "whole text, about. The reference is {reference}. A word that is more than one token is cut."
        )
        self.note.setText(
            words.format(
                documents=format_count(sum(source.documents for source in sampled)),
                characters=format_count(sum(source.characters for source in sampled)),
                reference=found.reference,
            )
        )
        self._show_terms()

    def _show_terms(self) -> None:
        found = self._facts.found if self._facts else None
        if found is None:
            return
        one = found.tokenizers[max(0, min(self.table.selected_row, len(found.tokenizers) - 1))]
        self.terms_title.setText(
            _("Terms whose cutting costs the most tokens, by {tokenizer}").format(tokenizer=one.name)
        )
        self.terms.show_rows(one.worst_terms)
        self.terms_table.fit_height(_SHOWN_TERMS)

    # What the person does

    def _on_add_file_clicked(self) -> None:
        name, _filter = QFileDialog.getOpenFileName(self, _("A tokenizer.json or a SentencePiece model"))
        self.add(Path(name) if name else None)

    def _on_add_folder_clicked(self) -> None:
        name = QFileDialog.getExistingDirectory(self, _("A folder with a tokenizer"))
        self.add(Path(name) if name else None)

    def add(self, path: Path | None) -> None:
        """Compare another tokenizer too, from the next comparison on."""
        if path is not None and path not in self._added:
            self._added.append(path)
            self.refresh()

    def _on_compare_clicked(self) -> None:
        self.line.clear()
        added, reference = tuple(self._added), self.reference.currentText()
        self.session.edit(partial(_start, added=added, reference=reference), None, self._on_refused)

    def _on_score_clicked(self) -> None:
        self.line.clear()
        self.session.edit(start_scoring, None, self._on_refused)

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))


def _start(project: Project, added: tuple[Path, ...], reference: str) -> object:
    before = [place_of(project, one.path) for one in known_tokenizers(project) if not one.is_current]
    paths = [path for path in (*before, *added) if path.exists()]
    names = {one.name for one in known_tokenizers(project)}
    return start_comparison(project, paths, reference if reference in names else "")


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setProperty("density", "small")
    box.setAccessibleName(name)
    box.setMinimumWidth(160)
    return box


def _fill(box: QComboBox, names: list[str]) -> None:
    """Offer names; the chosen one stays chosen."""
    if names != [box.itemText(number) for number in range(box.count())]:
        chosen = box.currentText()
        box.blockSignals(True)
        box.clear()
        box.addItems(names)
        box.setCurrentIndex(max(0, box.findText(chosen)))
        box.blockSignals(False)


def _columns(scale: Scale) -> list[Column]:
    return [
        Column(_("Tokenizer"), lambda row: row.tokenizer.name, style=lambda _row: "strong"),
        Column(_("Kind"), lambda row: row.tokenizer.kind, token=lambda _row: "text2", width=144),
        Column(_("Entries"), lambda row: format_count(row.tokenizer.size), is_number=True, width=68),
        Column(scale.titled(_("Tokens")), lambda row: scale.text(row.tokens), is_number=True, width=148,
               share=lambda row: row.share),
        Column(_("Of the reference"), lambda row: _percent(row.percent), is_number=True, width=116),
        Column(_("Bytes/token"), _of("bytes_per_token"), is_number=True, width=92),
        Column(_("Tokens/word"), _of("tokens_per_word"), is_number=True, width=96),
        Column(_("Per Han character"), _of("tokens_per_unspaced"), is_number=True, width=124),
        Column(_("Cut words"), _of("continued_share", 100, " %", 1), is_number=True, width=84),
        Column(_("Single bytes"), _of("single_byte_share", 100, " %", 1), is_number=True, width=84),
        Column(_("Rényi efficiency"), _of("renyi_efficiency", digits=3), is_number=True, width=116),
    ]  # fmt: skip


def _term_columns() -> list[Column]:
    return [
        Column(_("Term"), lambda term: term.text, style=lambda _term: "strong"),
        Column(_("Pieces"), lambda term: " | ".join(term.pieces)),
        Column(_("Count"), lambda term: format_count(term.count), is_number=True, width=_NUMBER),
        Column(_("Tokens it costs"), _cost, is_number=True, width=_NUMBER),
        Column(_("A million characters"), _field, is_number=True, width=160),
        Column(_("In general text"), _general, is_number=True, width=_NUMBER),
    ]


def _of(name: str, factor: float = 1, sign: str = "", digits: int = 2) -> Callable[[Line], str]:
    """Return how a column shows a measure, which all sources together have none of."""

    def text(row: Line) -> str:
        value = getattr(row.measure, name) if row.measure else None
        return f"{factor * value:.{digits}f}{sign}" if value is not None else "–"

    return text


def _cost(term: Term) -> str:
    return format_count(term.saved)


def _field(term: Term) -> str:
    return f"{term.per_million_domain:.1f}"


def _general(term: Term) -> str:
    return f"{term.per_million_general:.1f}"


def _percent(value: float | None) -> str:
    return f"{value:.0f} %" if value is not None else "–"
