"""Draw the README's pictures of the window: `.venv/bin/python packaging/pictures.py PROJECT [STEP…]`.

PROJECT is a sample project made by `domainstudio demo`; steps are drawn by name where it is another, as for
protection and tokenizer, which are not drawn otherwise. The window is drawn without a screen, 1440 x 900.
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["DOMAINSTUDIO_LANGUAGE"] = "en"

from PySide6.QtWidgets import QApplication  # noqa: E402

from domainstudio import language  # noqa: E402
from domainstudio.gui import theme  # noqa: E402
from domainstudio.gui.preferences import Preferences  # noqa: E402
from domainstudio.gui.window import Window  # noqa: E402

TARGET = Path(__file__).resolve().parents[1] / "resources" / "pictures"
PICTURES = (
    ("corpus", "light", "en"),
    ("duplicates", "light", "en"),
    ("tokenizer", "light", "en"),
    ("mixture", "light", "en"),
    ("training", "dark", "zh_CN"),
    ("runs", "light", "en"),
    ("protection", "light", "en"),
)
"""Step, theme, language."""
ELSEWHERE = ("protection", "tokenizer")
"""The steps that the sample project has nothing to show of."""
TABS = {"tokenizer": "extend"}
"""What of a step is shown, if not its first part."""
PATIENCE_SECONDS, SETTLE_SECONDS = 20.0, 2.0


def pump(application: QApplication, seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


def draw(application: QApplication, project: Path, step: str, choice: str, spoken: str, folder: Path) -> None:
    """Draw one pane of the project into resources/pictures."""
    language.use(spoken)
    theme.choose(choice)
    window = Window(Preferences(folder / f"{step}.ini"))
    window.show()
    window.open_project(project)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while window.shell is None and time.monotonic() < deadline:
        pump(application, 0.05)
    if window.shell is None:
        sys.exit(window.notice.text or "the project did not open in time")
    window.shell.show_step(step)
    if step in TABS:
        window.shell.pane.remember({"tab": TABS[step]})
    pump(application, SETTLE_SECONDS)
    window.grab().save(str(TARGET / f"window-{step}.png"))
    window.close()


def main(project: Path, *steps: str) -> None:
    """Draw the pictures of some steps, by default all that the sample project has."""
    application = QApplication([])
    theme.apply(application)
    with TemporaryDirectory() as folder:
        for step, choice, spoken in PICTURES:
            if step in steps or (not steps and step not in ELSEWHERE):
                draw(application, project, step, choice, spoken, Path(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
