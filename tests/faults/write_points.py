"""Where a process writes, point by point: it counts them, and dies at the one it was told.

A point is a file opened for writing, named, renamed or removed, a folder made, a sync, a line of events and
every statement that changes the database. Death comes before the point's act, in the midst of it for a line
of events. A power cut takes more than a kill: what was not synced is lost too, see `_lose_unsynced`.
Processes are forked, never started: without any import a trial takes a fraction of a second.
"""

import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

Manner = Literal["kill", "power cut"]
_NAMING = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = ("BEGIN", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "VACUUM", "COMMIT")
_PASSED, _DEATH = b".", b"X"
_TOLD_APART = 24
"""Statements that begin alike are one point: the rows of a table go in one after the other."""
_write, _fsync = os.write, os.fsync


@dataclass(frozen=True)
class Scene:
    """Where the points of a trial lie, and what keeps their count and what was synced."""

    world: Path
    """Only what lies below it counts."""
    counter: Path
    ledger: Path
    """Lines `inode size`: so much of a file would outlive a power cut."""

    def prepare(self) -> None:
        """Begin the count at 0; what lies in the world already is on disk."""
        self.counter.write_bytes(b"")
        files = (file for file in self.world.rglob("*") if file.is_file())
        self.ledger.write_text("".join(f"{at.st_ino} {at.st_size}\n" for at in map(os.stat, files)))

    @property
    def count(self) -> int:
        """Points that were passed."""
        return self.counter.stat().st_size

    @property
    def has_seen_death(self) -> bool:
        """Whether a process has died at its point."""
        return _DEATH in self.counter.read_bytes()


@dataclass(frozen=True)
class Doom:
    """At which point a process dies, and how; `and_parent`: the process that started it dies with it."""

    at: int
    manner: Manner = "kill"
    and_parent: bool = False


class _Watch:
    def __init__(self, scene: Scene, doom: Doom | None) -> None:
        self._scene, self._doom, self._passed, self._statement = scene, doom, 0, ""
        self._root = str(scene.world.resolve())
        self._counter = os.open(scene.counter, os.O_WRONLY | os.O_APPEND)
        self._ledger = os.open(scene.ledger, os.O_WRONLY | os.O_APPEND)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = arguments
            if isinstance(path, (str, bytes)) and flags & _WRITING and self._is_inside(os.fsdecode(path)):
                self.point()
        elif event in _NAMING:
            names = [os.fsdecode(one) for one in arguments if isinstance(one, (str, bytes))]
            if any(map(self._is_inside, names)):
                self.point()

    def _is_inside(self, path: str) -> bool:
        """A relative name comes from removing a tree folder by folder."""
        return not os.path.isabs(path) or path.startswith(self._root)

    def point(self, at_death: Callable[[], object] = lambda: None) -> None:
        if self._doom is not None and self._passed == self._doom.at:
            at_death()
            self._die(self._doom)
        self._passed += 1
        _write(self._counter, _PASSED)

    def _die(self, doom: Doom) -> None:
        self._doom = None
        _write(self._counter, _DEATH)
        if doom.and_parent:
            os.kill(os.getppid(), signal.SIGKILL)
        if doom.manner == "power cut":
            for child in psutil.Process().children(recursive=True):
                child.kill()
            _lose_unsynced(self._scene)
        os.kill(os.getpid(), signal.SIGKILL)

    def write(self, file: int, data: Any) -> int:
        self.point(lambda: _write(file, bytes(data)[: len(data) // 2]))
        return _write(file, data)

    def fsync(self, file: Any) -> None:
        self.point()
        _fsync(file)
        at = os.fstat(file if isinstance(file, int) else file.fileno())
        _write(self._ledger, f"{at.st_ino} {at.st_size}\n".encode())

    def statement(self, statement: str) -> None:
        kind = statement.lstrip().upper()[:_TOLD_APART]
        if kind.startswith(_CHANGING) and kind != self._statement:
            self.point()
        self._statement = kind


def arm(scene: Scene, doom: Doom | None) -> None:
    """Let this process count its points from now on, and die at one; never taken back, so fork first."""
    watch = _Watch(scene, doom)
    connect = sqlite3.connect

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(watch.statement)
        return connection

    sqlite3.connect = watched
    os.write, os.fsync = watch.write, watch.fsync
    sys.addaudithook(watch.audit)


def _lose_unsynced(scene: Scene) -> None:
    """Cut every file of the world down to what was synced of it, and the database back to its checkpoint.

    What SQLite writes it syncs itself, but for its log: with synchronous NORMAL a power cut may take that.
    """
    synced = dict(line.split() for line in scene.ledger.read_text().splitlines())
    for file in scene.world.rglob("*"):
        if file.is_symlink() or not file.is_file():
            continue
        if file.name.endswith("-shm"):
            file.unlink()
        elif file.name == "project.sqlite" or file.name.startswith(".new-"):
            continue
        else:
            at = file.stat()
            kept = int(synced.get(str(at.st_ino), 0))
            if at.st_size > kept or file.name.endswith("-wal"):
                os.truncate(file, 0 if file.name.endswith("-wal") else kept)


@contextmanager
def silent(log: Path) -> Iterator[None]:
    """Send what this process prints to a file."""
    with open(log, "ab") as target:
        os.dup2(target.fileno(), 1)
        os.dup2(target.fileno(), 2)
        yield
        sys.stdout.flush()
        sys.stderr.flush()


def in_child(work: Callable[[], int], log: Path) -> int:
    """Fork a process, without any import, that does the work and prints to `log`; return its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with silent(log):
            code = work()
    except BaseException:
        with open(log, "a") as target:
            traceback.print_exc(file=target)
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a process and return its exit code, negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
