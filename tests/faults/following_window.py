"""The window that follows a long run: `python following_window.py JOB FOLDER`, started by long_run.py.

It leaves FOLDER/window.ready when the run is in sight and, once it shows the end of it, FOLDER/window.json:
the fingerprint of its curves, how late its event loop ever came, and what it says of the run in words. It
closes when there is FOLDER/window.close.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from domainstudio.gui import theme
from domainstudio.gui.panes.runs.pane import RunsPane
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.window import Window
from domainstudio.jobs.columns import DTYPES
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder

LATE_SECONDS = 0.1


class EventLoop(QObject):
    """Notes how late a timer comes, in a memory that does not grow."""

    def __init__(self) -> None:
        """Begin to look."""
        super().__init__()
        self.longest_seconds = 0.0
        self.late = 0
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_time)
        self._timer.start(5)

    def _on_time(self) -> None:
        now = time.perf_counter()
        self.longest_seconds = max(self.longest_seconds, now - self._last)
        self.late += now - self._last > LATE_SECONDS
        self._last = now


class Observer(QObject):
    """Looks at the window every now and then, as the person before it."""

    def __init__(self, window: Window, run: JobFolder, folder: Path) -> None:
        """Wait for the run."""
        super().__init__()
        self._window, self._run, self._folder = window, run, folder
        self._loop: EventLoop | None = None
        self._has_told = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(100)

    def _look(self) -> None:
        if (self._folder / "window.close").exists():
            self._timer.stop()
            self._window.close()
            QApplication.quit()
            return
        shell = self._window.shell
        if shell is None:
            return
        if shell.step != "runs":
            shell.show_step("runs")
        pane = shell.pane
        assert isinstance(pane, RunsPane)
        if self._loop is None and pane.states.is_ready and pane.memory()["run"] == self._run.job_id:
            self._loop = EventLoop()
            (self._folder / "window.ready").touch()
        row = next((row for row in shell.session.run_rows if row.run == self._run.job_id), None)
        if self._loop is not None and row is not None and row.status == "done" and not self._has_told:
            self._tell(pane, self._loop)

    def _tell(self, pane: RunsPane, loop: EventLoop) -> None:
        curves = pane.session.runs.curves(self._run.job_id)
        assert curves is not None
        told = {
            "fingerprint": fingerprint(curves),
            "longest_gap_seconds": loop.longest_seconds,
            "late": loop.late,
            "state": pane.list.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole),
        }
        written = self._folder / "window.json.new"
        written.write_text(json.dumps(told))
        os.replace(written, self._folder / "window.json")
        self._has_told = True


def fingerprint(curves: Curves) -> str:
    """Return a hash of every point but its time."""
    digest = hashlib.blake2b(repr((curves.probes, len(curves.superseded), curves.attempts)).encode())
    for name in DTYPES:
        if name != "seconds":
            digest.update(curves.steps.column(name).tobytes())
    return digest.hexdigest()


def main(run: JobFolder, folder: Path) -> int:
    """Show the window until it has told of the end."""
    application = QApplication([])
    theme.apply(application)
    window = Window(Preferences(folder / "preferences.ini"))
    window.resize(1704, 1016)
    window.show()
    window.open_project(run.path.parents[1])
    observer = Observer(window, run, folder)
    code = application.exec()
    del observer
    return code


if __name__ == "__main__":
    sys.exit(main(JobFolder(Path(sys.argv[1])), Path(sys.argv[2])))
