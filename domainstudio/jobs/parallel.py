"""Tasks in processes of their own: results in the order of tasks, no process left whatever happens."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Literal, Protocol, TypeVar

from domainstudio.problems import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")
Cause = Literal["death", "memory", "slowness"]

MOST_PROCESSES = 3
"""By default: each takes about 60 MB; with one more an import would take 300 MB in all."""
POLL_SECONDS = 0.1
_ENDING_SECONDS = 2.0
_SIGN_SECONDS = 1.0


class Tick(Protocol):
    """Called by a task each time parts of it are done; with 0 it says that it is getting on."""

    def __call__(self, parts: int = 1, /) -> None:
        """Tell the parent."""


class WorkerFailed(Exception):
    """A worker process died, or its task raised: an error of the program, with the worker's traceback."""


@dataclass(frozen=True)
class Loss:
    """A process was lost over a task: it died or ran out of memory twice, or did not get on."""

    parts: int
    """Parts of the task that were done by then."""
    cause: Cause
    detail: str


@dataclass(frozen=True)
class Guard(Generic[Task]):
    """What holds for work on input that may crash, hang or fill the process that reads it."""

    rescue: Callable[[Task, Loss], Sequence[Task]]
    """Returns what to do in place of the task; their results take its place."""
    patience_seconds: float
    """A process that gives no sign for so long is ended."""
    memory_bytes: int
    """Data of one process; what asks for more gets a MemoryError (on Linux; elsewhere there is no limit)."""


def run_tasks(
    work: Callable[[Task, Tick], Result],
    tasks: Sequence[Task],
    report: Callable[[int], None],
    processes: int | None = None,
    guard: Guard[Task] | None = None,
) -> list[Result]:
    """Do tasks side by side and return their results in order.

    Args:
        work: a function of a module; it calls its second argument each time a part of a task is done. It may
            be called again for a task that a process died over.
        tasks: picklable; the first is begun first.
        report: told how many parts are done, at least every `POLL_SECONDS`; what it raises ends the workers.
        processes: by default one for each processor core, not more than `MOST_PROCESSES`; with 0 this process
            does the tasks in turn, as suits a little harmless work.
        guard: without it a process that dies ends the work.

    Raises:
        UserError, OSError: a task raised it, as where the disk is full; all others are ended.
        WorkerFailed: a task raised something else or its process died; all others are ended.
    """
    if processes == 0:
        return _in_turn(work, tasks, report)
    count = min(processes or min(MOST_PROCESSES, os.cpu_count() or 1), len(tasks))
    crew = _Crew(work, tasks, count, guard)
    try:
        return crew.run(report)
    finally:
        crew.end()


def _in_turn(
    work: Callable[[Task, Tick], Result], tasks: Sequence[Task], report: Callable[[int], None]
) -> list[Result]:
    done, told = 0, time.monotonic()

    def tick(parts: int = 1) -> None:
        nonlocal done, told
        done += parts
        if parts or time.monotonic() - told >= POLL_SECONDS:
            told = time.monotonic()
            report(done)

    return [work(task, tick) for task in tasks]


@dataclass(frozen=True)
class _Errand:
    """A task; `place` orders the results, also of those that took another's place."""

    place: tuple[int, ...]
    task: Any
    has_failed: bool = False


class _Worker:
    """A process, the pipe to it, and what it is at."""

    def __init__(self, work: Callable[[Any, Tick], Any], memory_bytes: int | None) -> None:
        spawning = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawning.Pipe()
        self.process = spawning.Process(target=_serve, args=(theirs, memory_bytes), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.send(work)
        self.errand: _Errand | None = None
        self.is_up = False
        self.parts = 0
        self.silent_seconds = 0.0

    def begin(self, errand: _Errand) -> None:
        """Give it a task; one that died since the last is noticed when it is listened to."""
        self.errand, self.parts, self.silent_seconds = errand, 0, 0.0
        try:
            self.pipe.send(errand.task)
        except BrokenPipeError:
            return


class _Crew:
    """The workers, what waits for them and what they brought."""

    def __init__(
        self, work: Callable[[Any, Tick], Any], tasks: Sequence[Any], count: int, guard: Guard[Any] | None
    ) -> None:
        self._work, self._count, self._guard = work, count, guard
        self._waiting = deque(_Errand((number,), task) for number, task in enumerate(tasks))
        self._workers: list[_Worker] = []
        self._results: dict[tuple[int, ...], Any] = {}
        self._parts = self._told = 0

    def run(self, report: Callable[[int], None]) -> list[Any]:
        """Return the results in order."""
        while busy := self._hand_out():
            began = time.monotonic()
            ready = wait([worker.pipe for worker in busy], POLL_SECONDS)
            # A machine that slept in between counts as one that waited a moment.
            waited = min(time.monotonic() - began, _SIGN_SECONDS)
            for worker in busy:
                if worker.pipe in ready:
                    self._listen(worker)
                else:
                    self._wait_on(worker, waited)
            parts = self._parts + sum(worker.parts for worker in self._workers)
            self._told = max(self._told, parts)  # what is done again is not told again
            report(self._told)
        return [self._results[place] for place in sorted(self._results)]

    def _hand_out(self) -> list[_Worker]:
        """Give every idle worker a task, new ones to those there is room for; return who is busy."""
        idle = [worker for worker in self._workers if worker.errand is None]
        while self._waiting and (idle or len(self._workers) < self._count):
            if not idle:
                memory_bytes = self._guard.memory_bytes if self._guard else None
                idle.append(_Worker(self._work, memory_bytes))
                self._workers.append(idle[-1])
            idle.pop(0).begin(self._waiting.popleft())
        return [worker for worker in self._workers if worker.errand is not None]

    def _listen(self, worker: _Worker) -> None:
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join(_ENDING_SECONDS)
            self._lose(worker, "death", _ending(worker.process.exitcode))
            return
        worker.silent_seconds = 0.0
        match kind:
            case "up":
                worker.is_up = True
            case "parts":
                worker.parts += value
            case "refused":
                raise value
            case "problem":
                raise UserError(value)
            case "failed":
                raise WorkerFailed(value)
            case "memory":
                self._lose(worker, kind, value)
            case _:
                assert worker.errand is not None
                self._results[worker.errand.place] = value
                self._parts += worker.parts
                worker.errand, worker.parts = None, 0

    def _wait_on(self, worker: _Worker, seconds: float) -> None:
        if worker.is_up:
            worker.silent_seconds += seconds
        if self._guard is not None and worker.silent_seconds > self._guard.patience_seconds:
            self._lose(worker, "slowness", f"{self._guard.patience_seconds:.0f} s")

    def _lose(self, worker: _Worker, cause: Cause, detail: str) -> None:
        """End a worker; a death may be chance (the task is done again), a second one is the input's fault."""
        errand = worker.errand
        if self._guard is None or errand is None or not worker.is_up:
            raise WorkerFailed(f"a worker died ({detail})")
        self._workers.remove(worker)
        _end([worker])
        if cause != "slowness" and not errand.has_failed:
            self._waiting.appendleft(_Errand(errand.place, errand.task, has_failed=True))
            return
        instead = self._guard.rescue(errand.task, Loss(worker.parts, cause, detail))
        self._waiting.extendleft(
            _Errand((*errand.place, number), task) for number, task in reversed(list(enumerate(instead)))
        )

    def end(self) -> None:
        """End the workers: between tasks or in the midst of one, what they wrote is of no use by then."""
        _end(self._workers)


def _end(workers: Iterable[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(_ENDING_SECONDS)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()


def _ending(code: int | None) -> str:
    """Return how a process ended; below 0 is the signal that ended it."""
    if code is not None and -code in list(signal.Signals):
        return signal.Signals(-code).name
    return f"exit code {code}"


def _serve(parent: Connection, memory_bytes: int | None) -> None:
    """Do what the parent sends, first of all the work itself, until it ends this process or is gone."""
    # Before the work comes, and with it numpy, pyarrow, tokenizers: the processes are the threads here.
    os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    if memory_bytes is not None:
        _limit_memory(memory_bytes)
    work: Callable[[Any, Tick], Any] = parent.recv()
    parent.send(("up", None))
    signed = time.monotonic()

    def tick(parts: int = 1) -> None:
        nonlocal signed
        if parts or time.monotonic() - signed >= _SIGN_SECONDS:
            signed = time.monotonic()
            parent.send(("parts", parts))

    while True:
        try:
            task = parent.recv()
        except EOFError:
            return
        try:
            result = work(task, tick)
        except BrokenPipeError:
            return  # the parent is gone
        except MemoryError:
            parent.send(("memory", f"more than {memory_bytes} bytes"))
            return
        except UserError as error:
            parent.send(("problem", error.problem))
            return
        except OSError as error:  # such as a full disk: what it is must survive the way to the parent
            parent.send(("refused", error))
            return
        except Exception:  # handed to the parent, which raises it
            parent.send(("failed", traceback.format_exc()))
            return
        parent.send(("result", result))


def _limit_memory(size_bytes: int) -> None:
    if sys.platform == "linux":
        import resource

        # Arrow's own pool reserves a gigabyte at once.
        os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
