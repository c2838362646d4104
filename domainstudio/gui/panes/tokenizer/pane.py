"""The pane Tokenizer: the vocabulary, how much text one token of each source holds, and the laboratory."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.tokenizer.amount_tab import AmountTab
from domainstudio.gui.panes.tokenizer.compare_tab import CompareTab
from domainstudio.gui.panes.tokenizer.cut import CutBox
from domainstudio.gui.panes.tokenizer.extend_tab import ExtendTab
from domainstudio.gui.panes.tokenizer.size_tab import SizeTab
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.panes.tokenizer.train_tab import TrainTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton, Tabs
from domainstudio.gui.widgets.form import FormRow, hairline, scrolled
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.scale import Scale, scale_of
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import KeyNumber
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project import corpus, tokens
from domainstudio.project.project import Project
from domainstudio.project.tokens import TokenizerRow
from domainstudio.tokenizer.training.train import MINIMUM_SIZE
from domainstudio.units import format_count
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.tokenizer.packing import (
    Fertility,
    PackingState,
    fertility,
    packing_state,
    start_packing,
)
from domainstudio.workflow.tokenizer.train import start_training

DEFAULT_SIZE, MOST_ENTRIES = 4096, 1_000_000
_FIRST = "tokens"
"""The tab that the pane shows itself."""
_SHOWN_ROWS = 7
_NUMBER_WIDTH, _CUT_HEIGHT = 128, 240


@dataclass(frozen=True)
class TokenizerFacts:
    """What the pane shows of a project."""

    state: PackingState
    is_from_scratch: bool
    tokenizer: TokenizerRow | None
    sources: list[Fertility]
    names: list[str]
    """Of all sources, packed or not."""


def facts_of(project: Project) -> TokenizerFacts:
    """Return what there is to show."""
    state = packing_state(project)
    return TokenizerFacts(
        state=state,
        is_from_scratch=project.base.folder is None,
        tokenizer=tokens.current_tokenizer(project.connection),
        sources=fertility(project) if state in ("packed", "changed") else [],
        names=[source.name for source in corpus.sources(project.connection)],
    )


class TokenizerPane(Pane):
    """Trains a vocabulary for a model from scratch, packs, and shows what one token is."""

    step = "tokenizer"
    topics = frozenset({"corpus", "tokens"})

    def __init__(self, session: Session) -> None:
        """Build the pane; its numbers come with the first refresh."""
        purpose = _("See how text is cut into tokens, and how much text one token of each source holds.")
        super().__init__(session, _("Tokenizer"), purpose)
        self._facts: TokenizerFacts | None = None
        self._at_work: frozenset[str] = frozenset()
        self._scale = Scale(1, "", 0)
        self.header.set_primary(_("Pack token files"), self._on_primary_clicked)
        self.entries, self.all_tokens = KeyNumber(_("Vocabulary")), KeyNumber(_("Tokens"))
        self.size_field = QSpinBox()
        self.size_field.setRange(MINIMUM_SIZE, MOST_ENTRIES)
        self.size_field.setSingleStep(1024)
        self.size_field.setGroupSeparatorShown(True)
        self.size_field.setValue(DEFAULT_SIZE)
        name_spin_box(self.size_field, _("Size of the vocabulary"))
        self.train = SecondaryButton(_("Train another vocabulary"), partial(self.show_tab, TrainTab.key))
        self.stale_line, self.line = ProblemLine(), ProblemLine()
        self.model = RowsModel(self._columns())
        self.table = Table(_("Tokens of each source"))
        self.table.show_model(self.model)
        self.cut = CutBox(session)
        self.sizes, self.training = SizeTab(session), TrainTab(session)
        self.sizes.size_chosen.connect(self.training.take)
        tabs: list[TokenizerTab] = [
            CompareTab(session), self.sizes, self.training, ExtendTab(session), AmountTab(session),
        ]  # fmt: skip
        self.parts = {tab.key: tab for tab in tabs}
        for part in self.parts.values():
            part.go_requested.connect(self.go_requested)
            part.tab_requested.connect(self.show_tab)
        self.tabs = Tabs(
            [(_FIRST, _("Tokens")), *((tab.key, tab.title) for tab in tabs)],
            _("Parts of the laboratory"),
        )
        self.tabs.chosen.connect(self.show_tab)
        self.pages = QStackedWidget()
        self._build()
        session.jobs_changed.connect(self._on_jobs_changed)

    def refresh(self) -> None:
        """Read the tokenizer and the token files."""
        if self._facts is None:
            self.show_loading()
        self.session.read(facts_of, self._on_facts, self._on_failed)
        if self.tabs.key in self.parts:
            self.parts[self.tabs.key].refresh()

    def show_tab(self, key: str) -> None:
        """Show a part, read anew."""
        self.tabs.choose(key)
        self.pages.setCurrentIndex([_FIRST, *self.parts].index(self.tabs.key))
        if self.tabs.key in self.parts:
            self.parts[self.tabs.key].refresh()

    def memory(self) -> dict[str, Any]:
        """Keep which part is shown."""
        return {"tab": self.tabs.key}

    def remember(self, values: dict[str, Any]) -> None:
        """Show the part that was shown."""
        self.show_tab(str(values.get("tab")))

    def focus_field(self, field: str) -> None:
        """Put the focus on the size of the vocabulary, or on the text to cut."""
        has_form = self._form.isVisibleTo(self.content)
        self.show_tab(_FIRST if field != "size" or has_form else TrainTab.key)
        chosen = self.size_field if has_form else self.training.entries
        (chosen if field == "size" else self.cut.field).setFocus()

    # Building

    def _build(self) -> None:
        numbers = QHBoxLayout()
        numbers.setSpacing(48)
        numbers.addWidget(self.entries)
        numbers.addWidget(self.all_tokens)
        numbers.addStretch(1)
        numbers.addWidget(self.train)
        help_text = _(
            "Entries at most. More of them make fewer tokens of the same text, but a larger model: 4,096 "
            "suit the tiny shapes, 32,000 to 128,000 are usual for models of billions."
        )
        self._form = QWidget()
        form = QHBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(16)
        form.addWidget(FormRow(_("Size"), self.size_field, help_text), 1)
        self._packed = QWidget()
        packed = QVBoxLayout(self._packed)
        packed.setContentsMargins(0, 0, 0, 0)
        packed.addWidget(self.table)
        page = QWidget()
        layout = QVBoxLayout(page)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(12)
        above = (self.stale_line, self.line, numbers, self._form, hairline())
        layout.addLayout(beside_table(*above, spacing=12))
        layout.addWidget(self._packed)
        layout.addLayout(beside_table(self.cut), 1)
        self.cut.setMinimumHeight(_CUT_HEIGHT)
        self.pages.addWidget(scrolled(page))
        for part in self.parts.values():
            self.pages.addWidget(scrolled(part))
        head = QHBoxLayout()
        head.setContentsMargins(theme.PADDING, 4, theme.PADDING, 0)
        head.addWidget(self.tabs)
        head.addStretch(1)
        outer = QVBoxLayout(self.content)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addWidget(hairline())
        outer.addWidget(self.pages, 1)

    def _columns(self) -> list[Column]:
        return [
            Column(_("Source"), _name, style=_style),
            Column(_("Role"), _role, token=_second, width=120),
            Column(_("Documents"), _documents, is_number=True, style=_style, width=_NUMBER_WIDTH),
            Column(_("Tokens"), self._tokens, is_number=True, style=_style, width=_NUMBER_WIDTH),
            Column(_("Bytes per token"), _bytes, is_number=True, style=_style, width=_NUMBER_WIDTH),
            Column(_("Characters per token"), _characters, is_number=True, style=_style, width=160),
        ]

    def _tokens(self, row: Fertility) -> str:
        return self._scale.text(row.tokens)

    # What the project says

    def _on_facts(self, facts: TokenizerFacts) -> None:
        before, self._facts = self._facts, facts
        if before is not None and before.tokenizer != facts.tokenizer:
            self.cut.cut_again()
        rows = [*facts.sources, total_of(facts.sources)] if len(facts.sources) > 1 else facts.sources
        self._scale = scale_of(max((row.tokens for row in rows), default=0))
        self.model.columns[3] = Column(
            self._scale.titled(_("Tokens")), self._tokens, is_number=True, style=_style, width=_NUMBER_WIDTH
        )
        self.model.show_rows(rows)
        self.table.fit_height(_SHOWN_ROWS)
        self.cut.show_sources(facts.names)
        self._show_state()

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        at_work = frozenset(job.kind for job in jobs if job.status in ("created", "running"))
        for part in self.parts.values():
            part.show_work(at_work)
        at_work &= {"pack", "tokenizer"}
        if at_work != self._at_work:
            self._at_work = at_work
            self._show_state()

    def _show_state(self) -> None:
        facts = self._facts
        if facts is None:
            return
        if facts.state == "no text":
            self.show_empty(
                "document", _("There is no text to cut yet"),
                _("Import documents first; then each source shows how much text one of its tokens holds."),
                _("Go to Corpus"), self._on_corpus_clicked,
            )  # fmt: skip
            return
        self.show_ready()
        self._show_vocabulary(facts)
        self._show_primary(facts)
        self._packed.setVisible(bool(facts.sources))
        self.cut.setVisible(facts.tokenizer is not None)
        if facts.state == "changed":
            words = _(
                "The corpus changed since these token files were packed; the numbers are the packed text's."
            )
            self.stale_line.say("attention", words)
        else:
            self.stale_line.clear()

    def _show_vocabulary(self, facts: TokenizerFacts) -> None:
        if facts.tokenizer is None:
            self.entries.show_value("–", "", _("None yet: train one on your text"))
        else:
            origin = _("Trained on this corpus") if facts.is_from_scratch else _("Of the base model")
            self.entries.show_value(format_count(facts.tokenizer.vocabulary), _("entries"), origin)
        total = sum(source.tokens for source in facts.sources)
        fact = _("to train on, in the token files") if facts.sources else _("Not packed yet")
        self.all_tokens.show_value(self._scale.text(total) if facts.sources else "–", self._scale.sign, fact)
        self._form.setVisible(facts.is_from_scratch and facts.tokenizer is None)
        self.train.setVisible(facts.is_from_scratch and facts.tokenizer is not None)
        self.train.setEnabled(not self._at_work)

    def _show_primary(self, facts: TokenizerFacts) -> None:
        """Name the one thing to do next; nothing when the token files are up to date."""
        button = self.header.primary
        if button is None:
            return
        if "tokenizer" in self._at_work:
            button.setText(_("Training the vocabulary…"))
        elif "pack" in self._at_work:
            button.setText(_("Packing…"))
        else:
            button.setText(_("Train vocabulary") if facts.tokenizer is None else _("Pack token files"))
        button.setVisible(facts.state != "packed" or bool(self._at_work))
        self.header.set_primary_enabled(not self._at_work)

    # What the person does

    def _on_primary_clicked(self) -> None:
        if self._facts is not None and self._facts.tokenizer is None:
            self._on_train_clicked()
        else:
            self.line.clear()
            self.session.edit(start_packing, None, self._on_refused)

    def _on_train_clicked(self) -> None:
        self.line.clear()
        self.session.edit(partial(start_training, size=self.size_field.value()), None, self._on_refused)

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))

    def _on_corpus_clicked(self) -> None:
        self.go_requested.emit("corpus")


@dataclass(frozen=True)
class _Total(Fertility):
    """All sources together."""


def total_of(sources: list[Fertility]) -> Fertility:
    """Return all sources as one row; ratios are of all their text."""
    count = sum(source.tokens for source in sources)

    def ratio(values: list[float | None]) -> float | None:
        pairs = [
            (value, source.tokens) for value, source in zip(values, sources, strict=True) if source.tokens
        ]
        known = [value * tokens for value, tokens in pairs if value is not None]
        return sum(known) / count if count and len(known) == len(pairs) else None

    return _Total(
        source=_("All"),
        role="domain",
        documents=sum(source.documents for source in sources),
        tokens=count,
        bytes_per_token=ratio([source.bytes_per_token for source in sources]),
        characters_per_token=ratio([source.characters_per_token for source in sources]),
        words_per_character=None,
        unspaced_per_character=None,
        documents_sampled=sum(source.documents_sampled for source in sources),
    )


def _name(row: Fertility) -> str:
    return row.source


def _role(row: Fertility) -> str:
    return "" if isinstance(row, _Total) else _(row.role)


def _style(row: Fertility) -> str:
    return "strong" if isinstance(row, _Total) else "text"


def _second(_row: Fertility) -> str:
    return "text2"


def _documents(row: Fertility) -> str:
    return format_count(row.documents)


def _bytes(row: Fertility) -> str:
    return f"{row.bytes_per_token:.2f}" if row.bytes_per_token is not None else "–"


def _characters(row: Fertility) -> str:
    return f"{row.characters_per_token:.2f}" if row.characters_per_token is not None else "–"
