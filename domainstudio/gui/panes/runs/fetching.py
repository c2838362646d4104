"""Fetching what a run has made from its machine: off the window's thread, one run at a time."""

import threading
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from domainstudio.gui.background import Background
from domainstudio.gui.bridge import Receiver
from domainstudio.gui.session import Session
from domainstudio.jobs.folder import JobFolder
from domainstudio.machines.assignment import Fetch
from domainstudio.problems import Problem, UserError
from domainstudio.workflow.machines import remote


class Fetching(QObject):
    """Brings checkpoints here.

    Signals:
        progressed: more has come, or nothing is fetched any more.
        refused: Problem, why it ended early.
    """

    progressed = Signal()
    refused = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        """Fetch nothing."""
        super().__init__(parent)
        self._session = session
        self._background = Background(self)
        self._background.crashed.connect(session.crashed)
        self._stopped = threading.Event()
        self.destroyed.connect(self._stopped.set)
        self.run = ""
        """The run that is fetched, empty for none."""
        self.fetched = ""
        """The run that was fetched last."""
        self.done, self.total = 0, 0
        """Bytes that are here, and bytes in all."""

    def begin(self, run: str, what: Fetch) -> None:
        """Fetch the model of a run's result, or all of its checkpoints."""
        self._stopped.clear()
        self.run, self.fetched, self.done, self.total = run, "", 0, 0
        tell = partial(_tell, self._background, Receiver(self._on_told), self._stopped)
        work = partial(_fetch, JobFolder(self._session.path / "jobs" / run), what, tell)
        self._background.call(work, self._on_fetched, self._on_refused)
        self.progressed.emit()

    def stop(self) -> None:
        """End it; what has come is kept, also of the file that is on its way."""
        self._stopped.set()

    def _on_told(self, told: tuple[int, int]) -> None:
        self.done, self.total = told
        self.progressed.emit()

    def _on_fetched(self, run: str) -> None:
        self.run, self.fetched = "", run
        self.progressed.emit()
        self._session.changed.emit(frozenset({"runs"}))

    def _on_refused(self, problem: Problem) -> None:
        self.run = ""
        self.progressed.emit()
        self.refused.emit(problem)


def _fetch(folder: JobFolder, what: Fetch, tell: Callable[[int, int], None]) -> str:
    remote.fetch(folder, what, tell)
    return folder.job_id


def _tell(background: Background, heard: Receiver, stopped: threading.Event, done: int, total: int) -> None:
    """Hand over how far it is; called in the fetching thread, which a person may have end."""
    if stopped.is_set():
        raise UserError(Problem("machine.stopped", None))
    background.tell(heard, (done, total))
