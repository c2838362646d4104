"""What a planned run amounts to: its numbers, its rate curve, what is doubtful, and its command."""

import json
from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.training.fit_view import FitView
from domainstudio.gui.widgets.buttons import Tabs
from domainstudio.gui.widgets.form import empty_layout, hairline
from domainstudio.gui.widgets.problem_line import ProblemLine, Severity
from domainstudio.gui.widgets.rate_curve import RateCurve
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.recipe.recipe import Recipe, settings_of
from domainstudio.units import format_count, format_size
from domainstudio.workflow.protection.costs import protection_words
from domainstudio.workflow.training.fit import Fit, Ground, fit_of
from domainstudio.workflow.training.planned import PlannedRun
from domainstudio.workflow.training.rewarming import rewarming_words

Links = list[tuple[str, Callable[[], object]]]
_CODE_HEIGHT = 168
NARROW = 500
"""Pixels below which facts and tabs take two lines."""


class Fact(QWidget):
    """A small label with its value below, and a word on where it comes from."""

    def __init__(self, label: str) -> None:
        """Show a dash until the value is known."""
        super().__init__()
        self._label = label
        self._value, self._note = Text("–", "strong"), Text("", "small", "text2", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for text in (Text(label, "small", "text2"), self._value, self._note):
            layout.addWidget(text)

    def show_value(self, value: str, note: str = "") -> None:
        """Show the value."""
        self._value.setText(value)
        self._note.setText(note)
        self.setAccessibleName(f"{self._label}: {value} {note}".strip())


class Outlook(QScrollArea):
    """The right half of the pane."""

    def __init__(self) -> None:
        """Build it empty."""
        super().__init__()
        self.fit = FitView()
        self._headline, self._text = Text("", "strong", wrap=True), Text("", "text", "text2", wrap=True)
        self.facts = {
            "warmup": Fact(_("Warm-up (steps)")),
            "probes": Fact(_("Probes")),
            "disk": Fact(_("Checkpoints")),
            "speed": Fact(_("Speed (tokens/s)")),
        }
        self.curve = RateCurve()
        self._evidence = Text("", "small", "text2", wrap=True)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self._tabs = Tabs(
            [
                ("command", _("Command")),
                ("deepspeed", _("DeepSpeed")),
                ("recipe", _("Recipe")),
                ("routes", _("Routes")),
            ],
            _("As text"),
        )
        self._tabs.chosen.connect(self._show_code)
        self.code = CodeBox("", _("As text"))
        self.code.field.setFixedHeight(_CODE_HEIGHT)
        self._codes: dict[str, str] = {}
        self._above, self._below = QWidget(), QWidget()
        self._build()

    def show_run(self, run: PlannedRun, routes: str) -> None:
        """Show what is known of a run, and other routes than its own as text."""
        self._headline.setText(
            _("{steps} steps of {tokens} tokens").format(
                steps=format_count(run.spec.steps), tokens=format_count(run.recipe.tokens_per_step())
            )
        )
        most = max(run.epochs, key=lambda name: run.epochs[name])
        words = _(
            "{tokens} tokens in all; {source} is gone through {epochs:.2f} times. The model has {parameters} "
            "parameters."
        )
        self._text.setText(
            words.format(
                tokens=format_count(run.tokens),
                source=most,
                epochs=run.epochs[most],
                parameters=format_count(run.parameters),
            )
            + " "
            + protection_words(run)
        )
        self._evidence.setText(rewarming_words(run.rewarming) if run.rewarming else "")
        self._evidence.setVisible(run.rewarming is not None)
        self.facts["warmup"].show_value(
            format_count(run.warmup_steps), f"{100 * run.warmup_steps / run.spec.steps:.1f} %"
        )
        self.facts["probes"].show_value(format_count(run.probes), _("with step 0"))
        size = _("{kept} kept, each {size}").format(
            kept=format_count(run.kept), size=format_size(run.checkpoint_bytes)
        )
        how = "" if run.checkpoint_is_measured else " " + _("(computed)")
        self.facts["disk"].show_value(format_count(run.checkpoints), size + how)
        self._show_known(True)
        self.show_rate(run.recipe, run.spec.steps)
        recipe = "\n".join(f"{key}={value}" for key, value in settings_of(run.recipe).items())
        self.show_codes(
            {
                "command": run.command,
                "deepspeed": json.dumps(run.deepspeed, indent=2),
                "recipe": recipe,
                "routes": routes,
            }
        )

    def show_fit(
        self, ground: Ground | None, problem: Problem | None = None, draft: Recipe | None = None
    ) -> None:
        """Show whether the run fits, or why nothing can be planned for its hardware.

        Args:
            ground: what the fit rests on.
            problem: why there is none.
            draft: a recipe that is not saved yet, in place of the run's own.
        """
        try:
            if ground is not None:
                found = fit_of(ground, draft)
                self.fit.show_fit(found)
                self._show_speed(found)
        except UserError as error:
            problem = error.problem
        if problem is not None:
            is_unknown = problem.code == "machine.not_asked"
            headline = _("Not known yet") if is_unknown else _("Not for this hardware")
            self.fit.show_refusal(headline, sentence(problem))

    def _show_speed(self, fit: Fit) -> None:
        if fit.tokens_per_second is None:
            self.facts["speed"].show_value("–", _("no run like it yet"))
            return
        measured = _("that of {run}").format(run=fit.speed_from)
        words = measured if fit.speed_is_measured else _("estimated")
        self.facts["speed"].show_value(format_count(fit.tokens_per_second), words)

    def show_nothing(self, headline: str) -> None:
        """Say that no run can start as it stands; the sentences below say why."""
        self._headline.setText(headline)
        self._text.setText("")
        self._show_known(False)

    def _show_known(self, is_known: bool) -> None:
        for part in (self.fit, self._above, self._below):
            part.setVisible(is_known)

    def show_rate(self, recipe: Recipe, steps: int) -> None:
        """Draw the learning rate of a recipe over its steps."""

        def rate_at(step: int) -> float:
            return recipe.stage.learning_rate_at(step, steps)

        self.curve.show_schedule(rate_at, steps, (recipe.stage.warmup_in_steps(steps),))

    def show_sentences(self, sentences: list[tuple[Severity, str, Links]]) -> None:
        """Show what is the matter or doubtful, with its remedies."""
        empty_layout(self._lines)
        for severity, text, links in sentences:
            line = ProblemLine()
            self._lines.addWidget(line)
            line.say(severity, text, links)

    def show_codes(self, codes: Mapping[str, str]) -> None:
        """Show the texts of the tabs, by key."""
        self._codes = dict(codes)
        self._show_code()

    def _show_code(self, _key: str = "") -> None:
        self.code.show_text(self._codes.get(self._tabs.key, ""))

    def _build(self) -> None:
        self._facts_grid, self._code_grid = QGridLayout(), QGridLayout()
        self._facts_grid.setSpacing(16)
        lines = self.code.layout()
        assert lines is not None
        lines.setSpacing(8)
        self._arrange(is_narrow=False)
        above = _part(self._above)
        above.addWidget(hairline())
        above.addSpacing(8)
        above.addLayout(self._facts_grid)
        above.addSpacing(8)
        above.addWidget(hairline())
        above.addSpacing(8)
        above.addWidget(Text(_("Learning rate"), "small strong"))
        above.addWidget(self.curve)
        above.addWidget(self._evidence)
        below = _part(self._below)
        below.addWidget(hairline())
        below.addLayout(self._code_grid)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, theme.PADDING)
        layout.setSpacing(8)
        layout.addWidget(self.fit)
        layout.addSpacing(8)
        layout.addWidget(self._headline)
        layout.addWidget(self._text)
        layout.addWidget(self._above)
        layout.addLayout(self._lines)
        layout.addWidget(self._below)
        layout.addStretch(1)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)

    def _arrange(self, is_narrow: bool) -> None:
        """Put the facts into one line or two; the tabs on the line of the Copy button, or above it."""
        self._is_narrow = is_narrow
        columns = 2 if is_narrow else 4
        for number, fact in enumerate(self.facts.values()):
            row, column = divmod(number, columns)
            self._facts_grid.addWidget(fact, row, column, Qt.AlignmentFlag.AlignTop)
        for column in range(4):
            self._facts_grid.setColumnStretch(column, int(column < columns))
        side = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        self._code_grid.addWidget(self._tabs, 0, 0, side)
        self._code_grid.addWidget(self.code, int(is_narrow), 0)

    # Overridden from Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Arrange anew when the room becomes narrow or wide."""
        if (self.width() < NARROW) != self._is_narrow:
            self._arrange(not self._is_narrow)
        super().resizeEvent(event)


def _part(widget: QWidget) -> QVBoxLayout:
    """Return the layout of a part that is hidden while no run can start."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 8, 0, 0)
    layout.setSpacing(8)
    return layout
