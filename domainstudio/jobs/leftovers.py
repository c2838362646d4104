"""How a job goes for good, and how what killed processes left behind goes: no disk fills with it."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from domainstudio.jobs.checkpoints import CHECKPOINTS
from domainstudio.jobs.folder import DRAFT, PARTS, JobFolder, job_number, list_jobs
from domainstudio.jobs.metrics import METRICS
from domainstudio.jobs.process import end_remains, processes_of
from domainstudio.paths import check_tree, locked, sync_folder
from domainstudio.problems import UserError

_DISCARDED = ".deleted-"
_HALF = (".tmp-", ".old-")
"""What is being written, or removed, is called so until it is whole, or gone."""
_SURELY_DEAD_SECONDS = 24 * 3600
"""What nobody's process can be asked about is left for so long."""
_OVER = ("done", "stopped", "failed", "interrupted")


def discard(folder: JobFolder) -> None:
    """Remove a job that is over: it vanishes by one rename, so that a kill meanwhile leaves no half of it.

    Raises:
        OSError: it cannot be renamed, or is gone.
    """
    end_remains(folder)
    left = folder.path.with_name(f"{_DISCARDED}{folder.job_id}-{uuid4().hex}")
    folder.path.rename(left)
    sync_folder(left.parent)
    shutil.rmtree(left, ignore_errors=True)  # what resists is swept later


def sweep(jobs: Path) -> None:
    """Remove what processes that were killed left half made or half removed in the jobs of a project.

    Parts that an interrupted job would go on with stay, until a later job of its kind is done. What cannot be
    removed now stays until the next time.
    """
    with suppress(FileNotFoundError):
        for name in os.listdir(jobs):
            if name.startswith(_DISCARDED) or (name.startswith(DRAFT) and _is_old(jobs / name)):
                shutil.rmtree(jobs / name, ignore_errors=True)
    last_done: dict[str, int] = {}
    for folder in reversed(list(list_jobs(jobs))):
        kind = folder.job_id.rsplit("-", 1)[0]
        with suppress(OSError, UserError):  # damaged, or on a disk that refuses
            _sweep_job(folder, is_superseded=job_number(folder.job_id) < last_done.get(kind, 0))
            if kind not in last_done and folder.status() == "done":
                last_done[kind] = job_number(folder.job_id)


def _sweep_job(folder: JobFolder, is_superseded: bool) -> None:
    found = [path for path in _halves(folder) if path.name != PARTS or is_superseded]
    if not (found or folder.reserved.exists() or folder.request_room.exists()):
        return
    check_tree(folder.path)
    with locked(folder.lock_file, waits=False) as is_ours:
        if is_ours and folder.status() in _OVER and not processes_of(folder):
            for path in found:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            folder.release()


def _halves(folder: JobFolder) -> Iterator[Path]:
    """Yield what seems to be half made or half removed in a job; a process may be at it."""
    for place in (folder.path, folder.result, folder.result / CHECKPOINTS, folder.result / METRICS):
        with suppress(FileNotFoundError):
            for name in os.listdir(place):
                is_small = name.startswith(".") and name.endswith((".tmp", ".taken"))
                if name.startswith(_HALF) or (is_small and _is_old(place / name)):
                    yield place / name


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _SURELY_DEAD_SECONDS
    except FileNotFoundError:
        return False
