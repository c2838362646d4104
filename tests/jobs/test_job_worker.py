"""The job's own side: numbers that run on over deaths, one last word, and errors told once."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_trainer
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import wait_until

from domainstudio.jobs import worker as worker_module
from domainstudio.jobs.events import Event, JobProblem, Log, Progress, Start, State, encode
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.worker import Stopped, Worker, conclude, run
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError

NewRun = Callable[..., Any]

# Writes events to a disk that takes LIMIT bytes and no more, and tells how that ended.
FULL_DISK = """
import resource, sys
from pathlib import Path
from domainstudio.jobs.events import Log
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker

worker = Worker(JobFolder(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
for number in range(1, 100):
    worker.emit(Log(str(number)))
    print(number, flush=True)
"""


def bodies_of(folder: JobFolder) -> list[Any]:
    return [event.body for event in read_events(folder)]


@given(st.data())
def test_wherever_a_kill_cuts_the_file_the_next_attempt_goes_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = JobFolder(tmp_path_factory.mktemp("cut"))
    events = [Event(seq, 1, 0.0, Log(f"é {seq}")) for seq in range(1, 6)]
    stream = b"".join(map(encode, events))
    cut = data.draw(st.integers(0, len(stream)))
    folder.events_file.write_bytes(stream[:cut])
    whole = events[: stream[:cut].count(b"\n")]
    torn = stream[:cut].rpartition(b"\n")[2]
    if torn + b"\n" in map(encode, events):  # only its newline is missing
        whole, torn = events[: len(whole) + 1], b""

    worker = Worker(folder)
    worker.emit(Start(3))
    worker.finish("done")
    *earlier, start, state = read_events(folder)
    assert [event for event in earlier if event.seq] == whole
    assert [event.body for event in earlier if not event.seq] == (
        [Log(torn.decode("utf-8", "replace"))] if torn else []
    )
    assert (start.seq, state.seq) == (len(whole) + 1, len(whole) + 2)
    assert start.attempt == state.attempt == (2 if whole else 1)


def test_the_last_number_is_found_before_more_junk_than_is_read_at_once(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    junk = b"no event\n" * 300_000
    folder.events_file.write_bytes(encode(Event(41, 6, 0.0, Start(0))) + junk + b"torn")
    worker = Worker(folder)
    worker.emit(Start(0))
    last = folder.last_event()
    assert last is not None and (last.seq, last.attempt) == (42, 7)


def test_a_job_of_a_newer_program_is_not_written_to(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    newer = b'{"v":2,"seq":1,"attempt":1,"t":0,"kind":"start"}\n'
    folder.events_file.write_bytes(newer)
    with pytest.raises(UserError, match="newer"):
        Worker(folder)
    assert folder.events_file.read_bytes() == newer


def test_a_full_disk_is_heard_and_costs_no_event_that_was_written(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    limit = 1000
    full = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path, str(limit)], capture_output=True, text=True, check=False
    )
    assert full.returncode == 1 and "OSError" in full.stderr
    written = full.stdout.split()
    assert folder.events_file.stat().st_size == limit
    assert [body.text for body in bodies_of(folder)] == written, (
        "an event counts as written only if it is whole"
    )
    worker = Worker(folder)
    worker.emit(Start(0))
    *before, torn, start = read_events(folder)
    assert len(before) == len(written) and torn.seq == 0
    assert start.seq == len(written) + 1 and start.attempt == 2


@pytest.mark.parametrize(
    ("ending", "code", "last", "told"),
    [
        (None, 0, State("done"), []),
        (Stopped(17), 0, State("stopped", 17), []),
        (
            UserError(Problem("corpus.path_missing", "path", {"path": "/x"})),
            2,
            State("failed"),
            [JobProblem("corpus.path_missing", "path", {"path": "/x"})],
        ),
        (
            ZeroDivisionError("by zero"),
            1,
            State("failed"),
            [JobProblem("job.bug", None, {"error": "ZeroDivisionError: by zero", "job": "import-1"})],
        ),
    ],
)
def test_every_ending_has_its_last_word_and_its_exit_code(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    ending: Exception | None,
    code: int,
    last: State,
    told: list[JobProblem],
) -> None:
    folder = JobFolder(tmp_path / "import-1")
    folder.path.mkdir()

    def work() -> None:
        if ending is not None:
            raise ending

    assert conclude(Worker(folder), work) == code
    assert bodies_of(folder) == [*told, last]
    assert ("Traceback" in capfd.readouterr().err) is (code == 1)


@pytest.mark.parametrize(("behaviour", "code"), [({}, 0), ({"refuse_at": 2}, 2), ({"fail_at": 2}, 1)])
def test_the_process_ends_with_the_exit_code(new_run: NewRun, behaviour: dict[str, int], code: int) -> None:
    job = new_run(steps=3, **behaviour)
    ended = subprocess.run(fake_trainer.command(job.spec(), job.path), check=False, stderr=subprocess.DEVNULL)
    assert ended.returncode == code


def test_a_whole_job_in_this_process_records_begins_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        worker_module, "turn_signals_into_requests", lambda _: None
    )  # this is pytest's process
    folder = JobFolder(tmp_path)
    seen: list[str] = []

    def work(worker: Worker) -> None:
        seen.append(folder.status())
        worker.progress(1, 2, "files", "reading")
        folder.ask_to_stop()
        worker.check_stop()

    assert run(tmp_path, work) == 0
    record = folder.run_record()
    assert record is not None and record.pid == os.getpid()
    assert seen == ["running"] and folder.status() == "stopped"
    assert bodies_of(folder) == [Start(0), Progress(1, 2, "files", "reading"), State("stopped")]


def test_nobody_asked_means_go_on(tmp_path: Path) -> None:
    Worker(JobFolder(tmp_path)).check_stop()
    JobFolder(tmp_path).ask_to_stop()
    with pytest.raises(Stopped):
        Worker(JobFolder(tmp_path)).check_stop()


def test_progress_is_thinned_but_phases_and_the_end_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "PROGRESS_SECONDS", 3600)
    folder = JobFolder(tmp_path)
    worker = Worker(folder)
    for done in range(1001):
        worker.progress(done, 1000, "files", "reading")
    for done in range(1, 5001):
        worker.progress(done, 5000, "documents", "hashing")
    for done in range(50):
        worker.progress(done, 0, "", "sorting")
    assert [(body.phase, body.done) for body in bodies_of(folder)] == [
        ("reading", 0), ("reading", 1000), ("hashing", 1), ("hashing", 5000), ("sorting", 0),
    ]  # fmt: skip


def test_progress_goes_on_within_a_long_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "PROGRESS_SECONDS", 0)
    folder = JobFolder(tmp_path)
    worker = Worker(folder)
    for done in range(5):
        worker.progress(done, 0, "", "reading")
    assert [body.done for body in bodies_of(folder)] == [0, 1, 2, 3, 4]


def test_the_heart_beats_on_after_the_disk_refused_a_beat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "HEARTBEAT_SECONDS", 0.01)
    beat = tmp_path / "heartbeat.json"
    beat.mkdir()  # a file cannot take this name
    (tmp_path / "heartbeat.json" / "in the way").touch()
    refused: list[OSError] = []

    def watched(file: Path, data: bytes) -> None:
        try:
            write_atomically(file, data)
        except OSError as error:
            refused.append(error)
            raise

    monkeypatch.setattr(worker_module, "write_atomically", watched)
    worker = Worker(JobFolder(tmp_path))
    worker.begin()
    wait_until(lambda: len(refused) > 0)
    (beat / "in the way").unlink()
    beat.rmdir()
    wait_until(beat.is_file)
    worker.finish("done")
    assert json.loads(beat.read_text())["attempt"] == 1
    assert sorted(file.name for file in tmp_path.iterdir() if file.name[0] != ".") == [
        "events.jsonl", "heartbeat.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "project.disk_filled"),
        (errno.EDQUOT, "project.disk_limit"),
        (errno.ESTALE, "project.disk_error"),
        (errno.EACCES, "project.no_access"),
        (errno.EIO, "project.disk_error"),
    ],
)
def test_what_the_disk_refuses_is_a_sentence_and_no_bug(tmp_path: Path, number: int, code: str) -> None:
    folder = JobFolder(tmp_path)

    def work() -> None:
        raise OSError(number, os.strerror(number), "/data/part-0.parquet")

    worker = Worker(folder)
    worker.begin()
    assert conclude(worker, work) == 2
    problem, state = bodies_of(folder)[-2:]
    assert (problem.code, problem.params["file"]) == (code, "/data/part-0.parquet")
    assert state == State("failed")


def test_work_whose_result_is_whole_is_not_done_again_for_want_of_a_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model's text of hours would be written once more, and then find its place taken."""
    monkeypatch.setattr(worker_module, "turn_signals_into_requests", lambda _: None)
    (tmp_path / "result").mkdir()
    assert run(tmp_path, lambda _worker: pytest.fail("the work was done again")) == 0
    assert JobFolder(tmp_path).status() == "done"
