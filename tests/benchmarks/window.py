"""The window's start and memory: `python tests/benchmarks/window.py PROJECT` or `… window.py --large`.

Prints the CPU time until the window is usable (shown with its start page) and until a project is shown, an
empty Qt window measured in turn with it, and the resident memory with every pane shown. `demo` makes a small
project; `--large` one of ten million documents with a finished run of a million steps (2.5 GB, minutes).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5
CODE = """
import json, os, sys, time
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from pathlib import Path
from PySide6.QtWidgets import QApplication
application = QApplication([])
from domainstudio.gui import theme
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.window import Window
theme.apply(application)
window = Window(Preferences(Path(sys.argv[2])))
window.show()
application.processEvents()
usable = time.process_time()
found = {"usable": usable}
def pump(done, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        application.processEvents()
        time.sleep(0.005)
window.open_project(Path(sys.argv[1]))
pump(lambda: window.shell is not None, 30)
pump(lambda: window.shell.pane.states.is_settled, 30)
found["project"] = time.process_time()
for step in ("corpus", "tokenizer", "mixture", "training", "runs", "export"):
    began = time.monotonic()
    window.shell.show_step(step)
    pump(lambda: window.shell.pane.states.is_settled, 30)
    found[f"{step} ready, s"] = time.monotonic() - began
    pump(lambda: False, 1.0)
import psutil
found["resident"] = psutil.Process().memory_info().rss
found["modules"] = len(sys.modules)
heavy = ("torch", "transformers", "datasets", "pandas", "sqlite_utils")
found["heavy"] = [name for name in heavy if name in sys.modules]
window.close()
print(json.dumps(found))
"""


def once(project: Path, folder: Path) -> dict[str, float]:
    """Start the window in a process of its own and return what it measured."""
    command = [sys.executable, "-c", CODE, str(project), str(folder / "preferences.ini")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def bare() -> float:
    """Return the CPU time of a process that only shows an empty Qt window."""
    code = (
        "import os, time\nos.environ.setdefault('QT_QPA_PLATFORM', 'offscreen')\n"
        "from PySide6.QtWidgets import QApplication, QMainWindow\na = QApplication([])\nw = QMainWindow()\n"
        "w.show()\na.processEvents()\nprint(time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main(project: Path) -> None:
    """Print the medians of a few starts, an empty Qt window in turn with each."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = [(once(project, Path(folder)), bare()) for _ in range(RUNS)]
    found = [one for one, _empty in pairs]
    middle = {key: statistics.median(one[key] for one in found) for key in found[0] if key != "heavy"}
    empty = statistics.median(one for _found, one in pairs)
    print(f"usable after {middle['usable']:.2f} s of CPU time; an empty Qt window {empty:.2f} s")
    print(f"project shown after {middle['project']:.2f} s of CPU time")
    for key, value in middle.items():
        if key.endswith(", s"):
            print(f"{key}: {value:.3f}")
    size = sum(file.stat().st_size for file in project.rglob("*") if file.is_file())
    print(
        f"resident with every pane shown: {middle['resident'] / 1e6:,.0f} MB (project {size / 1e6:,.0f} MB)"
    )
    print(f"modules {middle['modules']:,.0f}; heavy ones among them: {found[0]['heavy']}")


def large(folder: Path) -> Path:
    """Make the large project and return it."""
    import documents
    import plots

    from domainstudio.jobs.metrics import save_at_end

    with documents.build(folder / "large", 10_000_000) as project:
        run = plots.new_run(project.path, plots.STEPS)
        plots.write(run, plots.STEPS)
        save_at_end(run)
        return project.path


if __name__ == "__main__":
    os.environ.setdefault("DOMAINSTUDIO_LANGUAGE", "en")
    if sys.argv[1] == "--large":
        with tempfile.TemporaryDirectory() as made:
            main(large(Path(made)))
    else:
        main(Path(sys.argv[1]).resolve())
