"""The only thread border: threads put plain values into a queue, a timer of the window drains it."""

import queue
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from domainstudio.problems import UserError, sentence
from domainstudio.project.project import Project
from domainstudio.workflow.training import RunList, RunRow

DRAIN_MILLISECONDS = 50
REFRESH_SECONDS = 0.5


class RunsBridge(QObject):
    """Follows the runs of one project in a thread of its own.

    Signals:
        runs_changed: list[RunRow], when anything differs from the last list.
        problem_found: a sentence; the following has ended.
    """

    runs_changed = Signal(list)
    problem_found = Signal(str)

    def __init__(self, project: Path, parent: QObject) -> None:
        """Start following; `close` ends it."""
        super().__init__(parent)
        self._queue: queue.SimpleQueue[list[RunRow] | str] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=_follow, args=(project, self._queue, self._closed), daemon=True
        )
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._drain)
        self._timer.start(DRAIN_MILLISECONDS)
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._timer.stop()
        self._closed.set()
        self._thread.join()

    def _drain(self) -> None:
        latest: list[RunRow] | None = None
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, str):
                self.problem_found.emit(item)
            else:
                latest = item
        if latest is not None:
            self.runs_changed.emit(latest)


def _follow(path: Path, found: "queue.SimpleQueue[list[RunRow] | str]", closed: threading.Event) -> None:
    """Put the list of runs into the queue whenever it changes."""
    before: list[RunRow] | None = None
    try:
        with Project(path, read_only=True) as project:
            runs = RunList(project)
            while not closed.is_set():
                rows = runs.refresh()
                if rows != before:
                    found.put(rows)
                    before = rows
                closed.wait(REFRESH_SECONDS)
    except UserError as error:
        found.put(sentence(error.problem))
