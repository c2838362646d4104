"""Protection: the budget first, then what methods gained and forgot on this text, and the plan taken."""

from typing import Any, get_args

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.protection.budget import BudgetBox
from domainstudio.gui.panes.protection.chosen import ChosenMethod
from domainstudio.gui.panes.protection.comparison import NewComparison
from domainstudio.gui.panes.protection.layers import LayersView
from domainstudio.gui.panes.protection.methods import (
    MethodLine,
    columns,
    interval_columns,
    lines_of,
    points_of,
)
from domainstudio.gui.session import Session
from domainstudio.gui.setting_words import choice_words
from domainstudio.gui.widgets.buttons import Segments
from domainstudio.gui.widgets.comparison_chart import ComparisonChart
from domainstudio.gui.widgets.form import hairline, left_row, scrolled
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import OnBudget, Recipe
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.protection.method_words import method_words
from domainstudio.workflow.protection.protecting import (
    Limit,
    ProtectionFacts,
    is_made_afterwards,
    limit_of,
    limit_words,
    read_facts,
    set_guard,
    set_limit,
    use_method,
)

SAVE_MILLISECONDS = 500
_CHART_SHARE, _METHODS_SHARE = 6, 5
_BUDGET_SHARE, _CHOSEN_SHARE = 4, 7
_PLANS = frozenset({"plans"})
_VIEWS = ("chart", "table", "new", "layers")


class ProtectionPane(Pane):
    """Budget and chosen plan above, chart and methods with their costs below."""

    step = "protection"
    topics = frozenset({"corpus", "tokens", "plans", "runs", "laboratory"})

    def __init__(self, session: Session) -> None:
        """Build the pane; it is filled when it is shown."""
        purpose = _("Say how much general ability may be lost; compare on your own text what keeps it.")
        super().__init__(session, _("Protection"), purpose)
        self._compare = self.header.add_secondary(_("Compare methods…"), self._on_compare_clicked, "chart")
        self.header.set_primary(_("Use this plan in Training"), self._on_use_clicked)
        self._facts: ProtectionFacts | None = None
        self._limit = Limit("nats", None)
        self._chosen, self._laboratory = "", ""
        self._measured: tuple[str, ...] = ()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MILLISECONDS)
        self._timer.timeout.connect(self._save)
        self.budget, self.chosen, self.comparison = BudgetBox(), ChosenMethod(), NewComparison(session)
        self.line = ProblemLine()
        self.chart = ComparisonChart()
        self.layers = LayersView(session)
        words = (_("Chart"), _("Table"), _("New comparison"), _("Layers"))
        self._view = Segments(list(zip(_VIEWS, words, strict=True)), _("Show as"))
        self._heading = Text(_("Frontier"), "strong")
        self._which = QComboBox()
        self._which.setAccessibleName(_("Comparison"))
        self._models = RowsModel(columns()), RowsModel(interval_columns())
        self.methods, self._intervals = Table(_("Methods and what they cost")), Table(_("Frontier"))
        self._verdict = Text("", "text", "text2", wrap=True)
        self._then = QComboBox()
        self._then.setAccessibleName(_("If a run passes the budget"))
        for then in get_args(OnBudget):
            self._then.addItem(choice_words("on_budget", then), then)
        self._build()
        self._connect()

    # What the window asks

    def refresh(self) -> None:
        """Read budget and comparisons anew."""
        if self._facts is None:
            self.show_loading()
        laboratory = self._laboratory

        def question(project: Project) -> ProtectionFacts:
            return read_facts(project, laboratory)

        self.session.read(question, self._on_facts, self._on_failed)
        self.layers.refresh()

    def save_pending(self) -> None:
        """Save the budget without waiting."""
        if self._timer.isActive():
            self._save()

    def focus_field(self, field: str) -> None:
        """Put the focus on the budget, or on a field of a new comparison."""
        if field in ("accepted_forgetting", "budget"):
            self.budget.take_focus()
        else:
            self._show_view("new")
            self.comparison.focus(field)

    def memory(self) -> dict[str, Any]:
        """Keep the view, the comparison and the choice."""
        return {
            "view": self._view.key,
            "chosen": self._chosen,
            "laboratory": self._laboratory,
            "layers": self.layers.run,
        }

    def remember(self, values: dict[str, Any]) -> None:
        """Show what was shown."""
        self._chosen = str(values.get("chosen") or "")
        self._laboratory = str(values.get("laboratory") or "")
        self.layers.remember(str(values.get("layers") or ""))
        if values.get("view") in _VIEWS:
            self._show_view(values["view"])

    # Overridden from Qt

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Save the budget before another pane is shown."""
        self.save_pending()
        super().hideEvent(event)

    # Building

    def _build(self) -> None:
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.budget, _BUDGET_SHARE)
        upper.addWidget(hairline(is_vertical=True))
        upper.addWidget(self.chosen, _CHOSEN_SHARE)
        lower = QHBoxLayout()
        lower.setSpacing(0)
        lower.addWidget(self._left(), _CHART_SHARE)
        lower.addWidget(hairline(is_vertical=True))
        lower.addWidget(self._right(), _METHODS_SHARE)
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper)
        layout.addWidget(hairline())
        layout.addLayout(lower, 1)

    def _left(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setSpacing(16)
        tools.addWidget(self._heading)
        tools.addWidget(self._which)
        tools.addStretch(1)
        tools.addWidget(self._view)
        self._stack = QStackedWidget()
        chart, form = QWidget(), QWidget()
        chart.setLayout(beside_table(self.chart))
        form.setLayout(beside_table(self.comparison))
        self._intervals.show_model(self._models[1])
        for page in (chart, self._intervals, scrolled(form), self.layers):
            self._stack.addWidget(page)
        page = QWidget()
        column = QVBoxLayout(page)
        side = theme.PADDING - OVERHANG
        column.setContentsMargins(side, 12, side, 16)
        column.setSpacing(12)
        column.addLayout(beside_table(tools))
        column.addWidget(self._stack, 1)
        return page

    def _right(self) -> QWidget:
        self.methods.show_model(self._models[0])
        page = QWidget()
        column = QVBoxLayout(page)
        side = theme.SPLIT_PADDING - OVERHANG
        column.setContentsMargins(side, 12, side, 16)
        column.setSpacing(8)
        column.addLayout(beside_table(Text(_("Methods and what they cost"), "strong")))
        column.addWidget(self.methods, 1)
        guard = left_row(Text(_("If a run passes the budget")), self._then)
        column.addLayout(beside_table(self._verdict, self.line, guard))
        return page

    def _connect(self) -> None:
        self.budget.changed.connect(self._on_budget_changed)
        self.budget.refused.connect(self._on_budget_refused)
        self.chart.chosen.connect(self._on_point_chosen)
        self.methods.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self._then.activated.connect(self._on_then_chosen)
        self._view.chosen.connect(self._show_view)
        self._which.activated.connect(self._on_laboratory_chosen)
        self.comparison.begun.connect(self._on_begun)
        self.session.jobs_changed.connect(self._on_jobs_changed)

    # Showing

    def _on_facts(self, facts: ProtectionFacts) -> None:
        self._facts = facts
        if facts.packing not in ("packed", "changed") or not facts.has_mixture:
            self._show_not_ready()
            return
        if facts.blind is not None:
            self._compare.setVisible(False)
            self.show_empty(
                "chart", _("Forgetting cannot be measured yet"), sentence(facts.blind), _("Go to Corpus"),
                self._on_corpus_clicked,
            )  # fmt: skip
            return
        self._compare.setVisible(True)
        if not self._timer.isActive():
            self._limit = limit_of(facts.recipe)
        self._then.setCurrentIndex(self._then.findData(facts.recipe.on_budget))
        self.comparison.show_origins(facts.origins)
        self._show_budget()
        self._show_laboratories(facts)
        self._show_methods()
        self.comparison.plan()
        self.show_ready()
        self._show_primary()

    def _show_not_ready(self) -> None:
        self._compare.setVisible(False)
        self.show_empty(
            "chart", _("Nothing to protect yet"),
            _("What a model forgets is measured on general text while it reads the text of your field. Pack "
              "the text and set a mixture first."),
            _("Go to Mixture"), self._on_mixture_clicked,
        )  # fmt: skip

    def _show_budget(self) -> None:
        shown = self._facts.shown if self._facts else None
        self.budget.show_limit(self._limit, limit_words(self._limit, shown.base_nats if shown else None))

    def _line(self) -> float | None:
        """Return where the chart draws the budget."""
        shown = self._facts.shown if self._facts else None
        return self._limit.nats(shown.base_nats if shown else None)

    def _show_laboratories(self, facts: ProtectionFacts) -> None:
        with QSignalBlocker(self._which):
            self._which.clear()
            for name in facts.laboratories:
                self._which.addItem(_("Comparison {n}").format(n=name.rsplit("-", 1)[1]), name)
            self._which.setCurrentIndex(self._which.findData(facts.shown.job if facts.shown else ""))
        self._which.setVisible(len(facts.laboratories) > 1)

    def _show_methods(self) -> None:
        shown = self._facts.shown if self._facts else None
        if shown is None or not (shown.rows or shown.planned):
            self._models[0].show_rows([])
            self._models[1].show_rows([])
            self.chart.show_methods([], self._line(), "")
            self._verdict.setText("")
            self.chosen.show_nothing(_("No methods have been compared yet: start with a new comparison."))
            if self._view.key != "layers":
                self._show_view("new")
            return
        lines = lines_of(shown)
        self._models[0].show_rows(lines)
        self._models[1].show_rows([line for line in lines if line.row])
        self._verdict.setText("\n".join(shown.verdict))
        known = [row.method for row in shown.rows]
        if self._chosen not in known:
            within = [line.name for line in lines if line.row and line.row.is_within]
            self._chosen = next(iter(within or known), "")
        self._show_chosen()

    def _show_chosen(self) -> None:
        shown = self._facts.shown if self._facts else None
        row = next((one for one in shown.rows if one.method == self._chosen), None) if shown else None
        if shown is None or row is None:
            self.chosen.show_nothing(_("The first runs are at work; methods appear here one by one."))
            self.chart.show_methods([], self._line(), "")
        else:
            self.chosen.show_method(shown, row)
            self.chart.show_methods(points_of(shown), self._line(), method_words(self._chosen))
            self._select(self._chosen)
        self._show_primary()

    def _select(self, name: str) -> None:
        lines: list[MethodLine] = self._models[0].rows
        place = next((number for number, line in enumerate(lines) if line.name == name), -1)
        model = self.methods.selectionModel()
        with QSignalBlocker(model):
            flags = QItemSelectionModel.SelectionFlag
            model.setCurrentIndex(self._models[0].index(place, 0), flags.ClearAndSelect | flags.Rows)
        self.methods.viewport().update()

    def _show_primary(self) -> None:
        self.header.set_primary_enabled(self._is_usable())

    def _is_usable(self) -> bool:
        shown = self._facts.shown if self._facts else None
        is_measured = shown is not None and any(row.method == self._chosen for row in shown.rows)
        return is_measured and not is_made_afterwards(self._chosen)

    def _show_view(self, key: str) -> None:
        self._view.choose(key)
        self._stack.setCurrentIndex(_VIEWS.index(key))
        self._heading.setText(_("Layers") if key == "layers" else _("Frontier"))

    # What a person does

    def _on_budget_changed(self, limit: Limit) -> None:
        self._limit = limit
        self.line.clear()
        self._show_budget()
        shown = self._facts.shown if self._facts else None
        if shown is not None:
            self.chart.show_methods(points_of(shown), self._line(), method_words(self._chosen))
        self._timer.start()

    def _on_budget_refused(self, text: str) -> None:
        words = _("{text} is no budget: give a number from 0 up, such as 0.05 nats or 3 %.")
        self.line.say("problem", words.format(text=text))
        self._show_budget()

    def _save(self) -> None:
        self._timer.stop()
        limit = self._limit

        def change(project: Project) -> Recipe:
            return set_limit(project, limit)

        self.session.edit(change, None, self._on_refused, _PLANS)

    def _on_then_chosen(self) -> None:
        then = self._then.currentData()

        def change(project: Project) -> Recipe:
            return set_guard(project, then)

        self.session.edit(change, None, self._on_refused, _PLANS)

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))

    def _on_point_chosen(self, words: str) -> None:
        lines: list[MethodLine] = self._models[0].rows
        self._on_chosen(next(line.name for line in lines if method_words(line.name) == words))

    def _on_chosen(self, name: str) -> None:
        self._chosen = name
        self._show_chosen()

    def _on_row_changed(self, *_indices: object) -> None:
        lines: list[MethodLine] = self._models[0].rows
        place = self.methods.selected_row
        if 0 <= place < len(lines) and lines[place].row is not None:
            self._on_chosen(lines[place].name)

    def _on_laboratory_chosen(self) -> None:
        self._laboratory = self._which.currentData()
        self.refresh()

    def _on_compare_clicked(self) -> None:
        self._show_view("new")
        self.comparison.focus("")

    def _on_use_clicked(self) -> None:
        shown = self._facts.shown if self._facts else None
        if shown is None:
            return
        job, method = shown.job, self._chosen
        self.save_pending()

        def use(project: Project) -> Recipe:
            return use_method(project, job, method)

        self.session.edit(use, self._on_used, self._on_refused, _PLANS)

    def _on_used(self, _recipe: Recipe) -> None:
        self.go_requested.emit("training")

    def _on_mixture_clicked(self) -> None:
        self.go_requested.emit("mixture")

    def _on_corpus_clicked(self) -> None:
        self.go_requested.emit("corpus")

    def _on_begun(self, laboratory: str) -> None:
        self._laboratory, self._chosen = laboratory, ""
        self._show_view("chart")
        self.refresh()

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        """Read again when another method is measured, or a comparison ends."""
        found = tuple(f"{job.job_id} {job.status} {job.phase}" for job in jobs if job.kind == "laboratory")
        if found != self._measured:
            self._measured = found
            self._is_stale = True
            if self.isVisible():
                self.refresh_if_stale()
