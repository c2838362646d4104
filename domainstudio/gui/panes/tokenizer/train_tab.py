"""The tab Train: a vocabulary of a chosen kind and size, anew or from the largest one that was sized."""

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.choices import VocabularyChoices, number_field
from domainstudio.gui.panes.tokenizer.size_tab import SizeChoice
from domainstudio.gui.panes.tokenizer.tab import TokenizerTab
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import FormRow
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project import tokens
from domainstudio.project.project import Project
from domainstudio.project.tokens import TokenizerRow
from domainstudio.tokenizer.training.train import MINIMUM_SIZE
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.train import LARGEST_SIZE, MOST_CHUNKS, start_training

_DEFAULT_SIZE = 4096


def facts_of(project: Project) -> tuple[bool, TokenizerRow | None]:
    """Return whether the model has random weights, and the current tokenizer."""
    return project.base.folder is None, tokens.current_tokenizer(project.connection)


class TrainTab(TokenizerTab):
    """Starts trainings of a vocabulary."""

    key = "train"

    def __init__(self, session: Session) -> None:
        """Build the tab."""
        super().__init__(session, _("Train"))
        self._kinds: frozenset[str] = frozenset()
        self._is_from_scratch = False
        self._sized: SizeChoice | None = None
        self.choices = VocabularyChoices()
        self.entries = number_field(
            _("Size of the vocabulary"), MINIMUM_SIZE, LARGEST_SIZE, _DEFAULT_SIZE, 1024
        )
        self.chunks = number_field(_("Chunks of text"), 1, MOST_CHUNKS, 1, 1)
        self.train = SecondaryButton(_("Train vocabulary"), self._on_train_clicked)
        self.anew = SecondaryButton(_("Train anew instead"), self._on_anew_clicked)
        self.origin = Text("", "text", wrap=True)
        self.current = Text("", "small", "text2", wrap=True)
        self.line = ProblemLine()
        self._build()
        self.choices.changed.connect(self._show_state)
        self._show_state()

    def take(self, choice: SizeChoice) -> None:
        """Offer a size that was measured, to be cut or pruned from the largest vocabulary."""
        self.choices.choose(choice.kind, choice.split)
        self._sized = choice
        self.entries.setValue(choice.size)
        self.chunks.setValue(1)
        self._show_state()

    def refresh(self) -> None:
        """Read what the model brings, and the current tokenizer."""
        self.session.read(facts_of, self._on_facts, self._on_refused)

    def show_work(self, kinds: frozenset[str]) -> None:
        """Let nobody start what goes on already."""
        has_ended = "tokenizer" in self._kinds - kinds
        self._kinds = kinds
        self._show_state()
        if has_ended and self.isVisible():
            self.refresh()

    def _build(self) -> None:
        size_help = _(
            "Entries at most: more of them make fewer tokens of the same text, but larger tables. Size "
            "measures it on your text."
        )
        chunks_help = _(
            "Of Unigram: a vocabulary for each chunk, merged by their text's weight, so that only chunks are "
            "in memory; 32 to 256 where the text is large (BloombergGPT: 256 a source)."
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(16)
        buttons.addWidget(self.train)
        buttons.addWidget(self.anew)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.addLayout(
            beside_table(
                self.line,
                self.origin,
                FormRow(_("Size"), self.entries, size_help),
                self.choices,
                FormRow(_("Chunks"), self.chunks, chunks_help),
                buttons,
                self.current,
                spacing=8,
            )
        )
        layout.addStretch(1)

    # What the project says

    def _on_facts(self, facts: tuple[bool, TokenizerRow | None]) -> None:
        self._is_from_scratch, tokenizer = facts
        if tokenizer is None:
            self.current.setText(_("The project has no vocabulary yet."))
        else:
            words = _("The current vocabulary has {size} entries; a new one takes its place: pack anew then.")
            self.current.setText(words.format(size=format_count(tokenizer.vocabulary)))
        if self._is_from_scratch:
            self.line.clear()
        else:
            words = _("The base model brings its own tokenizer: measure sizes, or extend it, but keep it.")
            self.line.say("attention", words)
        self._show_state()

    def _show_state(self) -> None:
        is_sized = self._sized is not None
        self.choices.setEnabled(not is_sized)
        self.chunks.setEnabled(not is_sized and self.choices.kind == "unigram")
        self.anew.setVisible(is_sized)
        self.origin.setVisible(is_sized)
        if self._sized is not None:
            words = (
                _("Cut from the vocabulary of {job}: exactly what training for this size gives.")
                if self._sized.kind == "bpe"
                else _("Pruned from the vocabulary of {job} and fitted again to the text.")
            )
            self.origin.setText(words.format(job=self._sized.job))
        at_work = "tokenizer" in self._kinds
        self.train.setEnabled(self._is_from_scratch and not at_work)
        self.train.setText(_("Training the vocabulary…") if at_work else _("Train vocabulary"))

    # What the person does

    def _on_train_clicked(self) -> None:
        self.line.clear()
        is_unigram = self.choices.kind == "unigram"
        wish = partial(
            start_training,
            size=self.entries.value(),
            kind=self.choices.kind,
            split=self.choices.split,
            chunks=self.chunks.value() if is_unigram and self._sized is None else 1,
            most_types=self.choices.types.value(),
            sizing=self._sized.job if self._sized else "",
        )
        self.session.edit(wish, None, self._on_refused)

    def _on_anew_clicked(self) -> None:
        self._sized = None
        self._show_state()

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))
