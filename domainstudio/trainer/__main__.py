"""`python -m domainstudio.trainer JOB`: one rank of a training run, started by torchrun."""

import os
import sys
from pathlib import Path

from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import save_at_end
from domainstudio.jobs.output import survive_a_full_disk
from domainstudio.jobs.process import meeting_place
from domainstudio.jobs.worker import Stopped, Worker, adopt_process, conclude, turn_signals_into_requests
from domainstudio.problems import UserError
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.ranks import watched
from domainstudio.trainer.reporter import Reporter


def main(path: Path) -> int:
    """Run this rank to its end; rank 0 alone writes events."""
    folder = JobFolder(path)
    survive_a_full_disk()
    turn_signals_into_requests(folder)
    if int(os.environ["RANK"]) > 0:
        return _follow(folder)
    adopt_process(folder)
    worker = Worker(folder)
    checkpoint = latest_checkpoint(folder.result)
    worker.begin(checkpoint.step + 1 if checkpoint else 0)
    return conclude(worker, lambda: _train_and_save_curves(folder, Reporter(worker)))


def _train_and_save_curves(folder: JobFolder, reporter: Reporter) -> None:
    try:
        _train(folder, reporter)
    finally:
        save_at_end(folder)


def _follow(folder: JobFolder) -> int:
    """Run a rank above 0, which has nothing to tell but what it died of, and return its exit code."""
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
    spec = folder.spec().work_as(RunSpec, str(folder.path / "spec.json"))
    reporter.preparing("loading")
    meeting = meeting_place(folder.path)
    with watched(meeting, reporter.last_word) as ranks:
        from domainstudio.trainer.engine import memory_problem, start_process_group
        from domainstudio.trainer.loop import train

        ranks.meet(folder.stop_is_asked)
        try:
            train(spec, folder, reporter, start_process_group(meeting))
        except RuntimeError as error:
            problem = memory_problem(error, spec.recipe)
            if problem is None:
                raise
            raise UserError(problem) from error


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
