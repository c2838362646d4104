"""`python -m domainstudio.workflow JOB`: the process of a job that works on the project's files."""

import sys
from pathlib import Path

from domainstudio.jobs.worker import Worker, run
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import perform


def _work(worker: Worker) -> None:
    perform(worker, KINDS[worker.folder.spec().kind])


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), _work))
