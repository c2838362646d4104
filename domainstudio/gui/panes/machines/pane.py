"""The Machines pane: the person's machines with what each has free, what runs there, and what is missing."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.background import Background
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.machines.adding import AddForm
from domainstudio.gui.panes.machines.page import MachinePage
from domainstudio.gui.panes.machines.seen import (
    UNKNOWN,
    Answer,
    Seen,
    ask,
    free_gpu_memory,
    gpus_words,
    in_gb,
    runs_words,
    state_of,
    state_words,
)
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem, ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table
from domainstudio.language import translate as _
from domainstudio.machines import store
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.workflow.runs.run_list import RunRow

_MOST_ROWS = 6
_AGE_MILLISECONDS = 5000
_TOPICS = frozenset({"machines"})


class MachinesPane(Pane):
    """Lists machines, adds and removes them, asks each what it has, and installs what is missing."""

    step = "machines"
    topics = _TOPICS

    def __init__(self, session: Session) -> None:
        """Build the pane; the machines are asked when it is first seen."""
        purpose = _("GPU machines that you reach by ssh; each is asked what it has when this page opens.")
        super().__init__(session, _("Machines"), purpose)
        self._seen: dict[str, Seen] = {}
        self._pages: dict[str, MachinePage] = {}
        self._chosen, self._is_adding = "", False
        self._is_listed = False
        """Whether the list could be read."""
        self._background = Background(self)
        self._background.crashed.connect(session.crashed)
        self._again = self.header.add_secondary(_("Ask all again"), self._ask_all, "refresh")
        self.header.set_primary(_("Add a machine"), self._on_add_clicked, "plus")
        self.model, self.table = RowsModel(_columns()), Table(_("Machines"))
        self.table.show_model(self.model)
        self.table.selectionModel().currentRowChanged.connect(self._on_row_chosen)
        self.line, self.form = ProblemLine(), AddForm(self._background)
        self.form.added.connect(self._on_added)
        self.form.given_up.connect(self._on_given_up)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.form)
        self._lay_out()
        self._ages = QTimer(self)
        self._ages.setInterval(_AGE_MILLISECONDS)
        self._ages.timeout.connect(self._tell_times)
        session.runs_changed.connect(self._on_runs_changed)

    def refresh(self) -> None:
        """Read the person's list."""
        if not self._seen:
            self.show_loading()
        self.session.read(_listed, self._on_listed, self._on_failed)

    def focus_field(self, field: str) -> None:
        """Choose the machine of this name."""
        self._choose(field)

    def memory(self) -> dict[str, Any]:
        """Return which machine is chosen."""
        return {"machine": self._chosen}

    def remember(self, values: dict[str, Any]) -> None:
        """Choose it again."""
        self._chosen = str(values.get("machine", ""))

    # The list

    def _on_listed(self, machines: list[Machine]) -> None:
        self._is_listed = True
        before, self._seen = self._seen, {}
        for machine in machines:
            known = before.get(machine.name)
            is_same = known is not None and known.machine == machine
            self._seen[machine.name] = known if is_same and known is not None else Seen(machine)
            if not is_same:
                self._drop_page(machine.name)
        for name in before.keys() - self._seen.keys():
            self._drop_page(name)
        for name, seen in self._seen.items():
            if seen.answer is None:
                self._ask(name)
        self._on_runs_changed(self.session.run_rows)

    def _on_failed(self, problem: Problem) -> None:
        self._is_listed = False
        super()._on_failed(problem)

    def _on_runs_changed(self, rows: list[RunRow]) -> None:
        for name, seen in self._seen.items():
            runs = tuple(row for row in rows if name in row.machines)
            self._seen[name] = replace(seen, runs=runs)
        self._show()

    def _show(self) -> None:
        if not self._is_listed:
            return
        seen = list(self._seen.values())
        self.set_problems(_problems(seen))
        self._again.setVisible(bool(seen))
        self.header.set_primary_enabled(not self._is_adding)
        if not seen and not self._is_adding:
            self.show_empty(
                "terminal",
                _("No machine yet"),
                _(
                    "Training runs on this computer. On a GPU machine that you reach by ssh it trains larger "
                    "models and goes on while this computer sleeps. Nothing listens there, and no password "
                    "is kept."
                ),
                _("Add a machine"),
                self._on_add_clicked,
            )
            return
        self.show_ready()
        for part in (self._above, self._divider):
            part.setVisible(bool(seen))
        self.model.show_rows(seen)
        self.table.fit_height(_MOST_ROWS)
        if self._is_adding:
            self._stack.setCurrentWidget(self.form)
        else:
            self._choose(self._chosen if self._chosen in self._seen else seen[0].machine.name)

    def _choose(self, name: str) -> None:
        if name not in self._seen:
            return
        self._chosen = name
        if name not in self._pages:
            self._pages[name] = self._page(self._seen[name])
        self._pages[name].show_seen(self._seen[name])
        self._stack.setCurrentWidget(self._pages[name])
        number = list(self._seen).index(name)
        if self.table.selected_row != number:
            selection = self.table.selectionModel()
            selection.blockSignals(True)
            self.table.selectRow(number)
            selection.blockSignals(False)
            self.table.viewport().update()

    def _page(self, seen: Seen) -> MachinePage:
        name = seen.machine.name
        page = MachinePage(seen, self._background, self.session.key_there)
        page.ask_requested.connect(partial(self._ask, name))
        page.removal_confirmed.connect(partial(self._remove, name))
        self._stack.addWidget(page)
        return page

    def _drop_page(self, name: str) -> None:
        page = self._pages.pop(name, None)
        if page is not None:
            self._stack.removeWidget(page)
            page.deleteLater()

    def _on_row_chosen(self, current: Any, _before: Any) -> None:
        if current.isValid() and current.row() < len(self._seen):
            self._is_adding = False
            self._choose(list(self._seen)[current.row()])
            self.header.set_primary_enabled(True)

    # Asking

    def _ask_all(self) -> None:
        for name in self._seen:
            self._ask(name)
        self._show()

    def _ask(self, name: str) -> None:
        seen = self._seen.get(name)
        if seen is None or seen.is_asked:
            return
        self._seen[name] = replace(seen, is_asked=True)
        self._background.call(partial(ask, seen.machine), self._on_answered)
        self._show()

    def _on_answered(self, answer: Answer) -> None:
        seen = self._seen.get(answer.machine.name)
        if seen is not None and seen.machine == answer.machine:  # else it was removed, or is another
            if answer.found is None and seen.answer is not None:  # what it said before stays in sight
                answer = replace(answer, found=seen.answer.found, lacks=seen.answer.lacks)
            self._seen[seen.machine.name] = replace(seen, answer=answer, is_asked=False)
            self._show()

    # Adding and removing

    def _on_add_clicked(self) -> None:
        self._is_adding = True
        self._show()
        self.form.begin()

    def _on_added(self, name: str) -> None:
        self._is_adding, self._chosen = False, name
        self.session.changed.emit(_TOPICS)

    def _on_given_up(self) -> None:
        self._is_adding = False
        self._show()

    def _remove(self, name: str) -> None:
        self._background.call(partial(_remove, name), self._on_removed, self._on_not_removed)

    def _on_removed(self, _machine: Machine) -> None:
        self.line.clear()
        self.session.changed.emit(_TOPICS)

    def _on_not_removed(self, problem: Problem) -> None:
        close: tuple[str, Callable[[], object]] = (_("Close"), self.line.clear)
        self.line.say("problem", sentence(problem), [close])
        self.refresh()

    def _tell_times(self) -> None:
        if self._chosen in self._pages:
            self._pages[self._chosen].tell_time()

    def _lay_out(self) -> None:
        self._above, self._divider = QWidget(), hairline()
        upper = QVBoxLayout(self._above)
        side = theme.PADDING - OVERHANG
        upper.setContentsMargins(side, 8, side, 8)
        upper.setSpacing(8)
        upper.addWidget(self.line)
        upper.addWidget(self.table)
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._above)
        layout.addWidget(self._divider)
        layout.addWidget(self._stack, 1)

    # Overridden from Qt

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Read the list whenever the pane comes into sight: a command may have changed it."""
        self._is_stale = True
        super().showEvent(event)
        self._ages.start()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Count nothing while it is not seen."""
        self._ages.stop()
        super().hideEvent(event)


def _columns() -> list[Column]:
    number = partial(Column, is_number=True)
    return [
        Column(_("Machine"), lambda seen: seen.machine.name, state=state_of, width=152),
        Column(_("Reached by"), lambda seen: seen.machine.destination, token=lambda _seen: "text2"),
        Column(_("State"), state_words, width=136),
        Column(_("Runs"), runs_words),
        number(_("GPUs"), gpus_words, width=56),
        number(_("Free GPU memory (GB)"), lambda seen: in_gb(free_gpu_memory(seen)), width=160),
        number(
            _("Free disk (GB)"),
            lambda seen: in_gb(seen.found.free_disk_bytes) if seen.found else UNKNOWN,
            width=112,
        ),
    ]


def _problems(seen: list[Seen]) -> list[PaneProblem]:
    """Return what the problems bar shows: machines that do not answer."""
    return [
        PaneProblem("attention", sentence(one.answer.problem), one.machine.name)
        for one in seen
        if one.answer is not None and one.answer.problem is not None
    ]


def _listed(_project: Project) -> list[Machine]:
    return store.machines()


def _remove(name: str) -> Machine:
    gone = store.remove(name)
    Connection(gone).close()
    return gone
