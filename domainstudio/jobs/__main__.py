"""`python -m domainstudio.jobs JOB`: leave the curves of a run as files, for a window that must not wait."""

import sys
from pathlib import Path

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import save_at_end

if __name__ == "__main__":
    save_at_end(JobFolder(Path(sys.argv[1])))
