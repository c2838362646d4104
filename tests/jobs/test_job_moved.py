"""A folder that is moved away under a job: it says so, writes nothing where it was, and can go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.curves import gather
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events

NewRun = Callable[..., Any]


def test_a_job_whose_project_was_moved_says_so_and_goes_on_in_its_new_place(
    new_run: NewRun, tmp_path: Path
) -> None:
    run = new_run(steps=30, seconds_per_step=0.05, checkpoint_every=10)
    run.start()
    run.wait_for_step(12)
    elsewhere = run.path.parent.rename(tmp_path / "elsewhere")
    moved = JobFolder(elsewhere / run.job_id)
    wait_until(lambda: moved.status() != "running")
    assert moved.status() == "failed"
    problems = [event.body for event in read_events(moved) if isinstance(event.body, JobProblem)]
    assert [problem.code for problem in problems] == ["project.moved"]
    assert not run.path.parent.exists()

    process.start(moved)
    wait_until(lambda: moved.status() == "done")
    assert gather(read_events(moved)).steps.column("step").tolist() == list(range(1, 31))
