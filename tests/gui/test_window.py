"""The window: what its process loads, opening and closing, memory, undo, notices, languages and themes."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui import theme
from domainstudio.gui.help import HelpDialog
from domainstudio.gui.palette import CommandPalette
from domainstudio.gui.panes.mixture.pane import MixturePane
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.shortcuts import commands
from domainstudio.gui.window import Window
from domainstudio.project import database
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import planning
from domainstudio.workflow.steps import STEPS

HEAVY = ("torch", "transformers", "datasets", "pandas", "sqlite_utils", "matplotlib")


def test_its_process_loads_nothing_heavy(packed_project: Path, tmp_path: Path) -> None:
    """Not even with every pane shown; pyarrow only comes with the first text."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom PySide6.QtWidgets import QApplication\n"
        "application = QApplication([])\nfrom domainstudio.gui import theme\ntheme.apply(application)\n"
        "from domainstudio.gui.window import Window\nfrom domainstudio.gui.preferences import Preferences\n"
        f"window = Window(Preferences(Path({str(tmp_path / 'p.ini')!r})))\nwindow.show()\n"
        "def pump(seconds):\n"
        "    end = time.monotonic() + seconds\n"
        "    while time.monotonic() < end:\n        application.processEvents()\n        time.sleep(0.01)\n"
        "pump(0.2)\nassert 'pyarrow' not in sys.modules\n"
        f"window.open_project(Path({str(packed_project)!r}))\n"
        "while window.shell is None:\n    pump(0.05)\n"
        f"for step in {STEPS!r}:\n    window.shell.show_step(step)\n    pump(0.3)\nwindow.close()\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\nassert not found, found"
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


def test_a_folder_without_project_is_named_in_a_sentence(
    open_window: OpenWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    window = open_window()
    window.open_project(tmp_path)
    qtbot.waitUntil(lambda: "is no project" in window.notice.text)
    assert window.session is None and window.start is not None


def test_it_reopens_where_it_was(
    open_window: OpenWindow, small_project: Path, preferences: Preferences, qtbot: QtBot
) -> None:
    first = open_window(small_project, "mixture")
    first.close()
    again = open_window()
    again.reopen()
    qtbot.waitUntil(lambda: again.shell is not None)
    assert again.shell is not None and again.shell.step == "mixture"
    assert again.session is not None and again.session.path == small_project.resolve()
    again.close_project()
    assert preferences.open_project == "" and again.start is not None
    assert [one.folder for one in preferences.recent()] == [str(small_project.resolve())]


def test_undo_and_redo_reach_every_edit(open_window: OpenWindow, small_project: Path, qtbot: QtBot) -> None:
    window = open_window(small_project, "project")
    assert window.session is not None
    window.session.edit(
        lambda project: planning.set_recipe(project, {"learning_rate": "2e-3"}), topics=frozenset({"plans"})
    )

    def rate() -> float:
        with Project(small_project, read_only=True) as project:
            return planning.recipe_of(project).stage.learning_rate

    qtbot.waitUntil(lambda: rate() == 2e-3)
    window.do("undo")
    qtbot.waitUntil(lambda: window.notice.text.startswith("Undone: "))
    assert rate() != 2e-3
    window.do("redo")
    qtbot.waitUntil(lambda: window.notice.text.startswith("Done again: "))
    assert rate() == 2e-3


def test_every_command_has_its_words_and_no_keys_clash(open_window: OpenWindow, packed_project: Path) -> None:
    window = open_window(packed_project)
    keys = [command.keys for command in commands() if command.keys]
    assert len(keys) == len(set(keys))
    assert not {"Ctrl+Space", "Shift+Space", "Shift"} & set(keys), "an input method takes these"
    for command in commands():
        if command.name.startswith("show ") and command.name != "show problem":
            window.do(command.name)
            assert window.shell is not None and window.shell.step == command.name.removeprefix("show ")


def test_the_command_list_finds_and_does(open_window: OpenWindow, packed_project: Path, qtbot: QtBot) -> None:
    window = open_window(packed_project)
    window.do("palette")
    palette = window.findChild(CommandPalette)
    assert palette is not None
    QTest.keyClicks(palette._field, "runs")
    QTest.keyClick(palette._field, Qt.Key.Key_Return)
    assert window.shell is not None and window.shell.step == "runs"


def test_dropped_files_go_to_the_corpus(
    open_window: OpenWindow, packed_project: Path, tmp_path: Path
) -> None:
    window = open_window(packed_project)
    (tmp_path / "a.txt").write_text("text")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.txt"))])
    event = QDropEvent(
        QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dropEvent(event)
    assert event.isAccepted() and window.shell is not None and window.shell.step == "corpus"
    pane = window.shell.pane
    assert pane.form.isVisible() and pane.form._chosen() == [tmp_path / "a.txt"]


def test_the_language_changes_without_restart(
    open_window: OpenWindow, packed_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "en")
    window = open_window(packed_project, "training")
    session = window.session
    choose_in_menu(window, "zh_CN")
    qtbot.waitUntil(lambda: window._actions["undo"].text() == "撤销")
    assert window.session is session, "the project stays open, its jobs followed"
    assert window.shell is not None and window.shell.step == "training"
    choose_in_menu(window, "en")
    qtbot.waitUntil(lambda: window._actions["undo"].text() == "Undo")


def choose_in_menu(window: Window, key: str) -> None:
    for menu in window.menuBar().findChildren(QObject):
        for action in getattr(menu, "actions", list)():
            if action.data() == key:
                action.trigger()
                return
    raise AssertionError(key)


def test_the_theme_changes_at_once(open_window: OpenWindow) -> None:
    window = open_window()
    light = window.grab().toImage().pixelColor(5, 200)
    choose_in_menu(window, "dark")
    dark = window.grab().toImage().pixelColor(5, 200)
    assert light.name() == "#ffffff" and dark.name() == "#16181b"
    assert theme.color("text").name() == "#e6e8eb"


def test_each_colour_of_text_is_readable_on_its_ground() -> None:
    """4.5:1 for text on window, chrome and select; 3:1 for graphics on window, in both themes."""
    for choice in ("light", "dark"):
        theme.choose(choice)
        for token in ("text", "text2", "accent", "domain", "forget", "train", "ok", "attention", "problem"):
            assert contrast(token, "window") >= 4.5, (choice, token)
        for token in ("text", "text2"):
            assert min(contrast(token, "chrome"), contrast(token, "select")) >= 4.5, (choice, token)
        for token in ("border", "train raw"):
            assert contrast(token, "window") >= 3, (choice, token)
        for token in ("attention", "problem"):
            assert contrast("text", f"{token} tint") >= 4.5, (choice, token)


def contrast(one: str, other: str) -> float:
    def luminance(token: str) -> float:
        color = theme.color(token)
        parts = [
            value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
            for value in (color.redF(), color.greenF(), color.blueF())
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_everything_is_drawn_at_twice_its_size(packed_project: Path, tmp_path: Path) -> None:
    code = (
        "import time\nfrom pathlib import Path\nfrom PySide6.QtCore import qInstallMessageHandler\n"
        "from PySide6.QtWidgets import QApplication\nsaid = []\n"
        "qInstallMessageHandler(lambda kind, context, text: said.append(text))\n"
        "application = QApplication([])\nfrom domainstudio.gui import theme\ntheme.apply(application)\n"
        "from domainstudio.gui.window import Window\nfrom domainstudio.gui.preferences import Preferences\n"
        f"window = Window(Preferences(Path({str(tmp_path / 'p.ini')!r})))\nwindow.show()\n"
        f"window.open_project(Path({str(packed_project)!r}))\n"
        "def pump(done):\n"
        "    end = time.monotonic() + 20\n"
        "    while time.monotonic() < end and not done():\n"
        "        application.processEvents()\n        time.sleep(0.01)\n    assert done()\n"
        "pump(lambda: window.shell is not None)\n"
        f"for step in {STEPS!r}:\n    window.shell.show_step(step)\n"
        "    pump(lambda: window.shell.pane.states.is_settled)\n    drawn = window.grab()\n"
        "    assert drawn.devicePixelRatio() == 2 and drawn.width() == 2 * window.width()\nwindow.close()\n"
        "said = [text for text in said if 'This plugin does not support' not in text]\nassert not said, said"
    )
    environment = os.environ | {"QT_SCALE_FACTOR": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_a_project_is_not_closed_over_an_edit_that_was_refused(
    open_window: OpenWindow, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing must neither stand still while the database is busy nor lose what was just moved."""
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 100)
    window = open_window(small_project, "mixture")
    assert window.session is not None and window.shell is not None
    pane = window.shell.pane
    assert isinstance(pane, MixturePane)
    with closing(sqlite3.connect(small_project / "project.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pane.table.moved.emit("general", 0.3)
        with qtbot.waitSignal(window.session.edits_ended) as ended:
            assert window.close() is False
        assert ended.args == [False]
        assert window.isVisible() and window.session is not None and "busy" in pane.line.text
        other.execute("ROLLBACK")
    pane.table.moved.emit("general", 0.4)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    with Project(small_project, read_only=True) as project:
        assert planning.mixture_of(project).shares["general"] == 0.4


def test_another_project_is_not_opened_over_an_edit_that_was_refused(
    open_window: OpenWindow,
    small_project: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 100)
    create(tmp_path / "other", ModelOrigin(preset="tiny")).connection.close()
    window = open_window(small_project, "mixture")
    assert window.session is not None and window.shell is not None
    pane = window.shell.pane
    assert isinstance(pane, MixturePane)
    with closing(sqlite3.connect(small_project / "project.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pane.table.moved.emit("general", 0.3)
        with qtbot.waitSignal(window.session.edits_ended, timeout=30_000):
            window.open_project(tmp_path / "other")
        assert window.session.path == small_project and "busy" in pane.line.text
        other.execute("ROLLBACK")
    pane.table.moved.emit("general", 0.4)
    window.open_project(tmp_path / "other")
    qtbot.waitUntil(lambda: window.session.path == tmp_path / "other", timeout=30_000)
    with Project(small_project, read_only=True) as project:
        assert planning.mixture_of(project).shares["general"] == 0.4


@pytest.mark.parametrize(
    ("name", "words"),
    [("keys", "Keyboard shortcuts"), ("base models", "Which one?"), ("about", "Apache License 2.0")],
)
def test_help_opens_over_the_window(open_window: OpenWindow, name: str, words: str) -> None:
    window = open_window()
    window.do(name)
    page = window.findChild(HelpDialog)
    assert page is not None and page.isVisible()
    assert any(words in label.text() for label in page.findChildren(QLabel))
    page.accept()
