"""A run that is only prepared in Training, and how to start it by hand, shown in Runs to be copied."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui.panes.runs.by_hand import HandPage
from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.machines import store
from domainstudio.machines.machine import Machine

PATIENCE = 20_000


def test_a_run_is_only_prepared_and_its_commands_are_shown_in_runs(
    small_project: Path, open_window: OpenWindow, qtbot: QtBot
) -> None:
    for name in ("gpu-1", "gpu-2"):
        store.add(Machine(name=name, destination=f"me@{name}.example"))
    window = open_window(small_project, "training")
    training = window.shell.pane
    qtbot.waitUntil(training._prepare.isVisible, timeout=PATIENCE)
    qtbot.mouseClick(training._prepare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: hasattr(window.shell.pane, "act"), timeout=PATIENCE)
    runs = window.shell.pane
    qtbot.waitUntil(runs.act._by_hand.isVisible, timeout=PATIENCE)
    assert not list((small_project / "jobs" / "train-1").glob("events.jsonl"))
    runs.act._by_hand.click()
    page = window.findChild(HandPage)
    text = page.code.field.toPlainText
    qtbot.waitUntil(lambda: "# gpu-1: start" in text(), timeout=PATIENCE)
    page.code._copy.click()
    assert QApplication.clipboard().text() == text()
    page.together.findChildren(CheckBox)[0].click()
    qtbot.waitUntil(page.code.isHidden, timeout=PATIENCE)
    assert "2 machines" in page._refusal.text()
    page.kind.setCurrentIndex(page.kind.findData("sbatch"))
    page.kind.activated.emit(page.kind.currentIndex())
    qtbot.waitUntil(lambda: "#SBATCH --nodes=1" in text() and page.code.isVisible(), timeout=PATIENCE)
    page.window().close()
