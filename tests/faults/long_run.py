"""A long run followed to its end: `.venv/bin/python tests/faults/long_run.py --steps 1000000` (10 minutes).

The fake trainer does its steps as fast as it can. A window with the Runs pane open and its plots live, and
`runs watch` on a terminal, follow it from the first step to the last. Memory, open files, threads and every
file of the run are looked at all along; at the end the curves of each must be the pure function of the step.
"""

import argparse
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fake_trainer
import psutil
from benchmarks.plots import new_run
from faults.following_window import LATE_SECONDS, fingerprint
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import CHECKPOINTS
from domainstudio.jobs.curves import Curves, gather
from domainstudio.jobs.events import Body, Event, Start
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import METRICS, Metrics, read, save_at_end
from domainstudio.project.project import DATABASE, create
from domainstudio.recipe.run import ModelOrigin

PATIENCE_SECONDS = 3600
KEPT_CHECKPOINTS = 2
BYTES_A_STEP = 80
"""What a step may take in the window: eight numbers, and a sixteenth of five blocks of the pyramid."""
EVENT_BYTES_A_STEP = 320
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Size:
    """A process at one moment."""

    memory_bytes: int
    """Anonymous memory: what the machine could only get back by swapping."""
    open_files: int
    threads: int


@dataclass(frozen=True)
class Sample:
    """All of it at one moment; the last that was seen of a process that has ended."""

    step: int
    seconds: float
    processes: dict[str, Size]
    files: dict[str, int]
    """Bytes of the files of the run, by what they are, and how many there are."""


@dataclass
class Terminal:
    """A terminal on which nobody types; what is written to it is counted, its end kept."""

    ends: tuple[int, int] = field(default_factory=pty.openpty)
    size_bytes: int = 0
    lines: int = 0
    end: bytes = b""

    def read(self) -> None:
        """Read until the other side has closed it."""
        with suppress(OSError):
            while data := os.read(self.ends[0], 65536):
                self.size_bytes += len(data)
                self.lines += data.count(b"\n")
                self.end = (self.end + data)[-4096:]


@dataclass
class Result:
    """What came of a long run."""

    steps: int
    samples: list[Sample]
    expected: str
    found: dict[str, str]
    """Who → the fingerprint of the curves it has."""
    watch: Terminal
    codes: dict[str, int]
    window: dict[str, Any]

    def complaints(self) -> list[str]:
        """Return what is not as it should be, in words."""
        half = next(sample for sample in self.samples if sample.step >= self.steps // 2)
        last = self.samples[-1]
        made = [f"the curves of {who} differ" for who, found in self.found.items() if found != self.expected]
        for name, then in half.processes.items():
            now, columns = last.processes[name], BYTES_A_STEP * self.steps // 2 * (name == "window")
            grown = now.memory_bytes - then.memory_bytes - columns
            if grown > (24 if columns else 8) * MEGABYTE:
                made.append(
                    f"{name} grows: {then.memory_bytes} bytes at one half, {now.memory_bytes} at the end"
                )
            if now.open_files > then.open_files + 2 or now.threads > then.threads + 2:
                made.append(f"{name} has more files or threads: {then}, {now}")
        bounds = {
            "events": EVENT_BYTES_A_STEP * self.steps,
            "columns": BYTES_A_STEP * self.steps,
            "log": half.files["log"],
            "database": half.files["database"] + 4 * MEGABYTE,
            "other": half.files["other"] + MEGABYTE // 8,
            "number": half.files["number"] + 8,
        }
        made += [
            f"{name}: {last.files[name]}, more than {bound}"
            for name, bound in bounds.items()
            if last.files[name] > bound
        ]
        if self.watch.size_bytes > 300 * self.watch.lines + 3000 * last.seconds:
            made.append(f"runs watch wrote {self.watch.size_bytes} bytes, many times a second")
        made += [f"{who} ended with {code}" for who, code in self.codes.items() if code]
        if "train-1: done" not in self.watch.end.decode():
            made.append(f"the last words of runs watch: {self.watch.end[-200:]!r}")
        return made


@dataclass
class Watched:
    """The processes by name, each with its size when it was last seen alive."""

    pids: dict[str, int]
    sizes: dict[str, Size] = field(default_factory=dict)

    def look(self) -> None:
        """See how large each is; one that has ended stays as it was."""
        for name, pid in self.pids.items():
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                anonymous = re.search(r"RssAnon:\s+(\d+) kB", status)
                if anonymous:
                    seen = psutil.Process(pid)
                    self.sizes[name] = Size(1024 * int(anonymous[1]), seen.num_fds(), seen.num_threads())


def follow(folder: Path, steps: int, every: int) -> Result:
    """Do a run of so many steps with both followers; probes and checkpoints come `every` so many steps."""
    project = folder / "project"
    create(project, ModelOrigin(preset="tiny")).connection.close()
    run = new_run(project, steps)
    behaviour = fake_trainer.Behaviour(
        steps=steps, probe_every=every, checkpoint_every=every, keep_checkpoints=KEPT_CHECKPOINTS, hold=True
    )
    behaviour.write(run)
    process.command = fake_trainer.command
    record = process.start(run)
    window, watch, terminal = start_window(run, folder), *start_watch(run)
    try:
        wait_until((folder / "window.ready").exists, PATIENCE_SECONDS)
        (run.path / "go").touch()
        watched = Watched({"trainer": record.pid, "window": window.pid, "watch": watch.pid})
        samples = list(samples_until_the_end(run, watched, steps, (folder / "window.json").exists))
        (folder / "window.close").touch()
        wait_until(lambda: window.poll() is not None and watch.poll() is not None, PATIENCE_SECONDS)
    finally:
        for each in (window, watch):
            each.kill()
            each.wait()
        process.kill(run)
    told = json.loads((folder / "window.json").read_text())
    followed = fingerprint(read(run))
    save_at_end(run)
    return Result(
        steps=steps,
        samples=samples,
        expected=fingerprint(expected_curves(behaviour, run)),
        found={
            "the window": told.pop("fingerprint"),
            "a reader afterwards": followed,
            "the saved columns": fingerprint(Metrics(run).curves),
        },
        watch=terminal,
        codes={"the window": window.returncode, "runs watch": watch.returncode},
        window=told,
    )


def samples_until_the_end(
    run: JobFolder, watched: Watched, steps: int, is_over: Callable[[], bool]
) -> Iterator[Sample]:
    """Yield a sample at every twentieth of the run, and one when its last follower has ended."""
    began, due = time.monotonic(), 0
    while not is_over():
        watched.look()
        last = run.last_event()
        reached = getattr(last.body, "step", 0) if last else 0
        if reached >= due:
            due = (reached * 20 // steps + 1) * steps // 20
            yield Sample(reached, time.monotonic() - began, dict(watched.sizes), files_of(run))
        time.sleep(0.1)
    watched.look()
    yield Sample(steps, time.monotonic() - began, dict(watched.sizes), files_of(run))


def files_of(run: JobFolder) -> dict[str, int]:
    """Return the bytes that the run takes on the disk, by what they are, and the number of its files."""
    found = dict.fromkeys(("events", "columns", "log", "checkpoints", "database", "other", "number"), 0)
    project = run.path.parents[1]
    for parent, _folders, names in os.walk(project):
        for name in names:
            with suppress(FileNotFoundError):
                file = Path(parent, name)
                found[_kind(file, run)] += file.stat().st_size
                found["number"] += 1
    return found


def _kind(file: Path, run: JobFolder) -> str:
    """Return what a file of the project is."""
    if file.name.startswith(DATABASE):
        return "database"
    known = {run.events_file: "events", run.log_file: "log"}
    parts = {METRICS: "columns", CHECKPOINTS: "checkpoints"}
    return known.get(file) or next((parts[part] for part in file.parts if part in parts), "other")


def expected_curves(behaviour: fake_trainer.Behaviour, run: JobFolder) -> Curves:
    """Return the curves as the pure function of the step has them."""

    def bodies() -> Iterator[Body]:
        yield Start(0)
        yield from fake_trainer.probes(behaviour, 0)
        for step in range(1, behaviour.steps + 1):
            yield fake_trainer.point(behaviour, step)
            if step % behaviour.probe_every == 0 or step == behaviour.steps:
                yield from fake_trainer.probes(behaviour, step)

    return gather(Event(seq, 1, 1e9, body) for seq, body in enumerate(bodies(), 1))


def start_window(run: JobFolder, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a window on the project of a run; it ends by itself once it shows the end of the run."""
    program = Path(__file__).with_name("following_window.py")
    command = [sys.executable, str(program), str(run.path), str(folder)]
    return subprocess.Popen(command, env=os.environ | {"QT_QPA_PLATFORM": "offscreen"})


def start_watch(run: JobFolder) -> tuple["subprocess.Popen[bytes]", Terminal]:
    """Start `runs watch` on a terminal."""
    terminal = Terminal()
    command = [sys.executable, "-m", "domainstudio", "runs", "watch", str(run.path.parents[1]), run.job_id]
    english = os.environ | {"DOMAINSTUDIO_LANGUAGE": "en"}
    watch = subprocess.Popen(command, stdout=terminal.ends[1], stderr=terminal.ends[1], env=english)
    os.close(terminal.ends[1])
    threading.Thread(target=terminal.read, name="terminal", daemon=True).start()
    return watch, terminal


def report(result: Result) -> Iterator[str]:
    """Yield the lines of the table and of what came of it."""
    yield f"{'step':>9} {'s':>5}  {'trainer':>15} {'window':>15} {'runs watch':>15}   MB of files"
    for each in result.samples[::2] + result.samples[-1:] * (len(result.samples) % 2 == 0):
        sizes = (each.processes.get(name) for name in ("trainer", "window", "watch"))
        words = " ".join(
            f"{size.memory_bytes / 1e6:6.1f} {size.open_files:3} {size.threads:4}" if size else 15 * " "
            for size in sizes
        )
        files = ", ".join(
            f"{name} {number / 1e6:.1f}" for name, number in each.files.items() if name != "number"
        )
        yield f"{each.step:9,} {each.seconds:5.0f}  {words}   {files}; {each.files['number']} files"
    yield "(of each process: MB of anonymous memory, open files, threads)"
    window = result.window
    yield f"the window at the end: {window['state']}"
    yield (
        f"its event loop: longest gap {window['longest_gap_seconds'] * 1000:.0f} ms, "
        f"{window['late']} times later than {1000 * LATE_SECONDS:.0f} ms"
    )
    busy = " ".join(f"{load:.1f}" for load in os.getloadavg())
    yield f"(this machine has {os.cpu_count()} processors; its load with everything else on it: {busy})"
    watch = result.watch
    yield f"runs watch: {watch.lines:,} lines, {watch.size_bytes / 1e6:.1f} MB to the terminal"
    for who, found in result.found.items():
        yield f"the curves of {who}: {'whole' if found == result.expected else 'NOT as they should be'}"


def main() -> None:
    """Do a long run, print what was seen, and end with 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=1000, help="steps between probes and checkpoints")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = follow(Path(folder), options.steps, options.every)
    for line in report(result):
        print(line)
    complaints = result.complaints()
    print(
        *(complaints or ["memory is flat but for the columns, files are bounded, curves are whole"]), sep="\n"
    )
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
