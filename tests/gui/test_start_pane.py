"""The start page: recent projects, a new one, the sample, and installing what training needs."""

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui.panes.start.pane import StartPane
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.widgets.table import Table
from domainstudio.project.project import Project
from domainstudio.units import format_day
from domainstudio.workflow.training import setup


def press(owner: QWidget, text: str) -> None:
    """Click the visible button with these words."""
    found = [one for one in owner.findChildren(QPushButton) if one.text() == text and one.isVisible()]
    assert len(found) == 1, [one.text() for one in owner.findChildren(QPushButton) if one.isVisible()]
    QTest.mouseClick(found[0], Qt.MouseButton.LeftButton)


@pytest.fixture
def start(open_window: OpenWindow) -> StartPane:
    """The start page in a window."""
    found = open_window().start
    assert isinstance(found, StartPane)
    return found


def test_a_project_from_scratch_is_made_and_opened(
    open_window: OpenWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    window = open_window()
    window.do("new")
    page = window.start._new
    press(page, "From scratch")
    page._folder.setText(str(tmp_path / "deep" / "law"))
    press(page, "Make the project")
    qtbot.waitUntil(lambda: window.shell is not None)
    with Project(tmp_path / "deep" / "law", read_only=True) as project:
        assert project.base.preset == "tiny"


def test_a_base_folder_without_safetensors_is_refused_with_the_way_out(
    start: StartPane, tmp_path: Path, qtbot: QtBot
) -> None:
    base = tmp_path / "old-model"
    base.mkdir()
    (base / "config.json").write_text(
        '{"model_type": "gpt_neox", "architectures": ["X"], "vocab_size": 10, "max_position_embeddings": 64}'
    )
    (base / "pytorch_model.bin").write_bytes(b"pickle")
    start.show_new()
    page = start._new
    page._base.setText(str(base))
    qtbot.waitUntil(lambda: "holds no .safetensors weights" in page._problem.text)
    with qtbot.waitSignal(start.base_models_requested):
        press(page._problem, "Where do I get a base model?")
    page._folder.setText(str(tmp_path / "project"))
    press(page, "Make the project")
    qtbot.waitUntil(lambda: page._make.isEnabled())
    assert not (tmp_path / "project").exists(), "nothing half-made is left"


def test_a_taken_folder_is_a_sentence(start: StartPane, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    start.show_new()
    page = start._new
    press(page, "From scratch")
    page._folder.setText(str(tmp_path / "taken"))
    press(page, "Make the project")
    qtbot.waitUntil(lambda: "is not empty" in page._problem.text)


def test_recent_projects_tell_their_state_and_can_be_taken_off(
    open_window: OpenWindow, packed_project: Path, preferences: Preferences, tmp_path: Path, qtbot: QtBot
) -> None:
    preferences.remember_project(str(tmp_path / "gone"), 1.0)
    preferences.remember_project(str(packed_project), 2.0)
    window = open_window()
    table = window.start.findChild(Table, options=Qt.FindChildOption.FindChildrenRecursively)
    assert isinstance(table, Table)
    model = table.model()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    states = [model.index(row, 2).data() for row in range(2)]
    assert states[0] == "Corpus ready, not trained yet" and states[1].startswith("Folder not found")
    table.selectRow(1)
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert [one.folder for one in preferences.recent()] == [str(packed_project)]
    table.selectRow(0)
    QTest.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.shell is not None)


def test_what_training_needs_is_offered_and_its_installation_shown(
    start: StartPane, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    missing = ["torch", "deepspeed"]
    script = "import sys; print('Collecting torch'); print('Successfully installed'); sys.exit(0)"
    monkeypatch.setattr(setup, "missing_packages", lambda: list(missing))
    monkeypatch.setattr(setup, "installation", lambda: [sys.executable, "-c", script])
    start.show_sample()
    page = start._sample
    assert "torch, deepspeed" in page._problem.text and not page._make.isEnabled()
    missing.clear()
    press(page._problem, "Install them now")
    qtbot.waitUntil(lambda: page._make.isEnabled(), timeout=10_000)
    assert page._output.field.toPlainText().splitlines()[1:] == ["Collecting torch", "Successfully installed"]
    assert page._problem.text == ""


def test_an_installation_that_fails_says_why(
    start: StartPane, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    script = "import sys; print('ERROR: no network'); sys.exit(3)"
    monkeypatch.setattr(setup, "missing_packages", lambda: ["torch"])
    monkeypatch.setattr(setup, "installation", lambda: [sys.executable, "-c", script])
    start.show_sample()
    press(start._sample._problem, "Install them now")
    qtbot.waitUntil(lambda: "code 3 (ERROR: no network)" in start._sample._problem.text, timeout=10_000)


def test_the_installation_names_every_package_of_the_extra() -> None:
    command = setup.installation()
    wanted = " ".join(command)
    assert command[1:5] == ["-P", "-m", "pip", "install"], "pip.py of the folder it runs in is not imported"
    assert all(name in wanted for name in ("torch", "transformers", "deepspeed", "safetensors"))


def test_times_are_said_as_a_person_says_them() -> None:
    import time

    noon = time.mktime((2026, 11, 21, 12, 0, 0, 0, 0, -1))
    assert format_day(noon - 3600, noon) == "today 11:00"
    assert format_day(noon - 86_400, noon) == "yesterday"
    assert format_day(noon - 9 * 86_400, noon) == "2026-11-12"
