"""The ranks of a run watch over each other: none waits for ever for one that is dead."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from domainstudio.jobs.worker import Stopped
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
"""How long a rank may take to notice by itself that another is dead, before it is ended."""
DYING_SECONDS = 3.0
"""How long a process takes to be gone after its connections are closed."""
MEETING_SECONDS = 600.0
"""How long ranks that were started at once may be apart."""


@contextmanager
def watched(meeting_place: Path, last_word: Callable[[Problem], None]) -> Iterator["Ranks"]:
    """End this rank if another dies while the block runs: what it waits for would never come.

    Under gloo the next call to a dead rank fails, which is raised as what it is. A rank that still waits to
    meet the dead one, or is in a call of NCCL, may wait for an hour: then `last_word` gets the problem, and
    the process ends without further ado.

    Args:
        meeting_place: a folder that is new for each attempt, where every rank leaves its process.
        last_word: tells what has happened before the process ends.

    Raises:
        UserError: another rank died.
    """
    ranks, over = Ranks(meeting_place), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            dead = ranks.dead()
            if dead is not None and not over.wait(PATIENCE_SECONDS):
                last_word(_died(dead))
                sys.stderr.flush()
                os._exit(2)

    threading.Thread(target=watch, name="watch over the other ranks", daemon=True).start()
    try:
        yield ranks
    except Stopped:
        _leave(over)
        raise
    except UserError:
        over.set()
        raise
    except Exception:
        dead = ranks.dead_in_time()
        over.set()
        if dead is None:
            raise
        traceback.print_exc(file=sys.stderr)
        raise UserError(_died(dead)) from None
    _leave(over)


class Ranks:
    """The processes of the other ranks, all on this machine, as far as they have come."""

    def __init__(self, meeting_place: Path) -> None:
        """Say that this rank is here."""
        self._place = meeting_place
        self._own, self._world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self._processes: dict[int, psutil.Process] = {}
        write_atomically(self._file(self._own), str(os.getpid()).encode())

    def meet(self, stop_is_asked: Callable[[], bool]) -> None:
        """Return once all ranks are here: what they do together next may wait for a missing one for an hour.

        Args:
            stop_is_asked: as torchrun asks when a rank dies; then the others are waited for less long.

        Raises:
            UserError: a rank died on its way.
        """
        deadline, is_asked = time.monotonic() + MEETING_SECONDS, False
        while missing := [rank for rank in range(self._world) if not self._file(rank).exists()]:
            if not is_asked and stop_is_asked():
                is_asked, deadline = True, time.monotonic() + PATIENCE_SECONDS
            lost = self.dead()
            if lost is None and time.monotonic() > deadline:
                lost = missing[0]
            if lost is not None:
                raise UserError(_died(lost))
            time.sleep(0.02)

    def dead(self) -> int | None:
        """Return the lowest rank that came and is dead."""
        return next((rank for rank in range(self._world) if rank != self._own and self._is_dead(rank)), None)

    def dead_in_time(self) -> int | None:
        """Return the rank that is dead, waiting a little: a dying process closes its connections first.

        Rank 0 waits the shortest: others that failed as it did are still there when it looks for the last
        time.
        """
        patience = 0.0 if self._world == 1 else DYING_SECONDS * (1 if self._own == 0 else 3)
        deadline = time.monotonic() + patience
        while (dead := self.dead()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return dead

    def _is_dead(self, rank: int) -> bool:
        try:
            if rank not in self._processes:
                self._processes[rank] = psutil.Process(int(self._file(rank).read_bytes()))
            process = self._processes[rank]
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except FileNotFoundError:
            return False  # it is still on its way
        except psutil.NoSuchProcess:
            return True

    def _file(self, rank: int) -> Path:
        return self._place / f"rank-{rank}"


def _leave(over: threading.Event) -> None:
    """End the watch, then wait for the others to have ended theirs: who leaves first is not dead."""
    import torch.distributed as dist

    over.set()
    dist.barrier()
    dist.destroy_process_group()


def _died(rank: int) -> Problem:
    return Problem("run.rank_died", None, {"rank": rank})
