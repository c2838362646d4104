"""`python -m domainstudio.machines JOB`: carry a job to its machine, and what it tells back."""

import os
import sys
import time
from pathlib import Path

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.link import Link, read_link, write_link
from domainstudio.machines import store
from domainstudio.machines.assignment import read_assignment
from domainstudio.machines.carrier import Carrier
from domainstudio.paths import locked
from domainstudio.problems import UserError


def main(path: Path) -> int:
    """Carry until the job is over; if another process is at it, see afterwards whether that was all."""
    folder = JobFolder(path)
    with locked(folder.carrier_lock):
        folder.record_carrier(os.getpid())
        assignment, link = read_assignment(path), read_link(path)
        if assignment is None or (link is not None and link.phase == "over" and not assignment.is_asked):
            return 0
        try:
            machines = [store.machine(name) for name in assignment.machines]
        except UserError as error:  # it was removed from the list
            known = link or Link(machine=assignment.machine, phase="refused", written=time.time())
            write_link(path, known.refused(error.problem))
            return 2
        try:
            Carrier(folder, machines).run()
        except UserError as error:  # told in the link
            print(error, file=sys.stderr, flush=True)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
