"""`python -m domainstudio.jobs VERB JOB …`: what other processes, here or far, need of a job."""

import sys
from pathlib import Path

from domainstudio.jobs import far_side
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import save_at_end

if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "curves":  # leave those of a run as files, for a window that must not wait
        save_at_end(JobFolder(Path(arguments[0])))
    else:
        sys.exit(far_side.main(verb, *arguments))
