"""An open project in the window: the sidebar, and one pane per step, built when it is first shown."""

from importlib import import_module
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from domainstudio.gui.pane import Pane
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.sidebar import Sidebar
from domainstudio.gui.widgets.status_strip import Located
from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.workflow import steps
from domainstudio.workflow.steps import STEPS, Facts, step_names

PANES = {
    "project": "ProjectPane",
    "corpus": "CorpusPane",
    "duplicates": "DuplicatesPane",
    "tokenizer": "TokenizerPane",
    "mixture": "MixturePane",
    "protection": "ProtectionPane",
    "training": "TrainingPane",
    "machines": "MachinesPane",
    "runs": "RunsPane",
    "export": "ExportPane",
}
"""Step, a folder in `panes`, → the class in its `pane.py`, loaded when it is first shown."""


class Shell(QWidget):
    """Sidebar and panes of one project.

    Signals:
        problems_changed: `problems` is another list.
        palette_requested: the command list is wanted.
        step_shown: the name of a step.
    """

    problems_changed = Signal()
    palette_requested = Signal()
    step_shown = Signal(str)

    def __init__(self, session: Session, memory: dict[str, Any]) -> None:
        """Show the step that `memory` names."""
        super().__init__()
        self.session = session
        self._memory = memory
        self._facts: Facts | None = None
        self._panes: dict[str, Pane] = {}
        names = step_names()
        self.sidebar = Sidebar(
            session.path.name, [(step, names[step]) for step in STEPS], _("Find a command")
        )
        self.sidebar.chosen.connect(self.show_step)
        self.sidebar.palette_requested.connect(self.palette_requested)
        self._stack = QStackedWidget()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.sidebar)
        layout.addWidget(hairline(is_vertical=True))
        layout.addWidget(self._stack, 1)
        session.changed.connect(self._on_changed)
        session.jobs_changed.connect(self._show_states)
        session.runs_changed.connect(self._show_states)
        self._ask_for_facts()
        step = memory.get("step")
        self.show_step(step if step in PANES else "project")

    @property
    def step(self) -> str:
        """The step that is shown."""
        return self.pane.step

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        pane = self._stack.currentWidget()
        assert isinstance(pane, Pane)
        return pane

    @property
    def problems(self) -> list[Located]:
        """What there is to look at in all panes that were built."""
        return [Located(step, problem) for step, pane in self._panes.items() for problem in pane.problems]

    def show_step(self, step: str) -> None:
        """Show a step's pane, building it first if need be."""
        if step not in self._panes:
            self._panes[step] = self._build(step)
            self.problems_changed.emit()  # those of what the session knew before the pane was built
        self._stack.setCurrentWidget(self._panes[step])
        self.sidebar.choose(step)
        self.step_shown.emit(step)

    def show_field(self, step: str, field: str) -> None:
        """Show a step's pane with the focus on one of its fields."""
        self.show_step(step)
        self.pane.focus_field(field)

    def memory(self) -> dict[str, Any]:
        """Return what the window should reopen with: the step, and what each pane wants to keep."""
        panes = dict(self._memory.get("panes") or {})
        panes.update({step: pane.memory() for step, pane in self._panes.items()})
        return {"step": self.step, "panes": panes}

    def _build(self, step: str) -> Pane:
        module = import_module(f"domainstudio.gui.panes.{step}.pane")
        pane: Pane = getattr(module, PANES[step])(self.session)
        remembered = (self._memory.get("panes") or {}).get(step)
        if isinstance(remembered, dict):
            pane.remember(remembered)
        pane.go_requested.connect(self.show_step)
        pane.field_requested.connect(self.show_field)
        pane.problems_changed.connect(self.problems_changed)
        self._stack.addWidget(pane)
        return pane

    def _on_changed(self, _topics: frozenset[str]) -> None:
        self._ask_for_facts()

    def _ask_for_facts(self) -> None:
        self.session.read(steps.read_facts, self._on_facts)

    def _on_facts(self, facts: Facts) -> None:
        self._facts = facts
        words = _("{base}, from scratch") if facts.is_from_scratch else _("{base}, continued")
        self.sidebar.show_base(words.format(base=facts.base))
        self._show_states()

    def _show_states(self, _rows: object = None) -> None:
        if self._facts is not None:
            found = steps.states(self._facts, self.session.jobs, self.session.run_rows)
            self.sidebar.show_states(found)


def open_once(path: Any) -> Any:
    """Open the project in `path` and close it: migrates an older one; called off the window's thread.

    Raises:
        UserError: it cannot be opened.
    """
    with Project(path) as project:
        return project.path
