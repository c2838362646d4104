"""The log of bugs: nothing that befalls it keeps a bug from being shown, or the window from opening."""

from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from domainstudio.gui.crash import CrashDialog, CrashReporter
from domainstudio.gui.widgets.states import CodeBox


def shown(qtbot: QtBot, log: Path) -> str:
    """Report a bug and return what the dialog shows of it."""
    parent = QObject()  # no window is active: the person may be elsewhere
    reporter = CrashReporter(log, parent)
    try:
        reporter.report(ValueError("seven is not even"))

        def dialogs() -> list[CrashDialog]:
            return [each for each in QApplication.topLevelWidgets() if isinstance(each, CrashDialog)]

        qtbot.waitUntil(lambda: bool(dialogs()), timeout=20_000)
        text = dialogs()[0].findChild(CodeBox).field.toPlainText()
        dialogs()[0].accept()
        return text
    finally:
        reporter.close()


def test_a_bug_is_shown_and_logged(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "deep" / "window.log"
    assert "seven is not even" in shown(qtbot, log)
    assert "seven is not even" in log.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_bug_is_shown_though_the_disk_of_the_log_is_full(qtbot: QtBot) -> None:
    assert "seven is not even" in shown(qtbot, Path("/dev/full"))


def test_the_window_opens_where_no_log_can_be_written(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "seven is not even" in shown(qtbot, tmp_path / "file" / "window.log")
