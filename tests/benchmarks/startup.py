"""CPU seconds until each front door has opened: `.venv/bin/python tests/benchmarks/startup.py`."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
TURNS = 5
OPEN_WINDOW = (
    "from PySide6.QtWidgets import QApplication\nfrom domainstudio.gui import theme\n"
    "from domainstudio.gui.window import Window\napplication = QApplication([])\ntheme.apply(application)\n"
    "window = Window()\nwindow.show()\napplication.processEvents()\nwindow.close()"
)


def cpu_seconds(command: list[str]) -> tuple[float, float]:
    """Return (CPU, wall) seconds of a command and its children."""
    before, began = os.times(), time.monotonic()
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, time.monotonic() - began


def main() -> None:
    """Print the median of some turns."""
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        project = str(Path(folder) / "project")
        new = [python, "-m", "domainstudio", "project", "new", project, "--from-scratch", "tiny"]
        subprocess.run(new, check=True, capture_output=True)
        doors = {
            "domainstudio --help": [python, "-m", "domainstudio", "--help"],
            "domainstudio project info": [python, "-m", "domainstudio", "project", "info", project],
            "the window shown": [python, "-c", OPEN_WINDOW],
            "bootstrap.py --help, set up": [
                sys.executable,
                str(ROOT / "packaging" / "bootstrap.py"),
                "--help",
            ],
        }
        print(f"{'':30} CPU s   wall s   (median of {TURNS})")
        for name, command in doors.items():
            turns = [cpu_seconds(command) for _ in range(TURNS)]
            used, wall = (median(values) for values in zip(*turns, strict=True))
            print(f"{name:30} {used:5.2f}   {wall:5.2f}")


if __name__ == "__main__":
    main()
