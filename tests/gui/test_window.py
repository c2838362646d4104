"""The window: what its process loads, that Qt's bindings are sound, and that it shows runs as they change."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QTableWidget
from pytestqt.qtbot import QtBot

from domainstudio.gui.window import Window
from domainstudio.jobs.events import Probe, State, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.workflow.training import TRAIN, freeze


def test_its_process_loads_nothing_heavy(packed_project: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom PySide6.QtWidgets import QApplication\n"
        "from domainstudio.gui.window import Window\napplication = QApplication([])\nwindow = Window()\n"
        f"window.open_project(Path({str(packed_project)!r}))\nwindow.show()\napplication.processEvents()\n"
        "window.close()\n"
        "heavy = ('torch', 'transformers', 'datasets', 'pandas', 'sqlite_utils', 'pyarrow', 'matplotlib')\n"
        "assert not [name for name in heavy if name in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_void_calls_keep_their_reference_to_none() -> None:
    """PySide6 6.12.0 on Python 3.11 loses one reference a call and aborts in the end."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("a name")
    assert abs(sys.getrefcount(None) - before) < 500


def cells(window: Window) -> list[list[str]]:
    table = window.findChild(QTableWidget)
    assert table is not None
    return [
        [item.text() if (item := table.item(row, column)) else "" for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_it_shows_runs_as_they_change(small_project: Path, qtbot: QtBot) -> None:
    from domainstudio.jobs.folder import create_job

    with Project(small_project) as project:
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
    folder = create_job(small_project / "jobs", TRAIN.name, TRAIN.program, spec)
    window = Window()
    qtbot.addWidget(window)
    window.show()
    window.open_project(small_project)
    qtbot.waitUntil(lambda: len(cells(window)) == 1)
    assert cells(window)[0][:3] == ["train-1", "created", "0 / 160"]

    worker = Worker(JobFolder(folder.path))
    for step, general in ((0, 5.0), (50, 5.25)):
        worker.emit(Probe(step, "general", "general", general, 2.0, 10, 40))
    worker.emit(Step(50, 6400, 4.5, 1e-3, 1.0, 1000.0, 10**8))
    qtbot.waitUntil(lambda: cells(window)[0][2:] == ["50 / 160", "4.500", "–", "+0.250"])
    worker.finish("done", 160)
    window.close()


def test_a_folder_without_project_is_named_in_a_sentence(tmp_path: Path, qtbot: QtBot) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.open_project(tmp_path)
    qtbot.waitUntil(lambda: "no project" in window._words.text())
    window.close()


def test_every_control_has_an_accessible_name(qtbot: QtBot) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QWidget

    window = Window()
    qtbot.addWidget(window)
    controls = [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, QAbstractButton | QAbstractItemView)
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.window() is window
    ]
    assert controls
    assert [type(widget).__name__ for widget in controls if not widget.accessibleName()] == []


def test_state_words_of_a_finished_job_are_its_own(tmp_path: Path) -> None:
    """A run that was closed while nobody watched shows its own last word."""
    from domainstudio.jobs.folder import create_job
    from domainstudio.workflow.export import ReportWork

    folder = create_job(tmp_path, "report", "domainstudio.workflow", ReportWork(run="train-1", target="/r"))
    assert folder.status() == "created"
    folder.record_process(1, folder.events_size_bytes())
    worker = Worker(folder)
    worker.emit(State("stopped", 3))
    assert folder.status() == "stopped"
