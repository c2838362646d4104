"""The dressed application, a window on a project, and watch over what tests leave behind."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support import OpenPane, OpenWindow

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.session import Session
from domainstudio.gui.window import Window


@pytest.fixture(scope="session", autouse=True)
def dressed(qapp: QApplication) -> None:
    """Every test sees the program's own style in light."""
    theme.apply(qapp)
    theme.choose("light")


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves threads running or windows standing."""
    theme.choose("light")
    before = set(threading.enumerate())
    yield
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    gc.collect()
    left = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("reaper")]
    for thread in left:
        thread.join(5)
    assert not [thread.name for thread in left if thread.is_alive()]


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has machines of his own, which they neither see nor change."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    """Preferences of a person who starts the program for the first time."""
    return Preferences(tmp_path / "preferences.ini")


@pytest.fixture
def open_window(qtbot: QtBot, preferences: Preferences) -> Iterator[OpenWindow]:
    """Return a function that opens a window, on a project if one is given, and waits until it stands."""
    made: list[Window] = []

    def open_one(project: Path | None = None, step: str = "") -> Window:
        window = Window(preferences)
        made.append(window)
        window.show()
        if project is not None:
            window.open_project(project)
            qtbot.waitUntil(lambda: window.shell is not None and window.shell.isVisible(), timeout=10_000)
            assert window.shell is not None
            if step:
                window.shell.show_step(step)
                qtbot.waitUntil(lambda: window.shell.pane.states.is_settled, timeout=10_000)
        return window

    yield open_one
    for window in made:
        window.close()


@pytest.fixture
def open_pane(qtbot: QtBot) -> Iterator[OpenPane]:
    """Return a function that shows one pane of a project alone, once it has read what it shows."""
    sessions: list[Session] = []
    panes: list[Pane] = []
    """Kept: one that nobody holds any more would be collected while it is painted."""

    def open_one(kind: type[Pane], project: Path, **memory: Any) -> Pane:
        sessions.append(Session(project))
        pane = kind(sessions[-1])  # type: ignore[call-arg]
        panes.append(pane)
        qtbot.addWidget(pane)
        pane.remember(memory)
        pane.resize(1224, 836)
        pane.show()
        qtbot.waitUntil(lambda: pane.states.is_settled, timeout=10_000)
        return pane

    yield open_one
    for session in sessions:
        session.close()
    panes.clear()
