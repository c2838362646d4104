"""What killed processes leave behind goes, and nothing else does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from domainstudio.jobs.checkpoints import CHECKPOINTS, checkpoint_name
from domainstudio.jobs.events import FinalState
from domainstudio.jobs.folder import PARTS, JobFolder, create_job, list_jobs
from domainstudio.jobs.leftovers import discard, sweep
from domainstudio.jobs.metrics import METRICS
from domainstudio.jobs.worker import Worker
from domainstudio.paths import locked


class Work(BaseModel):
    """Work that asks for nothing."""


def ended_job(jobs: Path, kind: str = "pack", state: FinalState | None = None) -> JobFolder:
    """Make a job whose process is no more; without a state it was killed."""
    folder = create_job(jobs, kind, "domainstudio.workflow", Work())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder.record_process(process.pid, 0)
    worker = Worker(folder)
    if state is not None:
        worker.finish(state)
    process.communicate()
    return folder


def fill(folder: Path) -> Path:
    """Make a folder that holds something."""
    folder.mkdir(parents=True)
    (folder / "data.bin").write_bytes(b"much")
    return folder


def make_old(path: Path) -> Path:
    before = time.time() - 2 * 86_400
    os.utime(path, (before, before))
    return path


def test_what_a_killed_job_had_half_made_goes(tmp_path: Path) -> None:
    """An import may have written many gigabytes by then; nobody would ever look for them."""
    job = ended_job(tmp_path)
    halves = [
        fill(job.path / ".tmp-result"),
        fill(job.result / CHECKPOINTS / f".tmp-{checkpoint_name(8)}"),
        fill(job.result / CHECKPOINTS / f".old-{checkpoint_name(4)}"),
        fill(job.result / METRICS / ".tmp-000000000000100-aa"),
    ]
    whole = fill(job.result / CHECKPOINTS / checkpoint_name(6))
    assert job.reserved.exists()
    sweep(tmp_path)
    assert not any(half.exists() for half in [*halves, job.reserved])
    assert whole.is_dir() and job.spec() and job.status() == "interrupted"


def test_what_a_living_job_is_making_stays(tmp_path: Path) -> None:
    job = create_job(tmp_path, "import", "domainstudio.workflow", Work())
    being_made = fill(job.path / ".tmp-result")
    sweep(tmp_path)
    assert being_made.is_dir(), "its process is about to be started"
    job.record_process(os.getpid(), 0)
    sweep(tmp_path)
    assert being_made.is_dir()


def test_what_a_process_of_a_dead_job_still_writes_to_stays(tmp_path: Path) -> None:
    """Its leader was killed alone; the others may take a moment to notice."""
    job = ended_job(tmp_path)
    half = fill(job.path / ".tmp-result")
    marked = os.environ | {"DOMAINSTUDIO_JOB": str(job.path.resolve())}
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=marked)
    sweep(tmp_path)
    assert half.is_dir()
    worker.communicate()
    sweep(tmp_path)
    assert not half.exists()


def test_nobody_waits_for_a_job_that_is_being_started(tmp_path: Path) -> None:
    job = ended_job(tmp_path)
    half = fill(job.path / ".tmp-result")
    with locked(job.path / ".start.lock"):
        sweep(tmp_path)
        assert half.is_dir()


def test_parts_stay_until_a_later_job_of_the_kind_has_made_them_useless(tmp_path: Path) -> None:
    stopped, killed = ended_job(tmp_path, "pack", "stopped"), ended_job(tmp_path, "pack")
    parts = [fill(job.path / PARTS) for job in (stopped, killed)]
    ended_job(tmp_path, "import", "done")
    sweep(tmp_path)
    assert all(part.is_dir() for part in parts), "either may be resumed"
    ended_job(tmp_path, "pack", "done")
    sweep(tmp_path)
    assert not any(part.exists() for part in parts)


def test_what_cannot_be_asked_whether_it_lives_stays_for_a_day(tmp_path: Path) -> None:
    job = ended_job(tmp_path)
    drafts = [fill(tmp_path / ".new-1234"), job.path / ".run.json.1234.tmp", job.path / ".request.taken"]
    for file in drafts[1:]:
        file.write_bytes(b"{")
    sweep(tmp_path)
    assert all(draft.exists() for draft in drafts)
    for draft in drafts:
        make_old(draft)
    sweep(tmp_path)
    assert not any(draft.exists() for draft in drafts)


def test_a_job_killed_while_it_is_discarded_is_gone_and_its_rest_is_swept(tmp_path: Path) -> None:
    job = ended_job(tmp_path, state="done")
    fill(job.result)
    dying = (
        "import os, shutil, signal, sys\nfrom pathlib import Path\nfrom domainstudio.jobs import leftovers\n"
        "from domainstudio.jobs.folder import JobFolder\n"
        "shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "leftovers.discard(JobFolder(Path(sys.argv[1])))"
    )
    died = subprocess.run([sys.executable, "-c", dying, str(job.path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert list(list_jobs(tmp_path)) == [] and len(list(tmp_path.iterdir())) == 1
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_discarded_job_leaves_nothing(tmp_path: Path) -> None:
    job = ended_job(tmp_path, state="done")
    fill(job.result)
    discard(job)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
    """A project may come from somebody else."""
    jobs, other = tmp_path / "jobs", tmp_path / "other"
    job = ended_job(jobs)
    precious = fill(other / ".tmp-precious")
    job.result.symlink_to(other)
    fill(job.path / ".tmp-result")
    (jobs / ".deleted-train-1-aa").symlink_to(other)
    (jobs / "train-2").symlink_to(other)
    sweep(jobs)
    assert precious.is_dir()


def test_a_damaged_job_keeps_no_other_from_being_swept(tmp_path: Path) -> None:
    damaged, job = ended_job(tmp_path, "import"), ended_job(tmp_path, "import")
    fill(damaged.path / ".tmp-result")
    damaged.run_file.write_text("{")
    half = fill(job.path / ".tmp-result")
    sweep(tmp_path)
    assert not half.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that cannot be written, as on a read-only disk")
def test_a_disk_that_refuses_is_no_trouble(tmp_path: Path) -> None:
    half = fill(ended_job(tmp_path / "jobs").path / ".tmp-result")
    sweep(tmp_path / "no such folder")
    half.parent.chmod(0o500)
    sweep(tmp_path / "jobs")
    half.parent.chmod(0o700)
