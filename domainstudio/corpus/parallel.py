"""Tasks in processes of their own: results in the order of tasks, no process left whatever happens."""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_PROCESSES = 3
"""Each takes about 60 MB; with one more an import would take 300 MB in all."""
POLL_SECONDS = 0.1
_ENDING_SECONDS = 2.0

Tick = Callable[[], None]


class WorkerFailed(Exception):
    """A worker process died, or its task raised: an error of the program, with the worker's traceback."""


def run_tasks(
    work: Callable[[Task, Tick], Result],
    tasks: Sequence[Task],
    report: Callable[[int], None],
    processes: int | None = None,
) -> list[Result]:
    """Do tasks side by side and return their results in order.

    Args:
        work: a function of a module; it calls its second argument each time a part of a task is done.
        tasks: picklable; the first is begun first.
        report: told how many parts are done, at least every `POLL_SECONDS`; what it raises ends the workers.
        processes: by default one for each processor core, not more than `MOST_PROCESSES`.

    Raises:
        WorkerFailed: a task raised or its process died; all others are ended.
    """
    count = min(processes or os.cpu_count() or 1, MOST_PROCESSES, len(tasks))
    spawning = multiprocessing.get_context("spawn")
    crew: dict[Connection, SpawnProcess] = {}
    try:
        for _ in range(count):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            crew[ours] = process
            ours.send(work)
        return _hand_out(crew, tasks, report)
    finally:
        _end(crew)


def _hand_out(
    crew: dict[Connection, SpawnProcess], tasks: Sequence[Any], report: Callable[[int], None]
) -> list[Any]:
    results: dict[int, Any] = {}
    waiting = iter(enumerate(tasks))
    busy: dict[Connection, int] = {}
    parts = 0
    for worker in crew:
        _give_next(worker, waiting, busy)
    while busy:
        ready = wait(list(busy), POLL_SECONDS)
        for worker in [worker for worker in busy if worker in ready]:
            try:
                kind, value = worker.recv()
            except (EOFError, ConnectionResetError):
                crew[worker].join(_ENDING_SECONDS)
                raise WorkerFailed(f"a worker died (exit code {crew[worker].exitcode})") from None
            match kind:
                case "part":
                    parts += 1
                case "failed":
                    raise WorkerFailed(value)
                case _:
                    results[busy.pop(worker)] = value
                    _give_next(worker, waiting, busy)
        report(parts)
    return [results[number] for number in range(len(tasks))]


def _give_next(worker: Connection, waiting: Any, busy: dict[Connection, int]) -> None:
    number, task = next(waiting, (None, None))
    if number is not None:
        worker.send(task)
        busy[worker] = number


def _end(crew: dict[Connection, SpawnProcess]) -> None:
    """End the workers: between tasks or in the midst of one, what they wrote is of no use by then."""
    for process in crew.values():
        process.terminate()
    for process in crew.values():
        process.join(_ENDING_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
    for worker in crew:
        worker.close()


def _serve(parent: Connection) -> None:
    """Do what the parent sends, first of all the work itself, until it ends this process or is gone."""
    # Before the work comes, and with it numpy and pyarrow: the processes are the threads here.
    os.environ["OMP_NUM_THREADS"] = "1"
    work: Callable[[Any, Tick], Any] = parent.recv()
    while True:
        try:
            task = parent.recv()
        except EOFError:
            return
        try:
            result = work(task, lambda: parent.send(("part", None)))
        except Exception:  # handed to the parent, which raises it
            parent.send(("failed", traceback.format_exc()))
            return
        parent.send(("result", result))
