"""`python -m domainstudio.trainer JOB`: one rank of a training run, started by the torchrun of its node."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.heavy_imports import heavy_imports
from domainstudio.jobs.launch import read_launch
from domainstudio.jobs.metrics import save_at_end
from domainstudio.jobs.output import survive_a_full_disk
from domainstudio.jobs.process import meeting_place
from domainstudio.jobs.worker import Stopped, Worker, adopt_process, conclude, turn_signals_into_requests
from domainstudio.problems import UserError
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.place import Place, leads_node, take_place
from domainstudio.trainer.ranks import Ranks, watched
from domainstudio.trainer.reporter import Reporter

if TYPE_CHECKING:
    import torch


def main(path: Path) -> int:
    """Run this rank to its end; rank 0 alone tells of the run, a leader of another node of its attempt."""
    folder = JobFolder(path)
    survive_a_full_disk()
    turn_signals_into_requests(folder)
    if not leads_node():
        return _follow(folder)
    adopt_process(folder)
    worker = Worker(folder)
    checkpoint = latest_checkpoint(folder.result)
    worker.begin(checkpoint.step + 1 if checkpoint else 0)
    return conclude(worker, lambda: _lead(folder, worker))


def _lead(folder: JobFolder, worker: Worker) -> None:
    if read_launch(folder.path).node > 0:
        _train(folder, Reporter(worker, speaks=False))
        return
    try:
        _train(folder, Reporter(worker))
    finally:
        save_at_end(folder)


def _follow(folder: JobFolder) -> int:
    """Run a rank that leads no node, has nothing to tell but what it died of, and return its exit code."""
    try:
        _train(folder, Reporter(None))
    except Stopped:
        return 0
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    return 0


def _train(folder: JobFolder, reporter: Reporter) -> None:
    """Read the work, then import the heavy libraries and do it.

    Raises:
        UserError: what `train` raises, or memory did not suffice.
    """
    job = folder.spec()
    spec = job.work_as(RunSpec, str(folder.path / "spec.json"))
    place = take_place(job, read_launch(folder.path))
    spec.recipe.require_ranks(place.ranks)
    reporter.preparing("loading")
    with watched(meeting_place(folder.path), reporter.last_word) as ranks:
        with heavy_imports():
            from domainstudio.trainer.engine import memory_problem
            from domainstudio.trainer.loop import train

        ranks.meet(folder.stop_is_asked)
        try:
            train(spec, folder, reporter, _join(folder, place, ranks))
        except RuntimeError as error:
            problem = memory_problem(error, spec.recipe)
            if problem is None:
                raise
            raise UserError(problem) from error


def _join(folder: JobFolder, place: Place, ranks: Ranks) -> "torch.device":
    """Meet the ranks of all nodes and return this rank's device.

    Raises:
        Stopped: asked to while it waited for other nodes.
        UserError: another node does not come, or a rank of this one died meanwhile.
    """
    from domainstudio.trainer import nodes
    from domainstudio.trainer.engine import start_process_group

    if place.is_alone:
        return start_process_group(meeting_place(folder.path))

    def leave() -> None:
        lost = ranks.lost_in_time() if folder.stop_is_asked() else ranks.lost()
        if lost is not None:
            raise UserError(lost)
        if folder.stop_is_asked():
            found = latest_checkpoint(folder.result)
            raise Stopped(found.step if found else 0)

    meeting = nodes.Meeting.of(place, folder.path / "spec.json", leave)
    store, ranks.nodes = nodes.meet(meeting)
    launch = place.launch
    interface = nodes.interface(launch.address, launch.port)
    return start_process_group(meeting_place(folder.path), store, interface)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
