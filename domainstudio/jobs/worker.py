"""The job's own side of its folder: begin an attempt, report, hear requests, end with one last word."""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import orjson

from domainstudio.jobs.events import (
    Body,
    Event,
    FinalState,
    JobProblem,
    Progress,
    Start,
    State,
    encode,
    numbers_of,
)
from domainstudio.jobs.folder import JobFolder
from domainstudio.paths import disk_problem, write_atomically
from domainstudio.problems import Problem, UserError

HEARTBEAT_SECONDS = 5.0
PROGRESS_SECONDS = 0.2
_SCAN_BYTES = 1 << 20


class Stopped(Exception):
    """The work ended early because it was asked to; what it had done is kept or needs no keeping."""

    def __init__(self, step: int = 0) -> None:
        """Remember the step at which all ranks stopped."""
        super().__init__(step)
        self.step = step


class Worker:
    """Writes the events of one attempt; made by the job's process (by rank 0 of a training run)."""

    def __init__(self, folder: JobFolder) -> None:
        """Continue seq and attempt of events.jsonl, whose torn last line, if any, is ended first."""
        self.folder = folder
        self._seq, earlier_attempts = _end_of(folder.events_file)
        self._file = os.open(folder.events_file, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        self.attempt = earlier_attempts + 1
        self._last_progress = (float("-inf"), "")
        self._write_lock = threading.Lock()
        self._over = threading.Event()

    def begin(self, step: int = 0) -> None:
        """Announce the attempt and its first step; start the heartbeat."""
        self.emit(Start(step))
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def emit(self, body: Body) -> None:
        """Append one event, one write for the whole line."""
        with self._write_lock:
            self._seq += 1
            rest = encode(Event(self._seq, self.attempt, time.time(), body))
            while rest:  # a second time only on a full disk, to raise its error
                rest = rest[os.write(self._file, rest) :]

    def progress(self, done: int, total: int, unit: str, phase: str) -> None:
        """Report progress, at most every `PROGRESS_SECONDS` within a phase, and always its end."""
        now = time.monotonic()
        if (
            now - self._last_progress[0] >= PROGRESS_SECONDS
            or phase != self._last_progress[1]
            or done >= total > 0
        ):
            self._last_progress = (now, phase)
            self.emit(Progress(done, total, unit, phase))

    def warn(self, problem: Problem) -> None:
        """Report something the person should know while the work goes on."""
        self.emit(JobProblem(problem.code, problem.field, dict(problem.params)))

    def check_stop(self) -> None:
        """Raise Stopped if somebody asked for it; called at each safe point."""
        if self.folder.stop_is_asked():
            raise Stopped

    def finish(self, state: FinalState, step: int = 0) -> None:
        """Write the last word, synced to disk; nothing may be emitted afterwards."""
        self._over.set()
        self.emit(State(state, step))
        os.fsync(self._file)

    def _beat(self) -> None:
        while not self._over.is_set():
            beat = {"t": time.time(), "attempt": self.attempt, "seq": self._seq}
            with suppress(OSError):  # a disk full for a moment must not end it: the next beat tries again
                write_atomically(self.folder.path / "heartbeat.json", orjson.dumps(beat))
            self._over.wait(HEARTBEAT_SECONDS)


def _end_of(events_file: Path) -> tuple[int, int]:
    """Return (last seq, last attempt) of an events file, ending a torn last line with a newline."""
    with events_file.open("a+b") as file:
        size = start = file.seek(0, os.SEEK_END)
        lines, found = [b""], list[tuple[int, int]]()
        while start > 0 and not found:
            start = max(0, start - _SCAN_BYTES)
            file.seek(start)
            lines = file.read(size - start).split(b"\n")
            found = [numbers for line in lines if (numbers := numbers_of(line))]
        if lines[-1]:
            file.write(b"\n")
    return found[-1] if found else (0, 0)


def adopt_process(folder: JobFolder) -> None:
    """Make run.json name this process: whoever started it died before doing so, or started torchrun."""
    record = folder.run_record()
    if record is None or record.pid != os.getpid() or record.liveness() != "alive":
        folder.record_process(os.getpid(), folder.events_size_bytes())


def turn_signals_into_requests(folder: JobFolder) -> None:
    """Make SIGTERM and SIGINT ask the job to stop at its next safe point instead of dying."""

    def ask(_signal: int, _frame: FrameType | None) -> None:
        folder.ask_to_stop()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def run(path: Path, work: Callable[[Worker], None]) -> int:
    """Do a whole job in this process and return its exit code: 0 done or stopped, 2 a UserError, 1 a bug."""
    folder = JobFolder(path)
    adopt_process(folder)
    turn_signals_into_requests(folder)
    worker = Worker(folder)
    worker.begin()
    return conclude(worker, lambda: work(worker))


def conclude(worker: Worker, work: Callable[[], None]) -> int:
    """Do the work and turn however it ends into the attempt's last word and an exit code."""
    try:
        work()
    except Stopped as stopped:
        worker.finish("stopped", stopped.step)
        return 0
    except UserError as error:
        worker.warn(error.problem)
        worker.finish("failed")
        return 2
    except Exception as error:
        problem = disk_problem(error, worker.folder.path) if isinstance(error, OSError) else None
        if problem is not None:
            worker.warn(problem)
            worker.finish("failed")
            return 2
        traceback.print_exc(file=sys.stderr)
        worker.warn(
            Problem(
                "job.bug", None, {"error": f"{type(error).__name__}: {error}", "job": worker.folder.job_id}
            )
        )
        worker.finish("failed")
        return 1
    worker.finish("done")
    return 0
