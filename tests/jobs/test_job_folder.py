"""Job folders: made whole and once, and what their files say about the state."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import BaseModel
from support import wait_until

from domainstudio.jobs.checkpoints import (
    chosen_checkpoint,
    latest_checkpoint,
    list_checkpoints,
    mark_best,
    remove_older,
)
from domainstudio.jobs.events import Event, Log, Start, State, encode
from domainstudio.jobs.folder import JobFolder, create_job, list_jobs
from domainstudio.jobs.run_record import RunRecord
from domainstudio.jobs.spec import JobSpec
from domainstudio.jobs.worker import Worker
from domainstudio.problems import UserError

CREATOR = """
import sys
from pathlib import Path
from pydantic import BaseModel
from domainstudio.jobs.folder import create_job

class Work(BaseModel):
    pass

print("ready", flush=True)
sys.stdin.readline()
for _ in range(8):
    print(create_job(Path(sys.argv[1]), "train", "domainstudio.trainer", Work()).job_id)
"""

# Dies where its folder exists already and its spec.json does not.
DYING_CREATOR = """
import os, signal
import domainstudio.jobs.folder
domainstudio.jobs.folder.write_atomically = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""


class Work(BaseModel):
    """Some work."""

    files: list[str] = []


def new_job(tmp_path: Path, kind: str = "import") -> JobFolder:
    return create_job(tmp_path / "jobs", kind, "domainstudio.workflow", Work(files=["a.txt"]))


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for that of a job."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as process:
        yield process
        process.kill()


def test_a_spec_comes_back_as_it_was_given(tmp_path: Path) -> None:
    spec = create_job(
        tmp_path, "import", "domainstudio.workflow", Work(files=["ä b.txt"]), processes=3
    ).spec()
    assert (spec.job_id, spec.kind, spec.program) == ("import-1", "import", "domainstudio.workflow")
    assert (spec.processes, spec.work) == (3, {"files": ["ä b.txt"]})


def test_numbers_run_on_within_a_kind_and_above_what_the_index_knows(tmp_path: Path) -> None:
    ids = [new_job(tmp_path, kind).job_id for kind in ("import", "pack", "import")]
    assert ids == ["import-1", "pack-1", "import-2"]
    later = create_job(tmp_path / "jobs", "import", "domainstudio.workflow", Work(), first_free=12)
    assert later.job_id == "import-12"
    assert new_job(tmp_path).job_id == "import-13"
    assert [job.job_id for job in list_jobs(tmp_path / "jobs")] == [
        "import-1", "import-2", "import-12", "import-13", "pack-1",
    ]  # fmt: skip


def test_who_creates_at_once_gets_a_number_of_its_own(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    here: list[str] = []

    def create() -> None:
        here.extend(create_job(jobs, "train", "domainstudio.trainer", Work()).job_id for _ in range(8))

    with ExitStack() as stack:
        program = [sys.executable, "-c", CREATOR, str(jobs)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        others: list[Any] = [stack.enter_context(subprocess.Popen(program, **pipes)) for _ in range(2)]
        assert [other.stdout.readline() for other in others] == ["ready\n"] * 2
        threads = [threading.Thread(target=create) for _ in range(4)]
        for other in others:
            other.stdin.write("\n")
            other.stdin.flush()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = [name for other in others for name in other.stdout.read().split()]
    assert sorted(here + there) == sorted(f"train-{number}" for number in range(1, 49))
    assert all(job.spec().job_id == job.job_id for job in list_jobs(jobs))
    assert len(list(jobs.iterdir())) == 48


def test_a_folder_killed_half_made_is_not_there(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    program = [sys.executable, "-c", DYING_CREATOR + CREATOR, str(jobs)]
    died = subprocess.run(program, input=b"\n", stdout=subprocess.DEVNULL, check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(list(jobs.iterdir())) == 1
    assert list(list_jobs(jobs)) == []
    assert new_job(tmp_path, "train").job_id == "train-1"


def test_a_job_whose_starter_was_killed_before_its_start_is_not_waited_for(tmp_path: Path) -> None:
    """As "created" it would bar the renaming of its source, and the deletion of its run, for ever."""
    jobs = tmp_path / "jobs"
    made = subprocess.run([sys.executable, "-c", CREATOR, str(jobs)], input=b"\n", capture_output=True)
    assert made.stdout.split()[1:] == [b"train-%d" % number for number in range(1, 9)]
    assert {job.status() for job in list_jobs(jobs)} == {"interrupted"}
    assert new_job(tmp_path).status() == "created"


def test_a_job_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kind"):
        new_job(tmp_path, "Not a kind")
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_job_folder_may_be_read_by_whoever_may_read_the_project(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    assert job.path.stat().st_mode == job.path.parent.stat().st_mode


def test_foreign_names_are_no_jobs(tmp_path: Path) -> None:
    for name in (".new-x", "train", "train-0", "train-01", "Train-1", "train-1.bak", "train-1 (copy)", "-1"):
        (tmp_path / name).mkdir()
    assert list(list_jobs(tmp_path)) == []
    assert list(list_jobs(tmp_path / "missing")) == []


def altered_spec(job: JobFolder, **changes: Any) -> None:
    file = job.path / "spec.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hurry": True}, "hurry"),
        ({"version": 2}, "version"),
        ({"program": "os"}, "program"),
        ({"processes": 0}, "processes"),
        ({"job_id": "../../etc-1"}, "job_id"),
        ({"job_id": "train-1\n"}, "job_id"),
        ({"kind": "train!"}, "kind"),
        ({"work": ["a"]}, "work"),
    ],
)
def test_a_wrong_spec_is_refused_by_the_name_of_its_field(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    job = new_job(tmp_path)
    altered_spec(job, **changes)
    with pytest.raises(UserError, match=f"spec.json: {field} is not valid") as refused:
        job.spec()
    assert refused.value.problem.field == field


def test_work_with_a_number_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    altered_spec(job, work={"steps": 2**70})
    with pytest.raises(UserError, match="spec.json: work is not valid"):
        job.spec().work_as(JobSpec, "spec.json")


def test_a_missing_field_a_torn_spec_and_no_spec_are_refused(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    file = job.path / "spec.json"
    whole = file.read_text()
    file.write_text(json.dumps({key: value for key, value in json.loads(whole).items() if key != "work"}))
    with pytest.raises(UserError, match="work is not valid"):
        job.spec()
    file.write_text(whole[:20])
    with pytest.raises(UserError, match="spec.json"):
        job.spec()
    file.unlink()
    with pytest.raises(UserError, match="There is no job import-1"):
        job.spec()


def test_states_from_created_to_done_over_a_failure_and_a_death(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    job = new_job(tmp_path)
    assert job.status() == "created"
    for final in ("failed", "stopped", "done"):
        job.record_process(sleeper.pid, job.events_size_bytes())
        assert job.status() == "running", "the last word of the attempt before is not this one's"
        worker = Worker(job)
        worker.emit(Start(0))
        assert job.status() == "running"
        worker.finish(final)
        assert job.status() == final
    job.record_process(sleeper.pid, job.events_size_bytes())
    sleeper.kill()
    wait_until(lambda: job.status() == "interrupted")  # a corpse that nobody has buried is dead too
    sleeper.wait()
    assert job.status() == "interrupted"


def test_an_attempt_that_died_in_its_first_line_does_not_inherit_a_last_word(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    job.record_process(os.getpid(), 0)
    Worker(job).finish("stopped")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    job.record_process(dead.pid, job.events_size_bytes())
    dead.wait()
    with job.events_file.open("ab") as events:
        events.write(encode(Event(2, 2, 0.0, Start(0)))[:-9])
    assert job.status() == "interrupted"


def test_a_job_that_ends_while_its_state_is_asked_is_not_called_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]
) -> None:
    """Its last word falls between the two looks, at the events and at the process."""
    job = new_job(tmp_path)
    job.record_process(sleeper.pid, 0)
    liveness = RunRecord.liveness

    def speak_and_die(record: RunRecord) -> str:
        Worker(job).finish("done")
        sleeper.kill()
        sleeper.wait()
        return liveness(record)

    monkeypatch.setattr(RunRecord, "liveness", speak_and_die)
    assert job.status() == "done"


def test_the_last_event_is_found_behind_a_long_one_and_before_a_torn_one(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    assert job.last_event() is None
    with job.events_file.open("wb") as events:
        events.write(encode(Event(1, 1, 0.0, Start(0))))
        events.write(encode(Event(2, 1, 0.0, Log("x" * 200_000))))
        events.write(encode(Event(3, 1, 0.0, State("done"))))
        events.write(b'{"v":1,"seq":4')
    assert job.last_event() == Event(3, 1, 0.0, State("done"))


def test_a_run_record_of_a_process_that_is_gone_is_dead(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    record = job.record_process(gone.pid, 0)
    gone.wait()
    assert not psutil.pid_exists(gone.pid)
    assert record.liveness() == job.liveness() == "dead"


def test_a_request_is_made_seen_and_forgotten(tmp_path: Path) -> None:
    job = new_job(tmp_path)
    job.clear_request()
    assert not job.stop_is_asked()
    job.ask_to_stop()
    job.ask_to_stop()
    assert job.stop_is_asked()
    assert json.loads((job.path / "request.json").read_text()) == {"stop": "checkpoint"}
    job.clear_request()
    assert not job.stop_is_asked()


def test_only_whole_checkpoints_are_listed_oldest_first(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    for name in ("step-00000200", "step-00000040", ".tmp-step-00000240", ".old-step-00000010", "step-300"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert [checkpoint.step for checkpoint in list_checkpoints(tmp_path)] == [40, 200]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None and newest.path == tmp_path / "checkpoints" / "step-00000200"


def test_a_job_whose_project_is_gone_says_that_and_not_that_the_job_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was moved, deleted or replaced"):
        JobFolder(tmp_path / "gone" / "jobs" / "train-1").spec()


def test_the_best_checkpoint_stays_and_is_the_result_once_the_run_was_ended_with_it(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        (tmp_path / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    mark_best(tmp_path, 10)
    mark_best(tmp_path, 20)
    remove_older(tmp_path, 1)
    assert [found.step for found in list_checkpoints(tmp_path)] == [20, 40]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None and chosen_checkpoint(tmp_path) == newest and newest.step == 40
    mark_best(tmp_path, 20, is_result=True)
    chosen = chosen_checkpoint(tmp_path)
    assert chosen is not None and chosen.step == 20 and latest_checkpoint(tmp_path) == newest
    shutil.rmtree(chosen.path)
    assert chosen_checkpoint(tmp_path) == newest, "a person removed it"
