"""The job's own side of its folder: begin an attempt, report, hear requests, end with one last word."""

import math
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

from domainstudio.disk import disk_problem
from domainstudio.jobs.event_file import FULL, EventFile
from domainstudio.jobs.events import (
    LONGEST_LINE,
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
from domainstudio.jobs.output import survive_a_full_disk
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError

HEARTBEAT_SECONDS = 5.0
PROGRESS_SECONDS = 0.2
SHORT_SECONDS = 5.0
"""How long the disk may be full before a job that goes on says so."""
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
        self._seq, earlier_attempts, is_torn = _end_of(folder.events_file)
        self._events = EventFile(folder.events_file, folder.reserved, is_torn=is_torn)
        self.attempt = earlier_attempts + 1
        self._began = time.monotonic()
        self._short_since: float | None = None
        self._last_progress = (float("-inf"), "")
        self._write_lock = threading.Lock()
        self._over = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def begin(self, step: int = 0) -> None:
        """Announce the attempt and its first step; start the heartbeat."""
        self.emit(Start(step))
        self._heartbeat.start()

    def emit(self, body: Body) -> None:
        """Append one event, one write for the whole line; on a full disk it waits for the next one.

        A disk that stays full is told of, in the reserved room, while the work goes on.
        """
        with self._write_lock:
            if self._events.append(self._encoded(body)):
                self._short_since = None
                return
            now = time.monotonic()
            self._short_since = self._short_since or now
            if now - self._short_since >= SHORT_SECONDS:
                self._short_since = math.inf  # told once
                problem = Problem("job.waits_for_room", None, {"file": str(self.folder.events_file)})
                self._events.tell(self._encoded(_told(problem)))

    def _encoded(self, body: Body) -> bytes:
        self._seq += 1
        return encode(Event(self._seq, self.attempt, time.time(), body, time.monotonic() - self._began))

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
        self.emit(_told(problem))

    def check_stop(self) -> None:
        """Raise Stopped if somebody asked for it; called at each safe point."""
        if self.folder.stop_is_asked():
            raise Stopped

    def finish(self, state: FinalState, step: int = 0, problem: Problem | None = None) -> None:
        """Write the last word, and before it why, synced to disk; nothing may be emitted afterwards."""
        self._over.set()
        if self._heartbeat.is_alive():  # its half-written file would stay
            self._heartbeat.join(HEARTBEAT_SECONDS)
        why: list[Body] = [_told(problem)] if problem else []
        with self._write_lock:
            self._events.end(b"".join(self._encoded(body) for body in (*why, State(state, step))))
            self.folder.release()

    def _beat(self) -> None:
        while not self._over.is_set():
            beat = {"t": time.time(), "attempt": self.attempt, "seq": self._seq}
            with suppress(OSError):  # a disk full for a moment must not end it: the next beat tries again
                write_atomically(self.folder.path / "heartbeat.json", orjson.dumps(beat))
            self._over.wait(HEARTBEAT_SECONDS)


def _told(problem: Problem) -> JobProblem:
    return JobProblem(problem.code, problem.field, dict(problem.params))


def attempts_in(events_file: Path) -> int:
    """Return how many attempts have told something so far."""
    return _end_of(events_file)[1]


def _end_of(events_file: Path) -> tuple[int, int, bool]:
    """Return (last seq, last attempt, whether its last line is torn) of an events file, if there is one."""
    if not events_file.exists():
        return 0, 0, False
    with events_file.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        file.seek(max(0, start - 1))
        is_torn = file.read(1) not in (b"", b"\n")
        found = list[tuple[int, int]]()
        while start > 0 and not found:
            start = max(0, start - _SCAN_BYTES)
            file.seek(start)
            lines = file.read(_SCAN_BYTES + LONGEST_LINE).split(b"\n")  # those that begin in this stretch
            found = [numbers for line in lines if (numbers := numbers_of(line))]
    return *(found[-1] if found else (0, 0)), is_torn


def adopt_process(folder: JobFolder) -> None:
    """Make run.json name this process: whoever started it died before doing so, or started torchrun."""
    record = folder.run_record()
    if record is None or record.pid != os.getpid() or record.liveness() != "alive":
        try:
            folder.record_process(os.getpid(), folder.events_size_bytes())
        except OSError as error:
            # On a full disk the record of whoever started it stands or comes, or that one kills this process.
            if error.errno not in FULL:
                raise


def turn_signals_into_requests(folder: JobFolder) -> None:
    """Make SIGTERM and SIGINT ask the job to stop at its next safe point instead of dying."""

    def ask(_signal: int, _frame: FrameType | None) -> None:
        folder.ask_to_stop()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def run(path: Path, work: Callable[[Worker], None]) -> int:
    """Do a whole job in this process and return its exit code: 0 done or stopped, 2 a UserError, 1 a bug.

    A result is there only when it is whole: then the attempt before was killed between it and its last word.
    """
    folder = JobFolder(path)
    survive_a_full_disk()
    adopt_process(folder)
    turn_signals_into_requests(folder)
    worker = Worker(folder)
    worker.begin()
    return conclude(worker, lambda: None if folder.result.exists() else work(worker))


def conclude(worker: Worker, work: Callable[[], None]) -> int:
    """Do the work and turn however it ends into the attempt's last word and an exit code."""
    try:
        work()
    except Stopped as stopped:
        worker.finish("stopped", stopped.step)
        return 0
    except UserError as error:
        worker.finish("failed", problem=error.problem)
        return 2
    except Exception as error:
        problem = disk_problem(error, worker.folder.path) or _gone(error, worker.folder)
        if problem is not None:
            worker.finish("failed", problem=problem)
            return 2
        traceback.print_exc(file=sys.stderr)
        params = {"error": f"{type(error).__name__}: {error}", "job": worker.folder.job_id}
        worker.finish("failed", problem=Problem("job.bug", None, params))
        return 1
    worker.finish("done")
    return 0


def _gone(error: Exception, folder: JobFolder) -> Problem | None:
    """Return that the job's folder is not where it was, if that is why a file was not found."""
    if isinstance(error, FileNotFoundError) and not folder.path.is_dir():
        return Problem("project.moved", None, {"folder": str(folder.path.parents[1])})
    return None
