"""The ranks of a run watch over each other: none waits for ever for one that is dead.

A rank sees the processes of its own node; those of others it knows by the connections that `nodes` keeps.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from domainstudio.jobs.worker import Stopped
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.trainer.place import ranks_here

if TYPE_CHECKING:
    from domainstudio.trainer.nodes import Nodes

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
        UserError: another rank died, or another node is gone.
    """
    ranks, over = Ranks(meeting_place), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            lost = ranks.lost()
            if lost is not None and not over.wait(PATIENCE_SECONDS):
                last_word(lost)
                sys.stderr.flush()
                os._exit(2)

    threading.Thread(target=watch, name="watch over the other ranks", daemon=True).start()
    try:
        yield ranks
        _leave(over)
    except Stopped:
        _leave(over)
        raise
    except UserError:
        over.set()
        raise
    except Exception:
        lost = ranks.lost_in_time()
        over.set()
        if lost is None:
            raise
        traceback.print_exc(file=sys.stderr)
        raise UserError(lost) from None
    finally:
        if ranks.nodes is not None:
            ranks.nodes.leave()


class Ranks:
    """The processes of the other ranks of this node, as far as they have come, and the other nodes."""

    def __init__(self, meeting_place: Path) -> None:
        """Say that this rank is here."""
        self._place = meeting_place
        self._own, self._here = int(os.environ["RANK"]), ranks_here()
        self.nodes: Nodes | None = None
        """The other nodes, once this rank is connected to them."""
        self._lost: Problem | None = None
        self._processes: dict[int, psutil.Process] = {}
        write_atomically(self._file(self._own), str(os.getpid()).encode())

    def meet(self, stop_is_asked: Callable[[], bool]) -> None:
        """Return once all ranks of this node are here: what they do next may wait for one for an hour.

        Args:
            stop_is_asked: as torchrun asks when a rank dies; then the others are waited for less long.

        Raises:
            UserError: a rank died on its way.
        """
        deadline, is_asked = time.monotonic() + MEETING_SECONDS, False
        while missing := [rank for rank in self._here if not self._file(rank).exists()]:
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
        return next((rank for rank in self._here if rank != self._own and self._is_dead(rank)), None)

    def lost(self) -> Problem | None:
        """Return what was lost first, a rank of this node or another node; the other nodes hear which.

        Those who wait for what was lost end in their turn, and are not to be blamed.
        """
        self._lost = self._lost or self._found_lost()
        return self._lost

    def _found_lost(self) -> Problem | None:
        dead, nodes = self.dead(), self.nodes
        gone = None if nodes is None else nodes.gone() if dead is None else nodes.own
        if nodes is not None and gone is not None:
            nodes.tell(gone)
        if dead is not None:
            return _died(dead)
        return None if gone is None else Problem("nodes.gone", None, {"node": gone})

    def lost_in_time(self) -> Problem | None:
        """Return what is lost, waiting a little: a dying process closes its connections first.

        Rank 0 waits the shortest: others that failed as it did are still there when it looks for the last
        time.
        """
        is_only = int(os.environ["WORLD_SIZE"]) == 1
        patience = 0.0 if is_only else DYING_SECONDS * (1 if self._own == 0 else 3)
        deadline = time.monotonic() + patience
        while (lost := self.lost()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return lost

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
    if dist.is_initialized():  # not if it was asked to stop while it waited for other nodes
        dist.barrier()
        dist.destroy_process_group()


def _died(rank: int) -> Problem:
    return Problem("run.rank_died", None, {"rank": rank})
