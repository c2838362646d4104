"""The real trainer without torchrun: its ranks are forked from a process that holds torch and DeepSpeed.

A start under torchrun takes ten seconds, nearly all of it for imports; forked, it takes one or less.
"""

import multiprocessing
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
from every_process.warm import TRAINER
from support import wait_until

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.process import meeting_place

_FORKING = multiprocessing.get_context("forkserver")
PATIENCE_SECONDS = 600.0


def prepare() -> None:
    """Start the process from which ranks are forked, so that it imports while something else is done."""
    os.environ["OMP_NUM_THREADS"] = "1"
    _FORKING.set_forkserver_preload(TRAINER)
    forkserver.ensure_running()


@dataclass
class Attempt:
    """One attempt of a run: its ranks as processes, rank 0 first."""

    folder: JobFolder
    ranks: list[BaseProcess] = field(default_factory=list)

    def signal(self, number: int, *ranks: int) -> None:
        """Send a signal to some ranks, by default to all; one that has ended is left aside."""
        for process in [self.ranks[rank] for rank in ranks] or self.ranks:
            if process.is_alive() and process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def limit(self, rank: int, kind: int, most: int) -> None:
        """Set a limit of the system for one rank, such as the size of its files."""
        pid = self.ranks[rank].pid
        assert pid is not None
        resource.prlimit(pid, kind, (most, most))

    def is_frozen(self) -> bool:
        """Return whether every rank has come to its halt after SIGSTOP, or has ended."""
        for process in self.ranks:
            with suppress(psutil.NoSuchProcess):
                if process.is_alive() and psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
                    return False
        return True

    def wait(self) -> list[int | None]:
        """Wait until all have ended, asked to as soon as one fails, as by torchrun; return exit codes."""
        is_asked = False

        def are_over() -> bool:
            nonlocal is_asked
            if not is_asked and any(process.exitcode for process in self.ranks):
                is_asked = True
                self.signal(signal.SIGTERM)
            return not any(process.is_alive() for process in self.ranks)

        wait_until(are_over, PATIENCE_SECONDS)
        return [process.exitcode for process in self.ranks]

    def end(self) -> None:
        """Kill what lives and forget it."""
        for process in self.ranks:
            process.kill()
            process.join()
            process.close()
        self.ranks.clear()


def start(folder: JobFolder, patience_seconds: float = 2.0) -> Attempt:
    """Start every rank of a run, as `domainstudio.jobs.process.start` does through torchrun.

    Args:
        folder: a job whose program is the trainer.
        patience_seconds: of the ranks' watch over each other: less than under torchrun.
    """
    prepare()
    folder.clear_request()
    world, meeting = folder.spec().processes, meeting_place(folder.path)
    shutil.rmtree(meeting, ignore_errors=True)
    meeting.mkdir()
    attempt = Attempt(folder)
    for rank in range(world):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
        environment["LOCAL_WORLD_SIZE"] = str(world)
        process = _FORKING.Process(target=_rank, args=(str(folder.path), environment, patience_seconds))
        process.start()
        attempt.ranks.append(process)
    return attempt


def _rank(path: str, environment: dict[str, str], patience_seconds: float) -> None:
    """Be one rank: the environment, the log and the exit code that torchrun would give and get."""
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # so no semaphore has a name
    os.environ.update(environment)
    os.chdir(path)
    log = os.open("job.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    from domainstudio.trainer import ranks
    from domainstudio.trainer.__main__ import main

    ranks.PATIENCE_SECONDS = patience_seconds
    sys.exit(main(Path(path)))
