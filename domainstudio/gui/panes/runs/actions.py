"""What a person does to a run: the buttons of the header, and sentences that ask before anything is lost."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from domainstudio.gui.pane import PaneHeader
from domainstudio.gui.panes.runs.by_hand import hand_dialog
from domainstudio.gui.panes.runs.connection import link_in_question
from domainstudio.gui.panes.runs.fetching import Fetching
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.problem_line import ProblemLine, Severity
from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.language import translate as _
from domainstudio.machines.assignment import Fetch
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_count, format_size
from domainstudio.workflow.machines.remote import machine_names
from domainstudio.workflow.running import resume
from domainstudio.workflow.runs import asking
from domainstudio.workflow.runs.run_list import RunRow
from domainstudio.workflow.training.branching import start_branch

_TOPICS = frozenset({"runs"})
_OVER = ("done", "stopped", "failed", "interrupted")
_OFFERED = 4
"""Newest checkpoints that a branch is offered from; others are reached by command."""
_DECAYS = (0.05, 0.1, 0.2)
"""Lengths of a decay that are offered, as shares of the steps before: 10 to 20 percent (arXiv 2405.18392)."""


class RunActions(QObject):
    """Pause, resume, stop, keep, checkpoint, delete the run that is chosen, or branch off it.

    Signals:
        export_requested: the run is finished and shall be exported.
    """

    export_requested = Signal()

    def __init__(self, session: Session, header: PaneHeader, line: ProblemLine) -> None:
        """Put the buttons into `header`; `line` asks and says what was refused."""
        super().__init__(header)
        self._session, self._header, self._line = session, header, line
        self._row: RunRow | None = None
        self._saved = 0
        self._asked: dict[str, str] = {}
        """Run → what was asked of it and has not happened yet: pause, stop, keep."""
        self._question = ""
        self._primary = ""
        self.fetching = Fetching(session, self)
        self.fetching.progressed.connect(self._on_fetch_progressed)
        self.fetching.refused.connect(self._on_fetch_refused)
        self._delete = header.add_secondary(_("Delete…"), self._on_delete_clicked)
        self._stop = header.add_secondary(_("Stop…"), self._on_stop_clicked)
        self._branch = header.add_secondary(_("Branch and decay…"), self._on_branch_clicked)
        self._branch.setToolTip(
            _("Go on from a checkpoint in a run of its own whose rate falls to the floor")
        )
        self._fetch = header.add_secondary(_("Fetch checkpoints…"), self._on_fetch_clicked, "import")
        self._by_hand = header.add_secondary(_("By hand…"), self._on_by_hand_clicked)
        self._by_hand.setToolTip(_("Commands or a batch script with which you start it yourself"))
        self._checkpoint = header.add_secondary(_("Checkpoint now"), self._on_checkpoint_clicked)
        self.show_run(None, 0)

    def show_run(self, row: RunRow | None, saved: int) -> None:
        """Offer what can be done to a run whose newest checkpoint is of step `saved`, 0 if there is none."""
        if row is None or self._row is None or row.run != self._row.run:
            self._close_question()
        self._row, self._saved = row, saved
        status = row.status if row else ""
        if row is not None and status in _OVER:
            self._asked.pop(row.run, None)
            if self._question == "stop":
                self._close_question()
        asked = self._asked.get(row.run, "") if row else ""
        is_running = status in ("running", "unknown")
        self._stop.setVisible(is_running)
        self._checkpoint.setVisible(is_running)
        self._checkpoint.setEnabled(not asked)
        self._delete.setVisible(status in _OVER)
        self._fetch.setVisible(row is not None and bool(row.machine) and saved > 0)
        self._fetch.setEnabled(not self.fetching.run)
        may_go_on = row is not None and status in _OVER and status != "done" and not row.machine
        self._by_hand.setVisible(may_go_on and bool(machine_names()))
        self._branch.setVisible(row is not None and row.may_branch and saved > 0)
        self._show_primary(status, asked)

    def _show_primary(self, status: str, asked: str) -> None:
        words: dict[str, tuple[str, Callable[[], object], str]] = {
            "pause": (_("Pause"), self._on_pause_clicked, "pause-ring"),
            "pause when back": (_("Pause when back"), self._on_pause_clicked, "pause-ring"),
            "pausing": (_("Pausing…"), self._on_pause_clicked, "pause-ring"),
            "resume": (_("Resume"), self._on_resume_clicked, "play-ring"),
            "export": (_("Export…"), self._on_export_clicked, "export"),
        }
        if status == "done":
            wanted = "export"
        elif status in _OVER:
            wanted = "resume"
        else:
            is_heard = self._row is None or link_in_question(self._row) is None
            wanted = "pausing" if asked else "pause" if is_heard else "pause when back"
        if wanted != self._primary:
            self._primary = wanted
            text, slot, icon = words[wanted]
            self._header.set_primary(text, slot, icon)
        self._header.set_primary_enabled(
            wanted in ("resume", "export") or (status == "running" and not asked)
        )

    def pause(self) -> None:
        """Pause the chosen run if it is running."""
        if self._row is not None and self._row.status == "running":
            self._on_pause_clicked()

    def _on_pause_clicked(self) -> None:
        self._ask("pause", asking.pause)

    def _on_checkpoint_clicked(self) -> None:
        self._do(asking.checkpoint_now)

    def _on_resume_clicked(self) -> None:
        self._close_question()
        self._header.set_primary_enabled(False)
        self._do(_resume)

    def _on_export_clicked(self) -> None:
        self.export_requested.emit()

    def _on_by_hand_clicked(self) -> None:
        if self._row is not None:
            page = hand_dialog(self._session, self._row.run, machine_names(), self._header.window())
            page.finished.connect(page.deleteLater)
            page.open()

    def _on_fetch_clicked(self) -> None:
        row = self._row
        if row is None:
            return
        self._question = "fetch"
        words = _("What shall come here from {machine}? What is here already is not sent again.")
        links: list[tuple[str, Callable[[], object]]] = [
            (_("The model of its result"), partial(self._on_fetch_chosen, row.run, "model")),
            (_("All of its checkpoints"), partial(self._on_fetch_chosen, row.run, "all")),
            (_("Nothing"), self._close_question),
        ]
        self._line.say("attention", words.format(machine=row.machine), links)

    def _on_fetch_chosen(self, run: str, what: Fetch) -> None:
        self._close_question()
        self.fetching.begin(run, what)

    def _on_fetch_progressed(self) -> None:
        self._fetch.setEnabled(not self.fetching.run)

    def _on_fetch_refused(self, problem: Problem) -> None:
        self._question = "refused"
        severity: Severity = "attention" if problem.code == "machine.stopped" else "problem"
        self._line.say(severity, sentence(problem), [(_("Close"), self._close_question)])

    def _on_stop_clicked(self) -> None:
        row = self._row
        if row is None:
            return
        self._question = "stop"
        if row.run in self._asked:
            words = _(
                "{run} was asked already and has not answered yet; killing it loses the steps since {step}."
            )
            links = [(_("Kill its processes"), self._on_kill_clicked), (_("Wait"), self._close_question)]
        else:
            words = _(
                "Stopping {run} at once loses the steps since {step}; keeping it takes the next step for its "
                "last, measures it, saves it and calls it finished."
            )
            links = [
                (_("Stop at once"), self._on_stop_now_clicked),
                (_("Stop and keep"), self._on_keep_clicked),
                (_("Go on"), self._close_question),
            ]
        place = (
            _("checkpoint {step}").format(step=format_count(self._saved))
            if self._saved
            else _("its beginning")
        )
        self._line.say("attention", words.format(run=row.run, step=place), links)

    def _on_stop_now_clicked(self) -> None:
        self._close_question()
        self._ask("stop", asking.stop)

    def _on_keep_clicked(self) -> None:
        self._close_question()
        self._ask("keep", asking.stop_and_keep)

    def _on_kill_clicked(self) -> None:
        self._close_question()
        self._do(_kill)

    def _on_branch_clicked(self) -> None:
        if self._row is not None:
            self._session.read(partial(_checkpoints, self._row.run), self._on_checkpoints, self._on_failed)

    def _on_checkpoints(self, found: tuple[str, list[int]]) -> None:
        run, steps = found
        if self._row is None or self._row.run != run or not steps:
            return
        if len(steps) == 1:
            self._ask_for_decay(steps[0])
            return
        self._question = "branch"
        words = _(
            "A branch goes on from a checkpoint of {run} with its optimizer and its place in the text, while "
            "its rate falls to the floor; {run} stays as it is. From which step?"
        )
        links = [
            (_("step {n}").format(n=format_count(step)), partial(self._ask_for_decay, step)) for step in steps
        ]
        self._line.say(
            "attention", words.format(run=run), [*links, (_("Do not branch"), self._close_question)]
        )

    def _ask_for_decay(self, step: int) -> None:
        if self._row is None:
            return
        self._question = "branch"
        words = _(
            "A branch of {run} from step {step}: how long shall its rate fall? 10 to 20 percent of the steps "
            "before are usual (arXiv 2405.18392)."
        )
        lengths = sorted({max(1, round(share * step)) for share in _DECAYS})
        links = [
            (_("{n} steps").format(n=format_count(length)), partial(self._start_branch, step, length))
            for length in lengths
        ]
        self._line.say(
            "attention",
            words.format(run=self._row.run, step=format_count(step)),
            [*links, (_("Do not branch"), self._close_question)],
        )

    def _start_branch(self, step: int, decay_steps: int) -> None:
        self._close_question()
        self._do(partial(_branch, step, decay_steps))

    def _on_delete_clicked(self) -> None:
        if self._row is not None:
            self._session.read(partial(_size, self._row.run), self._on_sized, self._on_failed)

    def _on_sized(self, found: tuple[str, int]) -> None:
        run, size_bytes = found
        if self._row is None or self._row.run != run or self._row.status not in _OVER:
            return
        self._question = "delete"
        words = _("Deleting {run} frees {size}: its checkpoints, curves and log are gone for good.")
        delete = _("Delete {run}, {size}").format(run=run, size=format_size(size_bytes))
        links = [(delete, self._on_delete_confirmed), (_("Do not delete"), self._close_question)]
        self._line.say("attention", words.format(run=run, size=format_size(size_bytes)), links)

    def _on_delete_confirmed(self) -> None:
        self._close_question()
        self._do(asking.delete)

    def _ask(self, what: str, change: Callable[[Project, str], Any]) -> None:
        if self._row is not None:
            self._asked[self._row.run] = what
            self._do(change)
            self.show_run(self._row, self._saved)

    def _do(self, change: Callable[[Project, str], Any]) -> None:
        if self._row is None:
            return
        run = self._row.run

        def call(project: Project) -> Any:
            return change(project, run)

        self._session.edit(call, None, self._on_failed, _TOPICS)

    def _on_failed(self, problem: Problem) -> None:
        if self._row is not None:
            self._asked.pop(self._row.run, None)
            self.show_run(self._row, self._saved)
        self._question = "refused"
        self._line.say("problem", sentence(problem), [(_("Close"), self._close_question)])

    def _close_question(self) -> None:
        self._question = ""
        self._line.clear()


def _resume(project: Project, run: str) -> None:
    resume(project.job(run))


def _checkpoints(run: str, project: Project) -> tuple[str, list[int]]:
    found = list_checkpoints(project.job(run).result)
    return run, [checkpoint.step for checkpoint in reversed(found)][:_OFFERED]


def _branch(step: int, decay_steps: int, project: Project, run: str) -> None:
    start_branch(project, f"{run}@{step}", decay_steps)


def _kill(project: Project, run: str) -> None:
    asking.kill(project, run)


def _size(run: str, project: Project) -> tuple[str, int]:
    return run, asking.size_of(project, run)
