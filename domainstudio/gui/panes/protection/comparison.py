"""A new comparison: which methods, how many seeds and tokens, from which weights, and what it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.gui.widgets.form import FormRow, left_row
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.methods import DEFAULT_METHODS
from domainstudio.units import parse_count
from domainstudio.workflow.protection.costs import method_costs
from domainstudio.workflow.protection.laboratory import plan_laboratory, start_laboratory
from domainstudio.workflow.protection.laboratory_table import plan_words
from domainstudio.workflow.protection.method_words import method_words
from domainstudio.workflow.training.planned import speed_of

_COLUMNS = 3
_MOST_SEEDS = 20
_EXAMPLE = "ewc:0.01, replay:0.1+ewc:0.1"


@dataclass(frozen=True)
class ComparisonChoice:
    """What a person asks a laboratory for."""

    methods: tuple[str, ...]
    seeds: int
    tokens: int
    """0 takes the default."""
    origin: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `plan_laboratory`."""
        return vars(self)


class NewComparison(QWidget):
    """A form; nothing starts before its button is pressed.

    Signals:
        begun: the name of the laboratory that was started.
    """

    begun = Signal(str)

    def __init__(self, session: Session) -> None:
        """Offer the usual methods, all of them ticked."""
        super().__init__()
        self._session = session
        self._boxes = {name: CheckBox(method_words(name)) for name in DEFAULT_METHODS}
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        for column in range(_COLUMNS):
            grid.setColumnStretch(column, 1)
        self._costs = {name: Text("", "small", "text2", wrap=True) for name in self._boxes}
        for place, (name, box) in enumerate(self._boxes.items()):
            box.setChecked(True)
            box.setAccessibleName(box.text())
            box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            box.toggled.connect(self.plan)
            cell = QVBoxLayout()
            cell.setSpacing(0)
            cell.addWidget(box)
            cell.addWidget(self._costs[name])
            grid.addLayout(cell, place // _COLUMNS, place % _COLUMNS, Qt.AlignmentFlag.AlignTop)
        self.more, self.tokens = QLineEdit(), QLineEdit()
        self.more.setPlaceholderText(_("such as {names}").format(names=_EXAMPLE))
        self.tokens.setPlaceholderText(_("a twentieth"))
        self.seeds = QSpinBox()
        self.seeds.setRange(1, _MOST_SEEDS)
        self.seeds.setValue(3)
        name_spin_box(self.seeds, _("Seeds"))
        self.origin = QComboBox()
        self.origin.setAccessibleName(_("Start from"))
        for field in (self.more, self.tokens):
            field.setFixedHeight(theme.CONTROL)
            field.editingFinished.connect(self.plan)
        self.seeds.valueChanged.connect(self.plan)
        self.origin.activated.connect(self.plan)
        self._plan = Text("", "text", "text", wrap=True)
        self.button = SecondaryButton(_("Compare methods"), self._on_clicked, "play-ring")
        self._rows = {
            "methods": FormRow(_("More methods"), self.more, _(
                "Names with commas between; + joins two. Every name takes a value after a colon.")),
            "tokens": FormRow(_("Tokens of each run"), self.tokens, _(
                "Alike for all, so that only the method differs; more shows smaller differences.")),
            "seeds": FormRow(_("Seeds"), self.seeds, _(
                "Runs of each method. One shows no spread; three give a wide interval, five a useful one.")),
            "from": FormRow(_("Start from"), self.origin, _(
                "Trained weights: what is random has nothing to forget.")),
        }  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(Text(_("Methods"), "strong"))
        layout.addLayout(grid)
        layout.addSpacing(8)
        for row in self._rows.values():
            layout.addWidget(row)
        layout.addSpacing(8)
        layout.addWidget(self._plan)
        layout.addLayout(left_row(self.button))
        layout.addStretch(1)

    @property
    def choice(self) -> ComparisonChoice:
        """What is chosen.

        Raises:
            UserError: the tokens are no number.
        """
        ticked = [name for name, box in self._boxes.items() if box.isChecked()]
        more = [name.strip() for name in self.more.text().replace("，", ",").split(",") if name.strip()]
        text = self.tokens.text().strip()
        tokens = parse_count(text, "tokens") if text else 0
        origin = self.origin.currentData() or "base"
        return ComparisonChoice(tuple(ticked + more), self.seeds.value(), tokens, origin)

    def show_origins(self, origins: Sequence[str]) -> None:
        """Offer what a comparison may start from; the choice stays if it is still there."""
        before = [self.origin.itemData(place) for place in range(self.origin.count())]
        if before == list(origins):
            return
        chosen = self.origin.currentData()
        self.origin.clear()
        for name in origins:
            self.origin.addItem(_("Base") if name == "base" else name, name)
        self.origin.setCurrentIndex(max(0, self.origin.findData(chosen)))

    def plan(self) -> None:
        """Say what the comparison would take, or why it cannot be started."""
        try:
            choice = self.choice
        except UserError as error:
            self._on_refused(error.problem)
            return

        def question(project: Project) -> tuple[str, dict[str, str]]:
            work = plan_laboratory(project, **choice.arguments)
            speed = speed_of(project, work.runs[0].run)
            costs = method_costs(project, DEFAULT_METHODS, choice.tokens, choice.origin)
            return plan_words(work, speed.tokens_per_second if speed else None), costs

        self._session.read(question, self._on_planned, self._on_refused)

    def focus(self, field: str) -> None:
        """Put the focus on a field by its name."""
        row = self._rows.get(field)
        (row.control if row else next(iter(self._boxes.values()))).setFocus()

    def _on_planned(self, planned: tuple[str, dict[str, str]]) -> None:
        words, costs = planned
        for name, text in self._costs.items():
            text.setText(costs[name])
            self._boxes[name].setAccessibleDescription(costs[name])
        for row in self._rows.values():
            row.show_error("")
        self._plan.setText(words)
        self.button.setEnabled(True)

    def _on_refused(self, problem: Problem) -> None:
        """Say beside a field why it cannot be started."""
        field, words = (problem.field or "").partition(".")[0], sentence(problem)
        for name, row in self._rows.items():
            row.show_error(words if name == field else "")
        self._plan.setText("" if field in self._rows else words)
        self.button.setEnabled(False)

    def _on_clicked(self) -> None:
        try:
            choice = self.choice
        except UserError as error:
            self._on_refused(error.problem)
            return

        def begin(project: Project) -> JobFolder:
            return start_laboratory(project, plan_laboratory(project, **choice.arguments))

        self.button.setEnabled(False)
        self._session.edit(begin, self._on_begun, self._on_refused, frozenset({"laboratory"}))

    def _on_begun(self, folder: JobFolder) -> None:
        self.button.setEnabled(True)
        self.begun.emit(folder.job_id)
