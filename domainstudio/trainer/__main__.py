"""`python -m domainstudio.trainer JOB`: one rank of a training run, started by torchrun."""

import os
import sys
from pathlib import Path

from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import save_at_end
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker, adopt_process, conclude, turn_signals_into_requests
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.reporter import Reporter


def main(path: Path) -> int:
    """Run this rank to its end; rank 0 alone writes events."""
    folder = JobFolder(path)
    turn_signals_into_requests(folder)
    if int(os.environ["RANK"]) > 0:
        _train(folder, Reporter(None))
        return 0
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


def _train(folder: JobFolder, reporter: Reporter) -> None:
    """Read the work, then import the heavy libraries and do it."""
    import orjson

    spec = parse_model(RunSpec, orjson.dumps(folder.spec().work), str(folder.path / "spec.json"))
    from domainstudio.trainer.loop import train

    train(spec, folder, reporter)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
