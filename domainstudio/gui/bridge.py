"""The only thread border: threads put plain values into a queue, a timer of the window drains it."""

import queue
import threading
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

from domainstudio.problems import UserError
from domainstudio.project.database import known_errors, snapshot
from domainstudio.project.project import DATABASE, Project

DRAIN_MILLISECONDS = 50
AWAITING_MILLISECONDS = 8
"""How often the queue is looked at while an answer is awaited: it is shown at the next frame."""
CLOSE_SECONDS = 10.0
DISK_FAILED = ("project.disk_error", "project.moved")
"""The codes of problems after which an open file is of no use any more, whatever becomes of the disk."""

Answer = Callable[[Any], None]


class Receiver:
    """A bound method of an object of the window's thread, held weakly."""

    def __init__(self, method: Answer) -> None:
        """Hold the method; its object may go at any time."""
        self._method = weakref.WeakMethod(method)

    def __call__(self, value: Any) -> None:
        """Call the method if its object is still there."""
        method = self._method()
        if method is None:
            return
        owner = getattr(method, "__self__", None)
        if not isinstance(owner, QObject) or isValid(owner):
            method(value)


@dataclass
class Task:
    """A question or a change for a worker, and who hears how it ended."""

    call: Callable[[Project], Any]
    answered: Receiver | None
    failed: Receiver | None
    topics: frozenset[str] = frozenset()
    key: object = None
    """A newer task of the same key replaces one that has not begun; None replaces nothing."""
    edits_before: int = 0
    """How many edits had ended when this was asked."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended: with a value, or with an error."""

    task: Task
    value: Any = None
    error: Exception | None = None


class Bridge(QObject):
    """Carries values from any thread into the window's."""

    def __init__(self, parent: QObject) -> None:
        """Begin to drain."""
        super().__init__(parent)
        self._queue: queue.SimpleQueue[tuple[Answer, Any]] = queue.SimpleQueue()
        self._awaited = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._drain)
        self._timer.start(DRAIN_MILLISECONDS)

    def put(self, deliver: Answer, value: Any) -> None:
        """Hand over a value; called in any thread, delivered in the window's."""
        self._queue.put((deliver, value))

    def change_awaited(self, number: int) -> None:
        """Look into the queue more often while answers are awaited; called in the window's thread."""
        self._awaited += number
        self._timer.setInterval(AWAITING_MILLISECONDS if self._awaited else DRAIN_MILLISECONDS)

    def close(self) -> None:
        """Deliver nothing any more."""
        self._timer.stop()

    def _drain(self) -> None:
        for _ in range(self._queue.qsize()):
            deliver, value = self._queue.get()
            deliver(value)


@dataclass
class ProjectThread:
    """One thread with one open project that does tasks in turn.

    Args:
        path: the project's folder; it is opened with the first task.
        report: called in this thread with the Outcome of each task.
        is_read_only: whether it may write.
    """

    path: Path
    report: Callable[[Outcome], None]
    is_read_only: bool
    _tasks: list[Task | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the thread."""
        self._arrived = threading.Condition()
        name = "reader" if self.is_read_only else "writer"
        self._thread = threading.Thread(target=self._work, name=f"{name} of {self.path.name}", daemon=True)
        self._thread.start()

    def do(self, task: Task) -> int:
        """Queue a task; return how many of the same key were dropped for it."""
        with self._arrived:
            before = len(self._tasks)
            if task.key is not None:
                self._tasks = [other for other in self._tasks if other is None or other.key != task.key]
            dropped = before - len(self._tasks)
            self._tasks.append(task)
            self._arrived.notify()
            return dropped

    def close(self) -> None:
        """End: a reader drops what was asked, a writer first writes it; one that hangs is left behind."""
        with self._arrived:
            if self.is_read_only:
                self._tasks.clear()
            self._tasks.append(None)
            self._arrived.notify()
        self._thread.join(CLOSE_SECONDS)

    def _next(self) -> Task | None:
        with self._arrived:
            while not self._tasks:
                self._arrived.wait()
            return self._tasks.pop(0)

    def _work(self) -> None:
        project: Project | None = None
        while (task := self._next()) is not None:
            try:
                project = project or Project(self.path, read_only=self.is_read_only)
                with known_errors(project.path / DATABASE):
                    project.check_in_place()
                    with snapshot(project.connection) if self.is_read_only else nullcontext():
                        value = task.call(project)
            except Exception as error:  # a UserError is told as a sentence, a bug goes to the crash dialog
                if project is not None and isinstance(error, UserError) and error.problem.code in DISK_FAILED:
                    project.distrust()
                self.report(Outcome(task, error=error))
            else:
                self.report(Outcome(task, value))
        if project is not None:
            project.connection.close()
