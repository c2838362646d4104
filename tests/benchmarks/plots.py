"""Plots of long runs: `python tests/benchmarks/plots.py` prints redraw, opening, memory and event-loop gaps.

A run of a million steps is opened finished (from its columns) and rebuilt from its events; its plots are
drawn at 1400 x 300; then 2,000 events a second arrive for a live run while all plots are shown.
"""

import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from domainstudio.jobs.events import Body, Event, Probe, Start, State, Step, encode
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.metrics import Metrics, save_at_end
from domainstudio.project.project import create
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import ModelOrigin, RunSpec, TrainingSource

STEPS, PROBE_EVERY, EVENTS_A_SECOND, SECONDS = 1_000_000, 1000, 2000, 20


def main() -> None:
    """Make the runs, then measure in fresh processes."""
    with tempfile.TemporaryDirectory() as made:
        project = Path(made) / "project"
        create(project, ModelOrigin(preset="tiny")).connection.close()
        long = new_run(project, STEPS)
        write(long, STEPS)
        live = new_run(project, STEPS)
        print(f"a run of {STEPS:,} steps: {long.events_size_bytes() / 1e6:.0f} MB of events")
        started = time.perf_counter()
        Metrics(long).poll()
        print(f"  rebuilt from its events: {time.perf_counter() - started:.1f} s")
        started = time.perf_counter()
        save_at_end(long)
        size = sum(file.stat().st_size for file in (long.result / "metrics").rglob("*") if file.is_file())
        print(
            f"  read again and saved as {size / 1e6:.0f} MB of columns: {time.perf_counter() - started:.1f} s"
        )
        for measure in ("opening", "redraw", "live", "killed"):
            arguments = [sys.executable, __file__, measure, str(project), live.job_id]
            subprocess.run(arguments, check=True)


def new_run(project: Path, steps: int) -> JobFolder:
    """Return the folder of a run that has not begun."""
    source = TrainingSource(name="law", role="domain", share=1, tokens="t")
    spec = RunSpec(
        recipe=Recipe(), steps=steps, model=ModelOrigin(preset="tiny"), tokenizer="t", tokenizer_sha256="x",
        vocabulary=512, sources=(source,), held_out=(), mixture="default",
    )  # fmt: skip
    return create_job(project / "jobs", "train", "domainstudio.trainer", spec)


def bodies(first: int, last: int) -> list[Body]:
    """Return what a run tells of some steps."""
    told: list[Body] = []
    for step in range(first, last + 1):
        loss = 2 + 2 * math.exp(-step / 1e5) + random.gauss(0, 0.05)
        told.append(Step(step, step * 8192, loss, 1e-4, 1 + random.random(), 15_000.0, 31 * 10**9))
        if step % PROBE_EVERY == 0:
            for source, role in (("web", "general"), ("law", "domain"), ("guidelines", "domain")):
                told.append(Probe(step, source, role, 3 + random.gauss(0, 0.01), 1.0, 16_384, 65_536))
    return told


def write(folder: JobFolder, steps: int) -> None:
    """Write the events of a whole run."""
    random.seed(0)
    with folder.events_file.open("wb") as events:
        for seq, body in enumerate([Start(0), Probe(0, "web", "general", 3.0, 1.0, 10, 40)], 1):
            events.write(encode(Event(seq, 1, 1e9, body)))
        for first in range(1, steps, 10_000):
            told = bodies(first, first + 9_999)
            lines = [encode(Event(first * 2 + n, 1, 1e9 + first + n, body)) for n, body in enumerate(told)]
            events.write(b"".join(lines))
        events.write(encode(Event(3 * steps, 1, 1e9 + steps, State("done", steps))))
    folder.record_process(os.getpid(), 0)


def resident_megabytes() -> float:
    """Return the memory this process holds now."""
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)


def measure_opening(project: Path, _live: str) -> None:
    """Open the finished run from its columns."""
    folder = JobFolder(project / "jobs" / "train-1")
    before = resident_megabytes()
    started = time.perf_counter()
    metrics = Metrics(folder)
    metrics.poll()
    seconds = time.perf_counter() - started
    assert len(metrics.curves.steps) == STEPS
    more = resident_megabytes() - before
    print(f"opening the finished run: {seconds * 1000:.0f} ms, {more:.0f} MB more resident (bar: 1,000 ms)")


def measure_redraw(project: Path, _live: str) -> None:
    """Draw each plot of the finished run, whole and zoomed."""
    pane, application = open_pane(project)
    pane.choose_run("train-1")
    application.processEvents()
    for name in ("loss", "held_out", "forgetting", "gradient"):
        plot = getattr(pane.plots, name)
        plot.resize(1400, 300)
        for words, shown in (("whole", None), ("a half", (3e5, 8e5)), ("1 %", (5e5, 5.1e5))):
            times = []
            for _ in range(30):
                plot.show_range((0.0, 1.0))
                plot.show_range(shown)
                started = time.perf_counter()
                plot._draw()
                times.append((time.perf_counter() - started) * 1000)
            times.sort()
            print(
                f"redraw of {name}, {words}: median {statistics.median(times):.1f} ms, "
                f"95 % within {times[28]:.1f} ms (bar: 16 ms)"
            )
    print(f"resident with the window's process and this run open: {resident_megabytes():.0f} MB")
    pane.session.close()


def measure_live(project: Path, live: str) -> None:
    """Show a live run while events pour in, and watch the event loop."""
    pane, application = open_pane(project)
    pane.choose_run(live)
    watch = Watch()
    writer = subprocess.Popen([sys.executable, __file__, "write", str(project), live])
    deadline = time.perf_counter() + SECONDS
    while time.perf_counter() < deadline:
        application.processEvents()
        time.sleep(0.0005)
    writer.kill()
    writer.wait()
    gaps = sorted(watch.gaps[100:])
    steps = len(pane.session.runs.curves(live).steps)
    print(
        f"event loop with {steps / SECONDS:,.0f} steps a second and seven plots: 99 % of gaps within "
        f"{gaps[len(gaps) * 99 // 100]:.0f} ms, longest {gaps[-1]:.0f} ms (bar: 50 ms)"
    )
    pane.session.close()


def measure_killed(project: Path, _live: str) -> None:
    """Open the project when the long run left no columns, as a killed one, and watch the event loop."""
    shutil.rmtree(project / "jobs" / "train-1" / "result")
    started = time.perf_counter()
    pane, application = open_pane(project, waits=False)
    application.processEvents()  # the first painting, which window.py measures
    watch = Watch()
    seen = 0.0
    while not pane.session.run_rows or not pane.session.run_rows[0].is_read:
        application.processEvents()
        seen = seen or (time.perf_counter() - started if pane.memory()["run"] else 0.0)
        time.sleep(0.0005)
    print(
        f"opening the project after a kill: the run is seen after {seen:.1f} s and whole after "
        f"{time.perf_counter() - started:.1f} s, longest gap meanwhile {max(watch.gaps):.0f} ms"
    )
    pane.session.close()


def write_live(project: Path, live: str) -> None:
    """Pour events in until killed."""
    folder = JobFolder(project / "jobs" / live)
    folder.record_process(os.getpid(), 0)
    folder.events_file.write_bytes(encode(Event(1, 1, time.time(), Start(0))))
    batch, step, seq = EVENTS_A_SECOND // 50, 0, 1
    with folder.events_file.open("ab", buffering=0) as events:
        while True:
            started = time.perf_counter()
            lines = []
            for body in bodies(step + 1, step + batch):
                seq += 1
                lines.append(encode(Event(seq, 1, time.time(), body)))
            events.write(b"".join(lines))
            step += batch
            time.sleep(max(0.0, 0.02 - (time.perf_counter() - started)))


def open_pane(project: Path, waits: bool = True):  # type: ignore[no-untyped-def]
    """Return the Runs pane on a project, shown, and its application."""
    from PySide6.QtWidgets import QApplication

    from domainstudio.gui import theme
    from domainstudio.gui.panes.runs.pane import RunsPane
    from domainstudio.gui.session import Session

    application = QApplication([])
    theme.apply(application)
    pane = RunsPane(Session(project))
    pane.resize(1704, 1016)
    pane.show()
    while waits and not pane.memory()["run"]:
        application.processEvents()
        time.sleep(0.01)
    return pane, application


class Watch:
    """A timer of 1 ms that notes how late it comes."""

    def __init__(self) -> None:
        """Start."""
        from PySide6.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_time)
        self._timer.start(1)

    def _on_time(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1000)
        self._last = now


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measures = {
            "opening": measure_opening,
            "redraw": measure_redraw,
            "live": measure_live,
            "killed": measure_killed,
            "write": write_live,
        }
        measures[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
    else:
        main()
