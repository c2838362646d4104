"""Pictures of the window as they are meant to be; DOMAINSTUDIO_GOLDENS=write makes them anew.

One platform owns them (goldens/platform.json); on any other each place is only drawn.
"""

import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

import numpy as np
import PySide6
import pytest
from golden_project import EPOCH, make
from numpy.typing import NDArray
from PySide6.QtGui import QFont, QImage, QRawFont
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.cli.main import run_command
from domainstudio.gui import theme
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.window import Window
from domainstudio.problems import Problem
from domainstudio.recipe.hardware import Hardware
from domainstudio.workflow.steps import STEPS
from domainstudio.workflow.training import fit

FOLDER = Path(__file__).parent / "goldens"
PLATFORM = FOLDER / "platform.json"
MOST_DIFFERENT, CHANNEL_DELTA = 0.001, 24
FIXED = Path(tempfile.gettempdir()) / "domainstudio-goldens"
"""Paths are shown, so the project always lies at the same place."""


@pytest.fixture(autouse=True)
def fixed_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every machine draws what one with this GPU would: what a run needs is set against it."""
    monkeypatch.setattr(fit, "hardware_here", lambda: Hardware("A100-40GB", 40 * 10**9, is_here=True))


@pytest.fixture(scope="session")
def golden_project() -> Path:
    """The project with fixed figures."""
    os.environ["DOMAINSTUDIO_LANGUAGE"] = "en"
    return make(FIXED)


@pytest.fixture(scope="session")
def empty_project() -> Path:
    """A project in which nothing was done."""
    folder = FIXED.with_name(FIXED.name + "-empty")
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    assert run_command(["project", "new", str(folder / "reactor"), "--from-scratch", "tiny"]) == 0
    return folder / "reactor"


def this_platform() -> dict[str, str]:
    """Return what decides how a window is drawn."""
    found = {"qt": PySide6.__version__, "python": platform.python_version()}
    fonts = {family: QFont(family) for family in theme.FAMILIES} | {"fixed": theme.font("fixed")}
    for name, font in fonts.items():
        face = QRawFont.fromFont(font)
        table = bytes(face.fontTable("head").data())
        found[name] = f"{face.familyName()} {hashlib.sha256(table).hexdigest()[:16]}"
    return found


def pixels(image: QImage) -> NDArray[np.uint8]:
    """Return (height, width, 3) bytes, copied: the image goes with this function."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(image.constBits(), np.uint8)
    return data.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), :3].copy()


def compare(window: Window, name: str, tmp_path: Path) -> None:
    """Compare what is drawn with its golden, or write it when asked."""
    focused = window.focusWidget()
    if focused is not None:
        focused.clearFocus()
    QApplication.processEvents()
    drawn, golden = window.grab().toImage(), FOLDER / f"{name}.png"
    assert (drawn.width(), drawn.height()) == (1440, 900)
    if os.environ.get("DOMAINSTUDIO_GOLDENS") == "write":
        FOLDER.mkdir(exist_ok=True)
        drawn.save(str(golden))
        PLATFORM.write_text(json.dumps(this_platform(), indent=1) + "\n")
        return
    if json.loads(PLATFORM.read_text()) != this_platform():
        return
    actual, expected = pixels(drawn), pixels(QImage(str(golden)))
    assert actual.shape == expected.shape
    delta = np.abs(actual.astype(int) - expected).max(axis=2) > CHANNEL_DELTA
    if delta.mean() > MOST_DIFFERENT:
        drawn.save(str(tmp_path / f"{name}-actual.png"))
        shown = np.where(delta, 0, 255).astype(np.uint8)
        QImage(shown.tobytes(), *delta.shape[::-1], delta.shape[1], QImage.Format.Format_Grayscale8).save(
            str(tmp_path / f"{name}-different.png")
        )
        pytest.fail(f"{name}: {delta.mean():.2%} of the pixels differ; see {tmp_path}")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("choice", "spoken"), [("light", "en"), ("dark", "zh_CN")])
def test_a_pane_that_is_ready(
    open_window: OpenWindow,
    golden_project: Path,
    step: str,
    choice: str,
    spoken: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", spoken)
    theme.choose(choice)
    window = open_window(golden_project, step)
    qtbot.waitUntil(lambda: bool(window.session.run_rows and window.session.jobs), timeout=10_000)
    qtbot.wait(700)  # the plots are drawn at a fixed interval
    compare(window, f"{step}-{choice}-{spoken}", tmp_path)


@pytest.mark.parametrize("step", STEPS)
def test_a_pane_that_is_empty(
    open_window: OpenWindow, empty_project: Path, step: str, tmp_path: Path, qtbot: QtBot
) -> None:
    window = open_window(empty_project, step)
    qtbot.wait(300)
    compare(window, f"{step}-empty", tmp_path)


@pytest.mark.parametrize("place", ["recent", "new", "sample"])
def test_the_start_page(
    open_window: OpenWindow,
    golden_project: Path,
    preferences: Preferences,
    place: str,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/person")
    preferences.remember_project("/mnt/archive/grid", EPOCH - 86_400)
    preferences.remember_project(str(golden_project), EPOCH)
    window = open_window()
    assert window.start is not None
    if place != "recent":
        getattr(window.start, f"show_{place}")()
    qtbot.wait(700)
    compare(window, f"start-{place}", tmp_path)


def test_an_error(open_window: OpenWindow, empty_project: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = open_window(empty_project, "corpus")
    params = {"file": "/data/clinical/project.sqlite", "needed": "4.2 MB", "free": "0 B"}
    problem = Problem("project.disk_full", None, params)
    window.shell.pane.show_error(problem, "Try again", window.shell.pane.refresh, "14:31:09  No space left")
    compare(window, "corpus-error", tmp_path)


def test_fonts_are_the_ones_asked_for() -> None:
    """Chinese falls back to a face of its own weight, not to whatever is bold."""
    assert QFont(QApplication.font()).families()[-1] == "Noto Sans CJK SC"
