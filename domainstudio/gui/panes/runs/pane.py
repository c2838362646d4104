"""The Runs pane: a list of runs, and of the chosen one its numbers, plots, tables, log and text samples."""

import time
from functools import partial
from typing import Any

from PySide6.QtCore import QDateTime, Qt, QTimer
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.evaluation.budget import accepted_in_nats
from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.runs.actions import RunActions
from domainstudio.gui.panes.runs.connection import link_in_question
from domainstudio.gui.panes.runs.curves import Shown, ShownRun
from domainstudio.gui.panes.runs.list import RunsColumn
from domainstudio.gui.panes.runs.log import LogPage
from domainstudio.gui.panes.runs.machine import MachineLine
from domainstudio.gui.panes.runs.plots import KeyNumbers, PlotsPage
from domainstudio.gui.panes.runs.samples import SamplesPage
from domainstudio.gui.panes.runs.table import TablePage
from domainstudio.gui.panes.runs.words import state_words, telling
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import Segments
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem, ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.envelope import smoothed
from domainstudio.jobs.folder import list_jobs
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.workflow.runs.asking import size_of
from domainstudio.workflow.runs.run_list import RunRow
from domainstudio.workflow.training.starting import TRAIN, Resumption, resumption

_SECOND = 1000
NARROW = 1100
"""Pixels below which the tools take two lines."""


class RunsPane(Pane):
    """Watch runs, pause and resume them."""

    step = "runs"
    topics = frozenset({"runs"})

    def __init__(self, session: Session) -> None:
        """Show the runs the session knows."""
        purpose = _("Watch domain loss fall and what is forgotten; pause and resume at any step.")
        super().__init__(session, _("Runs"), purpose)
        self._rows: dict[str, RunRow] = {}
        self._known: dict[str, ShownRun] = {}
        self._run = ""
        self._resumption: tuple[str, Resumption] | None = None
        self._wanted: dict[str, Any] = {}
        self._stamp: object = None
        self.list = RunsColumn()
        self.numbers, self.plots = KeyNumbers(), PlotsPage()
        self.table, self.log, self.samples = TablePage(), LogPage(session), SamplesPage(session)
        self.view = Segments(
            [("plots", _("Plots")), ("table", _("Table")), ("log", _("Log")), ("samples", _("Text samples"))],
            _("View"),
        )
        self.axis = Segments(
            [("step", _("Steps")), ("tokens", _("Tokens")), ("seconds", _("Time"))], _("x axis")
        )
        self.held_out = Segments([("base", _("Against base")), ("absolute", _("Absolute"))], _("Held-out"))
        self.question = ProblemLine()
        self.act = RunActions(session, self.header, self.question)
        self.machine = MachineLine(self.act.fetching)
        self._pages = QStackedWidget()
        self._lay_out()
        self.list.run_chosen.connect(self._on_run_chosen)
        self.list.shown_changed.connect(self._show_run)
        self.view.chosen.connect(self._on_view_chosen)
        self.axis.chosen.connect(self._show_run)
        self.held_out.chosen.connect(self._show_run)
        self.act.export_requested.connect(self._on_export_requested)
        self._clock = QTimer(self)
        self._clock.setInterval(_SECOND)
        self._clock.timeout.connect(self._on_second)
        session.runs_changed.connect(self._on_runs_changed)
        if session.run_rows:
            self._on_runs_changed(session.run_rows)

    def refresh(self) -> None:
        """Ask whether there are runs, and what they take on disk."""
        if not self._rows:
            self.show_loading()
        self.session.read(_runs_and_size, self._on_counted, self._on_failed)

    def choose_run(self, run: str) -> None:
        """Show a run, at once or as soon as the session knows it."""
        self._wanted["run"] = run
        self._take_wanted()

    def memory(self) -> dict[str, Any]:
        """Return what is chosen."""
        return {
            "run": self._run,
            "shown": sorted(self.list.model.shown),
            "view": self.view.key,
            "axis": self.axis.key,
            "held_out": self.held_out.key,
        }

    def remember(self, values: dict[str, Any]) -> None:
        """Choose what was chosen."""
        self.view.choose(str(values.get("view", "")))
        self.axis.choose(str(values.get("axis", "")))
        self.held_out.choose(str(values.get("held_out", "")))
        self._wanted = {"run": values.get("run"), "shown": values.get("shown")}
        self._on_view_chosen()
        self._take_wanted()

    def _on_counted(self, found: tuple[int, int]) -> None:
        number, size_bytes = found
        if number <= len(self.session.runs.refused):
            self._show_no_runs()
        elif self._rows:
            self.show_ready()
        self.list.show_size(size_bytes)

    def _show_no_runs(self) -> None:
        self.show_empty(
            "chart",
            _("No run yet"),
            _("A run trains the base model on the mixture. It is started in Training and shown here live."),
            _("Set up the training"),
            self._on_training_requested,
        )

    def _on_runs_changed(self, rows: list[RunRow]) -> None:
        is_first, before = not self._rows, set(self._rows)
        self._rows = {row.run: row for row in rows}
        self._known = {name: known for name, known in self._known.items() if name in self._rows}
        self.list.show_rows(rows)
        self.set_problems(_problems(rows, self.session.runs.refused))
        if not rows:
            self._run = ""
            self.act.show_run(None, 0)
            self._show_no_runs()
            return
        added = [row.run for row in rows if row.run not in before]
        if self._run not in self._rows or (added and not is_first):
            self._choose(added[-1] if added else rows[-1].run)
        self._take_wanted()
        if set(self._rows) != before:
            self.show_ready()
            self.session.read(_runs_and_size, self._on_counted)
        self._show_run()

    def _take_wanted(self) -> None:
        """Choose what was remembered, once it is there."""
        run, shown = self._wanted.get("run"), self._wanted.get("shown")
        if self._rows and isinstance(shown, list):
            self.list.model.shown = {name for name in shown if name in self._rows}
            self._wanted.pop("shown")
        if run in self._rows:
            self._wanted.pop("run")
            self._choose(str(run))
            self._show_run()

    def _on_run_chosen(self, run: str) -> None:
        self._choose(run)
        self._show_run()

    def _choose(self, run: str) -> None:
        self._run = run
        self.list.choose(run)

    def _on_view_chosen(self) -> None:
        pages = {"plots": self.plots, "table": self.table, "log": self.log, "samples": self.samples}
        self._pages.setCurrentWidget(pages[self.view.key])
        for part in self._axis_tools:
            part.setVisible(self.view.key == "plots")
        for part in self._held_out_tools:
            part.setVisible(self.view.key in ("plots", "table"))
        self._show_run()

    def _known_run(self, run: str) -> ShownRun | None:
        """Return a run's curves, kept so that what was worked out of them is."""
        curves = self.session.runs.curves(run)
        if curves is None:
            return None
        known = self._known.get(run)
        if known is None or known.curves is not curves:
            known = self._known[run] = ShownRun(run, curves)
        return known

    def _shown(self) -> Shown | None:
        """Return what is in sight, None if there is nothing."""
        run, spec = self._known_run(self._run), self.session.runs.spec(self._run)
        if run is None or spec is None or self._run not in self._rows:
            return None
        names = [name for name in sorted(self.list.model.shown) if name != self._run]
        control = self._rows[self._run].control
        return Shown(
            run=run,
            spec=spec,
            axis=self.axis.key,  # type: ignore[arg-type]
            is_against_base=self.held_out.key == "base",
            others=[other for name in names if (other := self._known_run(name)) is not None],
            control=self._known_run(control) if control else None,
            accepted=accepted_in_nats(spec.recipe, run.held_out.general_base),
        )

    def _show_run(self) -> None:
        shown = self._shown()
        if shown is None:
            return
        row, curves = self._rows[self._run], shown.curves
        line = smoothed(curves.steps, "step", "loss")
        loss = float(line.y[-1]) if len(line.y) and line.y[-1] == line.y[-1] else row.loss
        self.numbers.show_run(row, loss, shown.accepted, _end_words(row))
        self.act.show_run(row, curves.checkpoints[-1].step if curves.checkpoints else 0)
        self.machine.show_run(row)
        match self.view.key:
            case "plots":
                self.plots.show_run(shown)
            case "table":
                self.table.show_run(shown)
            case "log":
                self.log.show_run(self._run)
            case _:
                self.samples.show_run(self._run, len(curves.checkpoints))
        stamp = (self._run, row.status, len(curves.checkpoints))
        if stamp != self._stamp:
            self._stamp = stamp
            self.session.read(partial(_resumption, self._run), self._on_resumption)
        self._tell()

    def _on_resumption(self, found: tuple[str, Resumption]) -> None:
        self._resumption = found
        self._tell()

    def _tell(self) -> None:
        row, shown = self._rows.get(self._run), self._shown()
        if row is not None and shown is not None:
            found = self._resumption
            known = found[1] if found is not None and found[0] == self._run else None
            self.plots.state.tell(telling(row, shown.curves, shown.spec, known, time.time()))

    def _on_second(self) -> None:
        """Say anew what grows older while nothing comes."""
        self._tell()
        self.machine.tell()
        self.list.view.viewport().update()
        if any(row.link is not None for row in self._rows.values()):
            self.set_problems(_problems(list(self._rows.values()), self.session.runs.refused))

    def _on_training_requested(self) -> None:
        self.go_requested.emit("training")

    def _on_export_requested(self) -> None:
        self.go_requested.emit("export")

    def _lay_out(self) -> None:
        for page in (self.plots, self.table, self.log, self.samples):
            self._pages.addWidget(page)
        tools = self._tools = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        tools.setContentsMargins(theme.PADDING, 8, theme.PADDING, 8)
        tools.setSpacing(8)
        side = QHBoxLayout()
        side.setSpacing(12)
        side.addStretch(1)
        tools.addWidget(self.view, 0, Qt.AlignmentFlag.AlignLeft)
        tools.addLayout(side, 1)
        self._axis_tools = (Text(_("x axis"), "small", "text2"), self.axis)
        self._held_out_tools = (Text(_("Held-out"), "small", "text2"), self.held_out)
        for tool in (*self._axis_tools, *self._held_out_tools):
            side.addWidget(tool)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        for part in (self.question, self.numbers, self.machine, hairline()):
            right.addWidget(part)
        right.addLayout(tools)
        right.addWidget(self._pages, 1)
        layout = QHBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.list)
        layout.addWidget(hairline(is_vertical=True))
        holder = QWidget()
        holder.setLayout(right)
        layout.addWidget(holder, 1)

    # Overridden from Qt

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Put what is shown and how on two lines where one has no room for it."""
        directions = QBoxLayout.Direction
        is_narrow = self.width() < NARROW
        self._tools.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)
        super().resizeEvent(event)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Count the seconds since the last event while the pane is seen."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Count nothing while it is not."""
        self._clock.stop()
        super().hideEvent(event)


def _problems(rows: list[RunRow], refused: dict[str, Problem]) -> list[PaneProblem]:
    """Return what the problems bar shows: the newest run if it died or failed, and runs not shown."""
    found = [PaneProblem("problem", f"{run}: {sentence(problem)}") for run, problem in refused.items()]
    row = rows[-1] if rows else None
    if row is not None and row.status in ("interrupted", "failed"):
        severity = "attention" if row.status == "interrupted" else "problem"
        found.insert(0, PaneProblem(severity, f"{row.run}: {state_words(row)}", row.run))  # type: ignore[arg-type]
    for row in rows:
        link = link_in_question(row)
        if link is not None and row.status not in ("interrupted", "failed"):
            words = _("{run}: {machine} does not answer").format(run=row.run, machine=link.machine)
            found.append(PaneProblem("attention", words, row.run))
    return found


def _end_words(row: RunRow) -> str:
    """Return when a running run ends at its pace, in the machine's time."""
    if row.seconds_left is None:
        return ""
    if link_in_question(row) is not None:
        return _("if it runs on")
    end = QDateTime.currentDateTime().addSecs(round(row.seconds_left))
    return _("ends {time}").format(time=end.toString("yyyy-MM-dd HH:mm"))


def _runs_and_size(project: Project) -> tuple[int, int]:
    """Return how many runs there are and their bytes on disk."""
    names = [folder.job_id for folder in list_jobs(project.jobs, TRAIN.name)]
    return len(names), sum(size_of(project, name) for name in names)


def _resumption(run: str, project: Project) -> tuple[str, Resumption]:
    return run, resumption(project, run)
