"""The pane Mixture: how much of each source the model reads, in every notation, and what it comes to."""

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.mixture.head import MixtureHead
from domainstudio.gui.panes.mixture.problems import Shortages, shortage_words
from domainstudio.gui.panes.mixture.side import AmountOfText, MixturePresets
from domainstudio.gui.panes.mixture.table import MixtureTable
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline, scrolled
from domainstudio.gui.widgets.problem_line import PaneProblem, ProblemLine
from domainstudio.gui.widgets.scale import scale_of
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.mixture.editing import Balance
from domainstudio.mixture.presets import PRESETS
from domainstudio.mixture.shares import Mixture, Portion, portion_of
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.workflow import planning
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.planning import MixtureFacts
from domainstudio.workflow.tokenizer.packing import start_packing

SAVE_MILLISECONDS = 500
_SIDE_WIDTH, _WIDEST = 364, 16_777_215
_TABLE_SHARE, _SIDE_SHARE = 5, 2
NARROW = 1100
"""Pixels below which presets and amounts stand below the table."""
_PLANS = frozenset({"plans"})
_DIGITS = 12
"""Decimals of a share that are saved."""


class MixturePane(Pane):
    """Shares are moved here at once and saved half a second after the last move."""

    step = "mixture"
    topics = frozenset({"corpus", "tokens", "plans"})

    def __init__(self, session: Session) -> None:
        """Build the pane; its numbers come with the first refresh."""
        purpose = _("Set how much of each source the model reads; the numbers beside it move as you move it.")
        super().__init__(session, _("Mixture"), purpose)
        self._facts: MixtureFacts | None = None
        self._balance: Balance | None = None
        self._origin: tuple[str, Balance] | None = None
        self._tokens, self._max_epochs = 0, 1.0
        self._is_saving, self._is_refused, self._is_packing = False, False, False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MILLISECONDS)
        self._timer.timeout.connect(self._save)
        self.header.set_primary(_("Pack token files"), self._on_pack_clicked)
        self.head, self.table, self.shortages = MixtureHead(), MixtureTable(), Shortages()
        self.presets, self.amount = MixturePresets(), AmountOfText()
        self.stale_line, self.line = ProblemLine(), ProblemLine()
        self._note = Text("", "small", "text2", wrap=True)
        self._build()
        self._connect()

    def refresh(self) -> None:
        """Read the packed sources and the saved mixture."""
        if self._facts is None:
            self.show_loading()
        self.session.read(planning.mixture_facts, self._on_facts, self._on_failed)

    def save_pending(self) -> None:
        """Save what was moved, without waiting for the next move."""
        if self._timer.isActive() or self._is_refused:
            self._save()

    def _save(self) -> None:
        self._timer.stop()
        if self._balance is not None:
            self._is_saving, self._is_refused = True, False
            change = partial(planning.set_mixture, mixture=self._mixture(), allow_shortfall=True)
            self.session.edit(change, self._on_saved, self._on_save_failed, _PLANS)

    def focus_field(self, field: str) -> None:
        """Put the focus on a source's spin box, on the tokens or on the epochs."""
        row = self.table.rows.get(field.removeprefix("shares."))
        if row is not None:
            (row.spin if row.spin.isEnabled() else row.lock).setFocus()
        else:
            self.head.focus_field(field)

    # Overridden from Qt

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Save what was moved before another pane is shown."""
        self.save_pending()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Arrange anew for the room there is."""
        if (self.width() < NARROW) != self._is_narrow:
            self._arrange(not self._is_narrow)
        super().resizeEvent(event)

    # Building

    def _build(self) -> None:
        sources, side = QWidget(), QWidget()
        left = QVBoxLayout(sources)
        left.setContentsMargins(theme.PADDING, 16, theme.PADDING, theme.PADDING)
        left.setSpacing(12)
        for widget in (self.stale_line, self.head, self.table, self.shortages, self.line, self._note):
            left.addWidget(widget)
        left.addStretch(1)
        right = QVBoxLayout(side)
        right.setContentsMargins(theme.PADDING, 16, theme.PADDING, theme.PADDING)
        right.setSpacing(16)
        right.addWidget(self.presets)
        right.addWidget(hairline())
        right.addWidget(self.amount)
        right.addStretch(1)
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.content)
        self._halves.setContentsMargins(0, 0, 0, 0)
        self._halves.setSpacing(0)
        self._side = scrolled(side)
        self._side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._dividers = [hairline(is_vertical=True), hairline()]
        self._halves.addWidget(scrolled(sources), _TABLE_SHARE)
        for line in self._dividers:
            self._halves.addWidget(line)
        self._halves.addWidget(self._side)
        self._arrange(is_narrow=False)

    def _arrange(self, is_narrow: bool) -> None:
        """Put presets and amounts beside the table, or below it where there is no room."""
        self._is_narrow = is_narrow
        directions = QBoxLayout.Direction
        self._halves.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)
        self._halves.setStretchFactor(self._side, _SIDE_SHARE if is_narrow else 0)
        for line, is_shown in zip(self._dividers, (not is_narrow, is_narrow), strict=True):
            line.setVisible(is_shown)
        self._side.setMaximumWidth(_WIDEST if is_narrow else _SIDE_WIDTH)
        self._side.setMinimumWidth(0 if is_narrow else _SIDE_WIDTH)

    def _connect(self) -> None:
        self.table.moved.connect(self._on_moved)
        self.table.rested.connect(self._on_rested)
        self.table.lock_toggled.connect(self._on_lock_toggled)
        self.head.replay_typed.connect(self._on_replay_typed)
        self.head.tokens_typed.connect(self._on_tokens_typed)
        self.head.epochs_typed.connect(self._on_epochs_typed)
        self.head.refused.connect(self._on_refused)
        self.presets.preset_chosen.connect(self._on_preset_chosen)
        self.shortages.share_requested.connect(self._on_share_requested)
        self.shortages.epochs_requested.connect(self._on_epochs_typed)
        self.shortages.tokens_requested.connect(self._on_tokens_typed)
        self.session.jobs_changed.connect(self._on_jobs_changed)

    # What the project says

    def _on_facts(self, facts: MixtureFacts) -> None:
        is_dirty = self._timer.isActive() or self._is_saving or self._is_refused
        self._facts = facts
        if not facts.sources:
            self._balance = None
            self._show_state()
            return
        saved = planning.balance_of(facts.sources, facts.mixture)
        if self._balance is None or self._balance.shares.keys() != saved.shares.keys() or not is_dirty:
            self._balance, self._origin = saved, None
            self._tokens = facts.mixture.tokens if facts.mixture else sum(s.tokens for s in facts.sources)
            self._max_epochs = facts.mixture.max_epochs if facts.mixture else 1.0
        self.table.show_sources(facts.sources)
        self._show_state()
        self._show_numbers()

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        is_packing = any(job.kind == "pack" and job.status in ("created", "running") for job in jobs)
        if is_packing != self._is_packing:
            self._is_packing = is_packing
            self._show_state()

    def _show_state(self) -> None:
        """Show the content, or why there is none and the button that mends it."""
        if self._facts is None:
            return
        match self._facts.state:
            case "no text":
                self.show_empty(
                    "document", _("There is no text to mix yet"),
                    _("A mixture says how much of each source the model reads. Import text of your field, "
                      "and general text that the model shall not forget."),
                    _("Go to Corpus"), self._on_corpus_clicked,
                )  # fmt: skip
            case "no tokenizer":
                self.show_empty(
                    "tokens", _("There is no vocabulary yet"),
                    _("A model from scratch needs a vocabulary before its text can be counted in tokens."),
                    _("Go to Tokenizer"), self._on_tokenizer_clicked,
                )  # fmt: skip
            case "not packed" if self._is_packing:
                self.show_empty(
                    "tokens", _("The text is being packed"),
                    _("How far it is stands below; the sources appear here when it is done."), "", None,
                )  # fmt: skip
            case "not packed":
                self.show_empty(
                    "tokens", _("The text is not packed yet"),
                    _("Packing cuts every document into tokens and writes them to token files; only then is "
                      "it known how much each source has. It reads all text once and goes on if you close "
                      "the window."),
                    _("Pack token files"), self._on_pack_clicked,
                )  # fmt: skip
            case _:
                self.show_ready()
                self._show_staleness(self._facts.state == "changed")

    def _show_staleness(self, is_stale: bool) -> None:
        if self.header.primary is not None:
            self.header.primary.setVisible(is_stale)
        self.header.set_primary_enabled(not self._is_packing)
        if is_stale and self._is_packing:
            self.stale_line.say("attention", _("The corpus changed; its new token files are being packed."))
        elif is_stale:
            words = _(
                "The corpus changed since these token files were packed; the numbers are the packed text's."
            )
            self.stale_line.say("attention", words)
        else:
            self.stale_line.clear()

    # What the person does

    def _on_rested(self, source: str) -> None:
        if self._balance is not None:
            self._origin = (source, self._balance)

    def _on_moved(self, source: str, wish: float) -> None:
        if self._balance is None:
            return
        if self._origin is None or self._origin[0] != source:
            self._origin = (source, self._balance)
        origin = self._origin[1]
        self._balance = origin.moved(source, wish)
        _low, high = origin.limits(source)
        limit = ""
        if wish > high + 10**-4:
            limit = _("{source} can take at most {share:.1f} %: the rest is locked.")
        self._show_change(limit.format(source=source, share=100 * high))

    def _on_lock_toggled(self, source: str, is_locked: bool) -> None:
        if self._balance is not None:
            self._balance, self._origin = self._balance.with_lock(source, is_locked), None
            self._show_change()

    def _on_share_requested(self, source: str, share: float) -> None:
        self._origin = None
        self._on_moved(source, share)
        self._origin = None

    def _on_replay_typed(self, replay: float) -> None:
        if self._balance is None:
            return
        self._balance, self._origin = self._balance.with_replay(replay), None
        limit = ""
        if abs(self._balance.replay - replay) > 10**-4:
            limit = _("Replay can be set between {low:.1f} % and {high:.1f} %: the rest is locked.")
        low, high = self._balance.replay_limits()
        self._show_change(limit.format(low=100 * low, high=100 * high))

    def _on_preset_chosen(self, name: str) -> None:
        self._on_replay_typed(PRESETS[name].replay)

    def _on_tokens_typed(self, tokens: int) -> None:
        self._tokens = max(1, tokens)
        self._show_change()

    def _on_epochs_typed(self, max_epochs: float) -> None:
        self._max_epochs = max_epochs
        self._show_change()

    def _on_refused(self, error: UserError) -> None:
        self.line.say("problem", sentence(error.problem))
        self._show_head()

    def _on_pack_clicked(self) -> None:
        self.session.edit(start_packing)

    def _on_corpus_clicked(self) -> None:
        self.go_requested.emit("corpus")

    def _on_tokenizer_clicked(self) -> None:
        self.go_requested.emit("tokenizer")

    # Saving

    def _mixture(self) -> Mixture:
        assert self._balance is not None
        return Mixture(
            shares={name: round(share, _DIGITS) for name, share in self._balance.shares.items()},
            tokens=self._tokens,
            max_epochs=self._max_epochs,
            locked=tuple(sorted(self._balance.locked)),
        )

    def _on_saved(self, _portions: list[Portion]) -> None:
        self._is_saving = False

    def _on_save_failed(self, problem: Problem) -> None:
        self._is_saving, self._is_refused = False, True
        self.line.say("problem", sentence(problem), [(_("Save again"), self._save)])

    # Showing

    def _show_change(self, note: str = "") -> None:
        self.line.clear()
        self._show_numbers(note)
        self._timer.start()

    def _portions(self) -> dict[str, Portion]:
        assert self._facts is not None and self._balance is not None
        shares = self._balance.shares
        return {
            source.name: portion_of(source, shares[source.name], self._tokens, self._max_epochs)
            for source in self._facts.sources
        }

    def _show_head(self) -> None:
        if self._balance is not None:
            self.head.show_numbers(self._balance, self._tokens, self._max_epochs, scale_of(self._tokens))

    def _show_numbers(self, note: str = "") -> None:
        if self._balance is None or self._facts is None:
            return
        portions, scale = self._portions(), scale_of(self._tokens)
        short = [portion for portion in portions.values() if portion.shortfall]
        low, high = self._balance.replay_limits()
        self._show_head()
        self.table.show_numbers(self._balance, portions, self._tokens, scale)
        self.shortages.show_portions(short, self._max_epochs, self._balance.locked, scale)
        self.presets.show_replay(self._balance.replay, is_settable=low < high)
        self.amount.show_amount(planning.text_amount(list(portions.values()), self._facts.fertility))
        help_text = _(
            "Moving one slider rescales the others and leaves locked sources where they are. Click a number "
            "above the bar to type it."
        )
        self._note.setText(note or help_text)
        self._show_problems(
            [
                PaneProblem("attention", shortage_words(one, self._max_epochs, scale), f"shares.{one.source}")
                for one in short
            ]
        )

    def _show_problems(self, shortages: list[PaneProblem]) -> None:
        assert self._facts is not None and self._balance is not None
        problems = list(shortages)
        if self._facts.mixture is None and not (self._timer.isActive() or self._is_saving):
            words = _("This is a proposal and not saved yet: every source once, by its size.")
            self.line.say("attention", words, [(_("Keep it"), self._save)])
            problems.append(PaneProblem("attention", words, "tokens"))
        elif not self._balance.general:
            words = _("No source is general text, so forgetting is neither held back nor measured.")
            self.line.say("attention", words, [(_("Go to Corpus"), self._on_corpus_clicked)])
            problems.append(PaneProblem("attention", words))
        self.set_problems(problems)
