"""Export: a checkpoint chosen by what it gained and forgot, its card, and the folder it is written to."""

from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.export.blends import BlendStrip
from domainstudio.gui.panes.export.choice import ChosenCheckpoint
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import Segments
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.front_chart import FrontChart, Point
from domainstudio.gui.widgets.problem_line import PaneProblem
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_change, format_count
from domainstudio.workflow.export.blend_words import name_of, words_of
from domainstudio.workflow.export.blending import BlendRow, with_front
from domainstudio.workflow.export.candidates import Candidate, candidates, suggested
from domainstudio.workflow.export.exporting import card_preview, start_model_export, start_report
from domainstudio.workflow.overview import JobRow

_CHART_SHARE, _CHOICE_SHARE = 6, 5


class ExportPane(Pane):
    """Chart or table of checkpoints at the left, the chosen one at the right."""

    step = "export"
    topics = frozenset({"runs"})

    def __init__(self, session: Session) -> None:
        """Build the pane; it is filled when it is shown."""
        super().__init__(session, _("Export"), _("A checkpoint, chosen by what it gained and forgot."))
        self._report = self.header.add_secondary(_("Write the report…"), self._on_report_clicked, "document")
        self._export = self.header.set_primary(_("Export"), self._on_export_clicked, "export")
        self._found: list[Candidate] = []
        self._chosen, self._shown = "", ""
        self._blend: BlendRow | None = None
        """What is chosen of the chosen checkpoint's blends; None for the checkpoint itself."""
        self._typed_destination = False
        self._jobs: dict[str, Path] = {}
        self._states: tuple[str, ...] = ()
        self._origin = QComboBox()
        self._origin.setAccessibleName(_("Runs from the same base"))
        self._origin.activated.connect(self._on_origin_activated)
        self._view = Segments([("chart", _("Chart")), ("table", _("Table"))], _("Show as"))
        self._view.chosen.connect(self._on_view_chosen)
        self._chart = FrontChart()
        self._chart.chosen.connect(self._on_chosen)
        self._model = RowsModel(_columns())
        self._table = Table(_("Checkpoints"))
        self._table.show_model(self._model)
        self._table.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self._note = Text("", "small", "text2", wrap=True)
        self._choice = ChosenCheckpoint()
        self._choice.destination_changed.connect(self._on_destination_changed)
        self._strip = BlendStrip(session)
        self._strip.measured.connect(self._on_blends_measured)
        self._strip.chosen.connect(self._choose_blend)
        self._build()
        session.jobs_changed.connect(self._on_jobs_changed)
        session.runs_changed.connect(self._on_runs_changed)

    # What the window asks

    def refresh(self) -> None:
        """Read the checkpoints anew."""
        self.show_loading()
        self.session.read(candidates, self._on_candidates, self._on_failed)

    def focus_field(self, field: str) -> None:
        """Put the focus on the folder to write, or on the chart."""
        if field == "dest":
            self._choice.destination.setFocus()
        else:
            (self._chart if self._view.key == "chart" else self._table).setFocus()

    def memory(self) -> dict[str, Any]:
        """Keep the view and the choice."""
        return {"view": self._view.key, "chosen": self._chosen}

    def remember(self, values: dict[str, Any]) -> None:
        """Show the view and the choice that were shown."""
        if values.get("view") in ("chart", "table"):
            self._view.choose(values["view"])
            self._on_view_chosen(values["view"])
        self._chosen = str(values.get("chosen") or "")

    # Showing

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(16)
        tools.addWidget(self._view)
        tools.addStretch(1)
        tools.addWidget(self._origin)
        self._stack = QStackedWidget()
        chart = QWidget()
        chart.setLayout(beside_table(self._chart))
        self._stack.addWidget(chart)
        self._stack.addWidget(self._table)
        left = QWidget()
        column = QVBoxLayout(left)
        side = theme.PADDING - OVERHANG
        column.setContentsMargins(side, 12, side, 16)
        column.setSpacing(12)
        column.addLayout(beside_table(tools))
        column.addWidget(self._stack, 1)
        column.addLayout(beside_table(self._note, hairline(), self._strip, spacing=12))
        layout = QHBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(left, _CHART_SHARE)
        layout.addWidget(hairline(is_vertical=True))
        layout.addWidget(self._choice, _CHOICE_SHARE)

    def _on_candidates(self, found: list[Candidate]) -> None:
        self._found = found
        if not found:
            self._show_empty()
            return
        self._report.setVisible(True)
        chosen = self._of(self._chosen) or suggested(found)
        assert chosen is not None
        self._show_origins(chosen.origin)
        self._choose_again(chosen)
        self.show_ready()

    def _show_empty(self) -> None:
        self._report.setVisible(False)
        self.show_empty(
            "export",
            _("Nothing trained yet"),
            _("A run leaves checkpoints; each is measured against the base and can be written as a model "
              "folder that other programs load, with a card that says what it gained and forgot."),
            _("Go to Training"),
            self._on_training_requested,
        )  # fmt: skip

    def _show_origins(self, origin: str) -> None:
        """Offer the bases that runs started from: only runs from one base can be set against each other."""
        origins = list(dict.fromkeys(one.origin for one in self._found))
        with QSignalBlocker(self._origin):
            self._origin.clear()
            for each in origins:
                words = _("Runs from {origin}").format(origin=each.rstrip("/").rsplit("/", 1)[-1])
                self._origin.addItem(words, each)
            self._origin.setCurrentIndex(origins.index(origin))
        self._origin.setVisible(len(origins) > 1)

    def _choose(self, one: Candidate) -> None:
        """Show a checkpoint everywhere as the chosen one, and ask for its card."""
        self._chosen, self._blend = one.name, None
        self._strip.show_candidate(one)
        self._choice.show_candidate(one)
        words = _("Export step {step} of {run}").format(step=format_count(one.step), run=one.run)
        self._show_choice(one.name, words, f"{one.run}-step-{one.step}")

    def _choose_blend(self, row: BlendRow) -> None:
        """Show a blend of the chosen checkpoint everywhere as the chosen one."""
        self._blend = row
        self._choice.show_blend(row)
        words = _("Export {blend}").format(blend=words_of(row.blend, row.steps))
        target = f"{row.run}-step-{row.step}-{row.blend.kind}-{row.blend.amount:g}"
        self._show_choice(name_of(row), words, target)

    def _show_choice(self, name: str, button: str, target: str) -> None:
        """Show which point is chosen, what the button will write and where, and ask for the card."""
        is_new, self._shown = name != self._shown, name
        self._show_points()
        self._strip.show_chosen(self._blend)
        self._export.setText(button)
        if not self._typed_destination:
            folder = self.session.path.parent / f"{self.session.path.name}-{target}"
            self._choice.destination.setText(str(folder))
        if is_new:
            self._choice.card.show_text("")
            self._choice.refusal.clear()
            self._set_refused("")
        run, blend = self._chosen, self._blend.blend if self._blend else None

        def question(project: Project) -> tuple[str, str]:
            return name, card_preview(project, run, blend)

        self.session.read(question, self._on_card, self._on_no_card)

    def _show_points(self) -> None:
        origin = self._origin.currentData()
        checkpoints = [one for one in self._found if one.origin == origin]
        shown = with_front(checkpoints, self._strip.rows)
        points = [_point(one) for one in shown if one.gain is not None and one.forgetting is not None]
        accepted = [one.accepted for one in checkpoints if one.accepted is not None]
        self._chart.show_points(points, accepted, self._shown)
        with QSignalBlocker(self._table.selectionModel()):
            self._model.show_rows(shown)
            row = next((n for n, one in enumerate(shown) if _name(one) == self._shown), -1)
            flags = QItemSelectionModel.SelectionFlag
            self._table.selectionModel().setCurrentIndex(
                self._model.index(row, 0), flags.ClearAndSelect | flags.Rows
            )
        self._table.viewport().update()
        missing = len(shown) - len(points)
        words = [_("The darker line joins the front: there no other gained more and forgot no more.")]
        if self._strip.rows:
            words.append(_("Hollow diamonds are blends."))
        if missing:
            words.append(_("Without both numbers, and in the table alone: {n}.").format(n=missing))
        self._note.setText(" ".join(words))

    def _on_card(self, answer: tuple[str, str]) -> None:
        name, card = answer
        if name == self._shown:
            self._choice.card.show_text(card)

    def _on_no_card(self, problem: Problem) -> None:
        self._choice.card.show_text(sentence(problem))

    # What a person does

    def _on_view_chosen(self, key: str) -> None:
        self._stack.setCurrentIndex(0 if key == "chart" else 1)
        self._note.setVisible(key == "chart")

    def _on_origin_activated(self) -> None:
        origin = self._origin.currentData()
        first = suggested([one for one in self._found if one.origin == origin])
        if first is not None:
            self._choose(first)

    def _on_chosen(self, name: str) -> None:
        one = self._of(name)
        row = next((row for row in self._strip.rows if name_of(row) == name), None)
        if one is not None:
            self._choose(one)
        elif row is not None:
            self._choose_blend(row)

    def _on_blends_measured(self) -> None:
        one = self._of(self._chosen)
        if one is not None:
            self._choose_again(one)

    def _choose_again(self, one: Candidate) -> None:
        """Show a checkpoint that may be the chosen one already: then the chosen blend of it stays too."""
        if one.name == self._chosen and self._blend in self._strip.rows and self._blend is not None:
            self._choose_blend(self._blend)
        else:
            self._choose(one)

    def _on_row_changed(self) -> None:
        row = self._table.selected_row
        if 0 <= row < len(self._model.rows):
            self._on_chosen(_name(self._model.rows[row]))

    def _on_destination_changed(self, text: str) -> None:
        self._typed_destination = bool(text.strip())
        self._choice.refusal.clear()
        self._set_refused("")

    def _on_export_clicked(self) -> None:
        name, target = self._chosen, Path(self._choice.destination.text().strip()).expanduser()
        blend = self._blend.blend if self._blend else None
        self._begin(lambda project: start_model_export(project, name, target, blend), target)

    def _on_report_clicked(self) -> None:
        one = self._of(self._chosen)
        if one is None:
            return
        begin = str(self.session.path.parent / f"{self.session.path.name}-{one.run}.html")
        file, _kind = QFileDialog.getSaveFileName(self, _("Write the report"), begin, "HTML (*.html)")
        if file:
            self.write_report(one.run, Path(file))

    def write_report(self, run: str, file: Path) -> None:
        """Start writing the report of a run."""
        self._begin(lambda project: start_report(project, run, file), file)

    def _begin(self, start: Any, target: Path) -> None:
        """Start a job that writes `target`, and remember to say when it is done."""
        self._choice.written.hide()
        self.header.set_primary_enabled(False)

        def begin(project: Project) -> tuple[JobFolder, Path]:
            return start(project), target

        self.session.edit(begin, self._on_begun, self._on_refused)

    def _on_begun(self, begun: tuple[JobFolder, Path]) -> None:
        folder, target = begun
        self._jobs[folder.job_id] = target
        self._on_jobs_changed(self.session.jobs)

    def _on_refused(self, problem: Problem) -> None:
        self.header.set_primary_enabled(True)
        self._choice.refusal.say("problem", sentence(problem))
        self._set_refused(sentence(problem))

    def _set_refused(self, words: str) -> None:
        self.set_problems([PaneProblem("problem", words, "dest")] if words else [])

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        """Say what was written once one of this pane's jobs ends."""
        for job in jobs:
            if job.job_id in self._jobs and job.status not in ("running", "created", "unknown"):
                target = self._jobs.pop(job.job_id)
                self.header.set_primary_enabled(True)
                if job.status == "done":
                    self._choice.written.say(target)
                elif job.problem is not None:
                    self._on_refused(job.problem)

    def _on_runs_changed(self, rows: list[Any]) -> None:
        """Read again when a run begins or ends, or has passed another checkpoint."""
        states = []
        for row in rows:
            spec = self.session.runs.spec(row.run)
            saved = (row.step - 1) // spec.recipe.checkpoint_every if spec else 0
            states.append(f"{row.run} {row.status} {saved}")
        if tuple(states) != self._states:
            self._states = tuple(states)
            self._is_stale = True
            if self.isVisible():
                self.refresh_if_stale()

    def _on_training_requested(self) -> None:
        self.go_requested.emit("training")

    def _of(self, name: str) -> Candidate | None:
        return next((one for one in self._found if one.name == name), None)


def _columns() -> list[Column]:
    """Return the columns of the table twin."""
    within = {True: _("within"), False: _("above"), None: "–"}
    return [
        Column(_("Checkpoint"), _short_name, tooltip=_name),
        Column(_("Domain gain"), lambda one: _change(one.gain), True, width=96),
        Column(_("Forgetting"), lambda one: _change(one.forgetting), True, width=88),
        Column(_("Measured at"), lambda one: _count(one.measured_at), True, width=96),
        Column(_("Front"), lambda one: _("yes") if one.is_undominated else "–", width=64),
        Column(_("Accepted"), lambda one: within[one.is_accepted], width=80),
        Column(_("Arm"), lambda one: _(one.arm), width=72),
    ]


def _name(one: Candidate | BlendRow) -> str:
    return name_of(one) if isinstance(one, BlendRow) else one.name


def _short_name(one: Candidate | BlendRow) -> str:
    return words_of(one.blend, one.steps) if isinstance(one, BlendRow) else one.name


def _point(one: Candidate | BlendRow) -> Point:
    """Return a row that has both numbers as a point of the chart."""
    gain, forgetting = one.gain or 0.0, one.forgetting or 0.0
    if not isinstance(one, BlendRow):
        return Point(one.name, one.run, forgetting, gain, one.is_undominated)
    place: Literal["between", "apart"] = "between" if one.blend.kind == "interpolation" else "apart"
    return Point(name_of(one), one.run, forgetting, gain, one.is_undominated, place)


def _change(value: float | None) -> str:
    return "–" if value is None else format_change(value)


def _count(value: int | None) -> str:
    return "–" if value is None else format_count(value)
