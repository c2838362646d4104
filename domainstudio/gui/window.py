"""The main window: menus, the start page or an open project, the notice line and the status strip."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow, QVBoxLayout, QWidget

from domainstudio import language
from domainstudio.gui import crash, help, theme
from domainstudio.gui.background import Background
from domainstudio.gui.desktop import Desktop, open_folder
from domainstudio.gui.job_words import end_of
from domainstudio.gui.menus import build_menus
from domainstudio.gui.palette import CommandPalette
from domainstudio.gui.panes.start.pane import StartPane
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.qt_language import translate_qt
from domainstudio.gui.session import Session
from domainstudio.gui.shell import Shell, open_once
from domainstudio.gui.shortcuts import commands
from domainstudio.gui.widgets.notice import NoticeLine
from domainstudio.gui.widgets.status_strip import Located, StatusStrip
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.journal import Label
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.runs.asking import kill
from domainstudio.workflow.training.controls import follow_control

SMALLEST, USUAL = (1024, 640), (1440, 900)
KEEP_SECONDS = 5

KEEPS_AWAKE = ("train", "laboratory")
"""Kinds of jobs that may take a night: the computer is kept from sleeping meanwhile."""


class Window(QMainWindow):
    """Holds at most one open project; everything in it is saved as it is made."""

    def __init__(self, preferences: Preferences | None = None) -> None:
        """Build the window with the start page."""
        super().__init__()
        self._preferences = preferences or Preferences()
        self._background = Background(self)
        self._desktop = Desktop()
        self._session: Session | None = None
        self._shell: Shell | None = None
        self._start: StartPane | None = None
        self._opening: Path | None = None
        self._leaving: Callable[[], object] | None = None
        self.setAcceptDrops(True)
        self.setMinimumSize(*SMALLEST)
        self.resize(*USUAL)
        if not self._preferences.geometry.isEmpty():
            self.restoreGeometry(self._preferences.geometry)
        self._build()
        self._keeper = QTimer(self)
        self._keeper.timeout.connect(self._keep)
        self._keeper.start(KEEP_SECONDS * 1000)

    @property
    def session(self) -> Session | None:
        """The open project."""
        return self._session

    @property
    def shell(self) -> Shell | None:
        """Sidebar and panes of the open project."""
        return self._shell

    @property
    def start(self) -> StartPane | None:
        """The start page, while no project is open."""
        return self._start

    @property
    def notice(self) -> NoticeLine:
        """The line of the last notice."""
        return self._notice

    def reopen(self) -> None:
        """Open the project that was open when the window was closed or killed."""
        folder = self._preferences.open_project
        if folder and Path(folder).is_dir():
            self.open_project(Path(folder))

    def open_project(self, folder: Path) -> None:
        """Open the project in `folder`, in place of the one that is open once its edits are written."""
        if not self._waits_for_edits(lambda: self.open_project(folder)):
            self._opening = folder
            self._background.call(lambda: open_once(folder), self._on_opened, self._on_refused)

    def close_project(self) -> None:
        """Close the project once its edits are written; its jobs go on."""
        if self._waits_for_edits(self.close_project):
            return
        self._end_session()
        self._preferences.open_project = ""
        self._build()

    def say(self, severity: str, text: str) -> None:
        """Show a notice."""
        self._notice.say(severity, text)

    # Building

    def _build(self) -> None:
        """Build everything anew in the person's language; what was open stays open."""
        self.setWindowTitle("Domain Studio")
        memory = self._shell.memory() if self._shell is not None else self._kept_memory()
        self._start = self._shell = None
        self._build_menus()
        self._notice, self._strip = NoticeLine(), StatusStrip()
        self._strip.stop_requested.connect(self._on_stop_requested)
        self._strip.kill_requested.connect(self._on_kill_requested)
        self._strip.problem_chosen.connect(self._on_problem_chosen)
        page = self._build_start() if self._session is None else self._build_shell(self._session, memory)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(page, 1)
        layout.addWidget(self._notice)
        layout.addWidget(self._strip)
        self.setCentralWidget(content)
        self._show_problems()
        if self._session is not None:
            self._strip.show_jobs(self._session.jobs)

    def _build_start(self) -> QWidget:
        self._start = StartPane(self._preferences, self._background)
        self._start.project_chosen.connect(self.open_project)
        self._start.base_models_requested.connect(self._show_base_models)
        return self._start

    def _build_shell(self, session: Session, memory: dict[str, Any]) -> QWidget:
        self._shell = Shell(session, memory)
        self._shell.problems_changed.connect(self._show_problems)
        self._shell.palette_requested.connect(self._show_palette)
        self.setWindowTitle(f"{session.path.name} – Domain Studio")
        return self._shell

    def _build_menus(self) -> None:
        self._commands = commands()
        bar, self._actions = build_menus(self._commands, self._preferences, self._on_action_triggered)
        for command in self._commands:
            self._actions[command.name].setEnabled(self._session is not None or not command.needs_project)
        for name, slot in (
            ("theme", self._on_theme_chosen),
            ("language", self._on_language_chosen),
            ("scale", self._on_scale_chosen),
        ):
            bar.groups[name].triggered.connect(slot)
        self.setMenuBar(bar)

    # Commands

    def do(self, name: str) -> None:
        """Do a command of `shortcuts.commands` by its name."""
        if name.startswith("show ") and name != "show problem" and self._shell is not None:
            self._shell.show_step(name.removeprefix("show "))
            return
        slots = {
            "new": self._on_new,
            "open": self._on_open,
            "sample": self._on_sample,
            "close": self.close_project,
            "quit": self.close,
            "undo": self._on_undo,
            "redo": self._on_redo,
            "palette": self._show_palette,
            "show problem": self._on_next_problem,
            "start training": self._on_start_training,
            "pause": self._on_pause,
            "jobs": self._strip.open_list,
        }
        if name in slots:
            slots[name]()
        elif name in ("import", "find", "items"):
            self._focus(name)
        elif name == "log":
            open_folder(crash.log_file().parent)
        else:
            help.show(name, self._commands, self)

    def _on_action_triggered(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.do(str(action.data()))

    def _on_new(self) -> None:
        if self._session is not None:
            self.close_project()
        if self._start is not None:
            self._start.show_new()

    def _on_sample(self) -> None:
        if self._session is not None:
            self.close_project()
        if self._start is not None:
            self._start.show_sample()

    def _on_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Open a project"))
        if folder:
            self.open_project(Path(folder))

    def _focus(self, field: str) -> None:
        if self._shell is not None:
            steps = {"import": "corpus", "items": "duplicates"}
            self._shell.show_field(steps.get(field, self._shell.step), field)

    def _on_start_training(self) -> None:
        if self._shell is not None:
            self._shell.show_step("training")
            primary = self._shell.pane.header.primary
            if primary is not None:
                primary.setFocus()

    def _on_pause(self) -> None:
        if self._session is not None:
            for job in self._session.jobs:
                if job.kind == "train" and job.status == "running":
                    self._on_stop_requested(job.job_id)

    def _on_undo(self) -> None:
        if self._session is not None:
            self._session.undo(self._on_undone)

    def _on_redo(self) -> None:
        if self._session is not None:
            self._session.redo(self._on_redone)

    def _on_undone(self, label: Label | None) -> None:
        self._say_turned(_("Undone: {what}"), label, _("There is nothing to undo."))

    def _on_redone(self, label: Label | None) -> None:
        self._say_turned(_("Done again: {what}"), label, _("There is nothing to redo."))

    def _say_turned(self, words: str, label: Label | None, nothing: str) -> None:
        self.say("info", words.format(what=label.words()) if label else nothing)

    def _on_stop_requested(self, job_id: str) -> None:
        if self._session is not None:
            self._session.edit(lambda project: project.job(job_id).ask_to_stop())

    def _on_kill_requested(self, job_id: str) -> None:
        if self._session is not None:
            self._session.edit(lambda project: kill(project, job_id))

    def _on_next_problem(self) -> None:
        if self._strip.problems:
            self._on_problem_chosen(self._strip.problems[0])

    def _on_problem_chosen(self, located: Located) -> None:
        if self._shell is not None and located.step:
            self._shell.show_field(located.step, located.problem.field)

    def _show_palette(self) -> None:
        offered = [one for one in self._commands if self._actions[one.name].isEnabled()]
        palette = CommandPalette([one for one in offered if one.name != "palette"], self)
        palette.chosen.connect(self.do)
        palette.finished.connect(palette.deleteLater)
        palette.open()

    def _show_base_models(self) -> None:
        help.show("base models", self._commands, self)

    # Theme, language, size

    def _on_theme_chosen(self, action: QAction) -> None:
        self._preferences.theme = str(action.data())
        theme.choose(self._preferences.theme)

    def _on_language_chosen(self, action: QAction) -> None:
        self._preferences.language = str(action.data())
        language.use(self._preferences.language)
        translate_qt()
        QTimer.singleShot(0, self, self._build)  # not while the menu that asked for it is open

    def _on_scale_chosen(self, action: QAction) -> None:
        self._preferences.scale = int(action.data())
        self.say("info", _("The new size is used from the next start on."))

    # The open project

    def _on_opened(self, folder: Path) -> None:
        self._end_session()
        try:
            session = Session(folder, self)
        except Exception:
            self._build()
            raise
        self._session = session
        session.jobs_changed.connect(self._on_jobs_changed)
        session.job_ended.connect(self._on_job_ended)
        session.edits_ended.connect(self._on_edits_ended)
        session.problem_found.connect(self._on_problem_found)
        session.crashed.connect(self._on_crashed)
        self._preferences.remember_project(str(folder), time.time())
        self._preferences.open_project = str(folder)
        self._build()

    def _on_refused(self, problem: Problem) -> None:
        if self._opening is not None and str(self._opening) == self._preferences.open_project:
            self._preferences.open_project = ""
        self.say("problem", sentence(problem))

    def _on_jobs_changed(self, jobs: list[JobRow]) -> None:
        self._strip.show_jobs(jobs)
        self._desktop.keep_awake(any(job.kind in KEEPS_AWAKE and job.status == "running" for job in jobs))

    def _on_job_ended(self, job: JobRow) -> None:
        words = end_of(job)
        severity = {"done": "info", "stopped": "info", "failed": "problem"}.get(job.status, "attention")
        if job.kind != "search":
            self.say(severity, words)
            self._desktop.notify(words, is_watched=self.isActiveWindow())
        if job.kind == "train" and job.status == "done" and self._session is not None:
            begin = partial(follow_control, run=job.job_id)
            self._session.edit(begin, self._on_control_followed, topics=frozenset({"runs"}))

    def _on_control_followed(self, followed: tuple[JobFolder | None, str]) -> None:
        control, words = followed
        if words:
            self.say("info" if control is not None else "attention", words)

    def _on_problem_found(self, problem: Problem) -> None:
        self.say("problem", sentence(problem))

    def _on_crashed(self, error: Exception) -> None:
        raise error  # into the hook of the crash reporter

    def _show_problems(self) -> None:
        found = self._shell.problems if self._shell is not None else []
        if self._start is not None:
            found = [Located("", problem) for problem in self._start.problems]
        self._strip.show_problems(found)

    def _kept_memory(self) -> dict[str, Any]:
        return self._preferences.memory(str(self._session.path)) if self._session is not None else {}

    def _keep(self) -> None:
        """Keep where the window is and what is shown, so that a killed window reopens there."""
        if self._session is not None and self._shell is not None:
            memory = self._shell.memory()
            if memory != self._kept_memory():
                self._preferences.keep_memory(str(self._session.path), memory)
        if self.saveGeometry() != self._preferences.geometry:
            self._preferences.geometry = self.saveGeometry()

    def _waits_for_edits(self, leave: Callable[[], object]) -> bool:
        """Have `leave` called again once all edits are written; who asks twice leaves without them."""
        if self._session is None or self._shell is None or self._leaving is not None:
            return False
        self._session.saving_asked.emit()
        if self._session.is_writing:
            self._leaving = leave
        return self._session.is_writing

    def _on_edits_ended(self, is_all_written: bool) -> None:
        leave, self._leaving = self._leaving, None
        if leave is not None and is_all_written:
            leave()

    def _end_session(self) -> None:
        if self._session is None:
            return
        self._leaving = None
        if self._shell is not None:
            self._session.saving_asked.emit()
        self._keep()
        self._desktop.keep_awake(False)
        self._session.close()
        self._session.deleteLater()
        self._session = self._shell = None

    # Overridden from Qt

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files and folders dropped anywhere while a project is open."""
        if self._session is not None and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Hand dropped files and folders to the corpus."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if self._shell is not None and paths:
            self._shell.show_step("corpus")
            self._shell.pane.receive_paths(paths)
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Write what is to be written and end the threads; jobs go on. A refused edit keeps it open."""
        if self._waits_for_edits(self.close):
            event.ignore()
            return
        open_folder = self._preferences.open_project
        self._end_session()
        self._preferences.open_project = open_folder
        self._background.close()
        self._desktop.close()
        super().closeEvent(event)
