"""Training: everything that decides a run, what it amounts to, and its start."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.training.choice import PresetButton, RunChoiceRows, preset_like, preset_words
from domainstudio.gui.panes.training.facts import TrainingFacts, meanings, read_facts
from domainstudio.gui.panes.training.form import RecipeForm, count_of
from domainstudio.gui.panes.training.outlook import Links, Outlook
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import Tabs
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem, Severity
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.mixture.notations import ratio_words
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.settings import SETTING
from domainstudio.units import format_count
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.planning import recipe_of, set_recipe
from domainstudio.workflow.training.advice import Advice
from domainstudio.workflow.training.dry_step import DRY_STEP, start_dry_step
from domainstudio.workflow.training.planned import planned
from domainstudio.workflow.training.starting import start_run

_FORM_SHARE, _OUTLOOK_SHARE = 6, 5
_NOTHING_TO_TRAIN_ON = {
    "corpus.none_yet": "corpus",
    "tokenizer.none_yet": "tokenizer",
    "tokens.none_yet": "mixture",
    "mixture.none_yet": "mixture",
}
"""Problem → the pane where it is mended, before there is anything to plan."""


class TrainingPane(Pane):
    """The recipe at the left, what it amounts to at the right."""

    step = "training"
    topics = frozenset({"corpus", "checks", "tokens", "plans", "runs"})

    def __init__(self, session: Session) -> None:
        """Build the pane; it is filled when it is shown."""
        super().__init__(session, _("Training"), _("Everything that decides the run, before it starts."))
        self._start = self.header.set_primary(_("Start training"), self._on_start_clicked, "play-ring")
        self._prepare = self.header.add_secondary(
            _("Only prepare it"), partial(self._begin, is_started=False)
        )
        self._prepare.setToolTip(_("The run is made and not started: Runs shows how you start it by hand"))
        self._prepare.hide()
        self._facts: TrainingFacts | None = None
        self._choice = RunChoiceRows()
        self._choice.changed.connect(self.refresh)
        self._choice.mixture_requested.connect(self._on_mixture_requested)
        self._form = RecipeForm([self._choice])
        self._form.draft_changed.connect(self._on_draft_changed)
        self._form.value_refused.connect(self._show_start)
        self._form.settings_made.connect(self._on_settings_made)
        self._tabs = Tabs(
            [("basic", _("Basic")), ("expert", _("Expert, {n} fields").format(n=count_of("expert")))],
            _("Fields"),
        )
        self._tabs.chosen.connect(self._form.show_page)
        self._preset = PresetButton()
        self._preset.preset_chosen.connect(self._on_preset_chosen)
        self._note = Text("", "small", "text2", wrap=True)
        self._note.setContentsMargins(theme.PADDING, 8, theme.PADDING, 0)
        self._outlook = Outlook()
        self._outlook.fit.hardware_made.connect(self._on_hardware_made)
        self._outlook.fit.dry_step_requested.connect(self._on_dry_step_requested)
        self._hardware = ""
        self._build()
        session.runs_changed.connect(self._on_runs_changed)
        session.jobs_changed.connect(self._on_jobs_changed)
        self._active: tuple[str, ...] = ()

    # What the window asks

    def refresh(self) -> None:
        """Plan the chosen run anew."""
        self.show_loading()
        choice, hardware = self._choice.choice, self._hardware

        def question(project: Project) -> TrainingFacts:
            return read_facts(project, choice, hardware)

        self.session.read(question, self._on_facts, self._on_failed)

    def save_pending(self) -> None:
        """Save what was typed last, without waiting for a pause."""
        self._form.flush()

    def focus_field(self, field: str) -> None:
        """Put the focus on a setting or a choice."""
        if field in SETTING:
            page = "basic" if SETTING[field].is_basic else "expert"
            self._tabs.choose(page)
            self._form.show_page(page)
            self._form.rows[field].take_focus()
        elif self._choice.focus(field):
            self._tabs.choose("basic")
            self._form.show_page("basic")

    def memory(self) -> dict[str, Any]:
        """Keep the page and which run is meant."""
        choice = self._choice.choice
        return {
            "page": self._tabs.key, "origin": choice.origin, "arm": choice.arm, "hardware": self._hardware,
            "machine": choice.machine,
        }  # fmt: skip

    def remember(self, values: dict[str, Any]) -> None:
        """Show the page and the run that were shown."""
        if values.get("page") in ("basic", "expert"):
            self._tabs.choose(values["page"])
            self._form.show_page(values["page"])
        if isinstance(values.get("origin"), str):
            machine = str(values.get("machine") or "")
            self._choice.choose(values["origin"], str(values.get("arm")), machine)
        self._hardware = str(values.get("hardware") or "")
        self._outlook.fit.show_hardware(self._hardware)

    # Showing

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(theme.PADDING, 4, theme.PADDING, 0)
        head.addWidget(self._tabs)
        head.addStretch(1)
        head.addWidget(self._preset)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(hairline())
        column.addWidget(self._note)
        column.addWidget(self._form, 1)
        layout = QHBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(left, _FORM_SHARE)
        layout.addWidget(hairline(is_vertical=True))
        layout.addWidget(self._outlook, _OUTLOOK_SHARE)

    def _on_facts(self, facts: TrainingFacts) -> None:
        if (facts.choice, facts.hardware) != (self._choice.choice, self._hardware):
            return  # another was chosen meanwhile; its answer comes
        if facts.problem is not None and facts.problem.code in _NOTHING_TO_TRAIN_ON:
            self._show_nothing_to_train_on(facts.problem)
            return
        self._facts = facts
        self._choice.show_origins(facts.base, facts.origins)
        self._choice.show_machines(facts.machines)
        self._outlook.fit.show_place(facts.choice.machine.replace(",", ", "))
        if facts.choice != self._choice.choice:
            self.refresh()  # the checkpoint it was to start from is gone
            return
        self._form.show_recipe(facts.recipe)
        self._show_recipe_words(facts.recipe)
        self._show_mixture(facts)
        if facts.run is not None:
            self._outlook.show_run(facts.run, facts.routes)
            self._outlook.show_fit(facts.ground, facts.hardware_problem)
        else:
            self._outlook.show_nothing(_("No run can start like this"))
        self._show_sentences(facts)
        self._show_start()
        self.show_ready()

    def _show_nothing_to_train_on(self, problem: Problem) -> None:
        self._facts = None
        self.set_problems([])
        words = {
            "corpus": _("Import text first: a model learns from documents."),
            "tokenizer": _("The text has to be cut into tokens first: a model reads numbers."),
            "mixture": _("Say first how much of each source a run reads: that decides how long it is."),
        }
        buttons = {
            "corpus": _("Go to Corpus"),
            "tokenizer": _("Go to Tokenizer"),
            "mixture": _("Go to Mixture"),
        }
        step = _NOTHING_TO_TRAIN_ON[problem.code]
        go = partial(self.go_requested.emit, step)
        self.show_empty("sliders", _("Nothing to train on yet"), words[step], buttons[step], go)

    def _show_recipe_words(self, recipe: Recipe) -> None:
        preset = preset_like(recipe)
        self._note.setText(preset_words(preset) if preset else "")
        self._note.setVisible(preset is not None)

    def _show_mixture(self, facts: TrainingFacts) -> None:
        run = facts.run
        if run is None:
            self._choice.show_mixture(_("Not ready") if facts.mixture is None else DEFAULT_NAME, "")
            return
        general = sum(source.share for source in run.spec.sources if source.role == "general")
        asked = facts.mixture.tokens if facts.mixture else run.tokens
        self._choice.show_mixture(
            _("Replay {share:.1f} %").format(share=100 * general),
            _("General {ratio} domain; {tokens} tokens asked for, {steps} steps read {read}.").format(
                ratio=ratio_words(general),
                tokens=format_count(asked),
                steps=format_count(run.spec.steps),
                read=format_count(run.tokens),
            ),
        )
        self._form.show_meanings(meanings(run))

    def _show_sentences(self, facts: TrainingFacts) -> None:
        lines: list[tuple[Severity, str, Links]] = []
        problems: list[PaneProblem] = []
        if facts.problem is not None:
            words, field = sentence(facts.problem), facts.problem.field or ""
            links: Links = [(_("Change the mixture"), self._on_mixture_requested)]
            lines.append(("problem", words, links if facts.problem.code.startswith("mixture.") else []))
            problems.append(PaneProblem("problem", words, field))
            self._form.show_error(field, words)
            self._choice.show_error(field, words)
        else:
            self._choice.show_error("", "")
        misfit = self._outlook.fit.misfit
        if facts.run is not None and misfit:
            problems.append(PaneProblem("problem", misfit, "micro_batch"))
        for one in facts.advice:
            words = sentence(one.problem)
            lines.append((one.severity, words, self._links(one)))
            problems.append(PaneProblem(one.severity, words, one.problem.field or ""))
        self._outlook.show_sentences(lines)
        self.set_problems(problems)

    def _links(self, one: Advice) -> Links:
        """Return the remedies of an advice."""
        offered: dict[str, tuple[str, Callable[[], object]]] = {
            "control": (_("Set up the control run"), self._on_control_requested),
            "mixture": (_("Change the mixture"), self._on_mixture_requested),
            "corpus": (_("Add general text"), self._on_corpus_requested),
            "tokenizer": (_("Go to Tokenizer"), partial(self.go_requested.emit, "tokenizer")),
            "runs": (_("Show the runs"), self._on_runs_requested),
            "base": (_("Start from the base"), self._on_base_requested),
            "items": (_("Show the items"), self._on_items_requested),
        }
        return [offered[one.remedy]] if one.remedy else []

    def _show_start(self) -> None:
        words = {
            "treated": _("Start training"),
            "control": _("Start control run"),
            "naive": _("Start naive run"),
        }
        self._start.setText(words[self._choice.choice.arm])
        facts = self._facts
        is_ready = facts is not None and facts.run is not None and not self._form.refused
        self.header.set_primary_enabled(is_ready)
        self._prepare.setEnabled(is_ready)
        self._prepare.setVisible(facts is not None and bool(facts.machines))

    # What a person does

    def _on_draft_changed(self, recipe: Recipe) -> None:
        """Draw what follows from the fields at once; the plan comes when the change is saved."""
        facts = self._facts
        if facts is not None and facts.mixture is not None:
            try:
                steps = recipe.steps_for(facts.mixture.tokens)
            except UserError:  # said beside the field when the plan is made
                steps = recipe.steps
            self._outlook.show_rate(recipe, steps)
        if facts is not None and facts.ground is not None:
            self._outlook.show_fit(facts.ground, draft=recipe)
        self._show_recipe_words(recipe)
        self._show_start()

    def _on_settings_made(self, settings: dict[str, str]) -> None:
        def save(project: Project) -> Recipe:
            return set_recipe(project, settings)

        self.session.edit(save, None, self._on_not_saved, frozenset({"plans"}))

    def _on_preset_chosen(self, name: str) -> None:
        def save(project: Project) -> Recipe:
            return set_recipe(project, {}, preset=name)

        self._form.drop_changes()
        self.session.edit(save, None, self._on_not_saved, frozenset({"plans"}))

    def _on_not_saved(self, problem: Problem) -> None:
        """Show what is saved: a run reads that, and not what was typed."""
        self.session.problem_found.emit(problem)
        self.refresh()

    def _on_start_clicked(self) -> None:
        self._begin(is_started=True)

    def _begin(self, *, is_started: bool) -> None:
        """Make a run of what is shown, and start it or leave that to the person."""
        choice = self._choice.choice
        self._form.flush()
        shown = self._form.recipe

        def begin(project: Project) -> JobFolder:
            if recipe_of(project, choice.recipe) != shown:  # could not be saved, or is changed elsewhere
                raise UserError(Problem("recipe.not_as_shown", None, {}))
            return start_run(
                project,
                origin=choice.origin,
                mixture_name=choice.mixture,
                recipe_name=choice.recipe,
                arm=choice.arm,
                machine=choice.machine,
                is_started=is_started,
            )

        self.header.set_primary_enabled(False)
        self.session.edit(begin, self._on_started, self._on_not_started, topics=frozenset({"runs"}))

    def _on_hardware_made(self, text: str) -> None:
        self._hardware = text
        self.refresh()

    def _on_dry_step_requested(self) -> None:
        """Try the run as it is shown; its measures come with the end of the job."""
        facts = self._facts
        self._form.flush()
        if facts is None or facts.run is None:
            return
        choice = facts.choice

        def begin(project: Project) -> JobFolder:
            return start_dry_step(project, planned(project, choice).spec, choice.machine)

        self._outlook.fit.show_trial(is_running=True)
        self.session.edit(begin, None, self._on_not_tried, topics=frozenset({"jobs"}))

    def _on_not_tried(self, problem: Problem) -> None:
        self._outlook.fit.show_trial(is_running=False)
        self.session.problem_found.emit(problem)

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        """Offer a dry step unless one is made."""
        is_running = any(job.kind == DRY_STEP.name and job.status == "running" for job in jobs)
        self._outlook.fit.show_trial(is_running=is_running)

    def _on_started(self, _folder: JobFolder) -> None:
        self._show_start()
        self.go_requested.emit("runs")

    def _on_not_started(self, problem: Problem) -> None:
        self._show_start()
        self.session.problem_found.emit(problem)
        self.refresh()

    def _on_control_requested(self) -> None:
        self._choice.choose(self._choice.choice.origin, "control")
        self.refresh()

    def _on_base_requested(self) -> None:
        self._choice.choose("base", self._choice.choice.arm)
        self.refresh()

    def _on_mixture_requested(self) -> None:
        self.go_requested.emit("mixture")

    def _on_corpus_requested(self) -> None:
        self.go_requested.emit("corpus")

    def _on_items_requested(self) -> None:
        self.field_requested.emit("duplicates", "items")

    def _on_runs_requested(self) -> None:
        self.go_requested.emit("runs")

    def _on_runs_changed(self, rows: list[Any]) -> None:
        """Read again when a run begins or ends: it is a start, and something to compare with."""
        states = tuple(f"{row.run} {row.status}" for row in rows)
        if states != self._active:
            self._active = states
            self._is_stale = True
            if self.isVisible():
                self.refresh_if_stale()

    # Overridden from Qt

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Save what was typed last."""
        self.save_pending()
        super().hideEvent(event)
