"""Reading a file that grows: every event once, whoever reads and however often it begins again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_trainer
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.jobs import process
from domainstudio.jobs.curves import gather
from domainstudio.jobs.events import Event, Log, Start, State, Step, encode
from domainstudio.jobs.folder import JobFolder, Status
from domainstudio.jobs.follow import Tail, follow, read_events
from domainstudio.problems import UserError

NewRun = Callable[..., Any]

# Follows a job and writes the number of every event it saw.
WATCHER = """
import sys
from pathlib import Path
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import follow

for event in follow(JobFolder(Path(sys.argv[1])), 0.01):
    if event:
        print(event.seq, flush=True)
"""


def numbered(count: int, first: int = 1) -> list[Event]:
    return [Event(seq, 1, 0.0, Log(f"event {seq} é\n")) for seq in range(first, first + count)]


def append(folder: JobFolder, data: bytes) -> None:
    with folder.events_file.open("ab") as events:
        events.write(data)


@given(st.lists(st.integers(0, 80), max_size=30), st.lists(st.booleans(), min_size=30, max_size=30))
def test_a_reader_that_begins_again_at_its_offset_loses_and_repeats_nothing(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], restarts: list[bool]
) -> None:
    """The file grows by any number of bytes; the reader polls after each growth and is sometimes replaced."""
    folder = JobFolder(tmp_path_factory.mktemp("grow"))
    events = numbered(12)
    stream = b"".join(map(encode, events))
    tail, seen, written = Tail(folder), list[Event](), 0
    for size, begins_again in zip(sizes, restarts, strict=False):
        append(folder, stream[written : written + size])
        written += size
        seen += tail.poll()
        if begins_again:
            tail = Tail(folder, tail.offset)
    append(folder, stream[written:])
    seen += tail.poll()
    assert seen == events
    assert tail.offset == len(stream)


def test_a_reader_may_come_before_the_file(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    tail = Tail(folder)
    assert list(tail.poll()) == [] == list(read_events(folder))
    append(folder, encode(numbered(1)[0]))
    assert list(tail.poll()) == numbered(1)
    assert list(tail.poll()) == []


def test_the_offset_is_the_start_of_the_line_that_is_not_whole(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    first, second = map(encode, numbered(2))
    append(folder, first + second[:10])
    tail = Tail(folder)
    assert len(list(tail.poll())) == 1
    assert tail.offset == len(first)


def test_more_events_than_are_read_at_once(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    events = [Event(seq, 1, 0.0, Log("x" * 1000)) for seq in range(1, 3001)]
    append(folder, b"".join(map(encode, events)))
    assert list(read_events(folder)) == events


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    append(folder, b'{"v":9,"seq":1,"attempt":1,"t":0,"kind":"start","step":0}\n')
    with pytest.raises(UserError, match="newer Domain Studio"):
        list(read_events(folder))


def test_a_running_job_is_followed_to_its_last_word(new_run: NewRun) -> None:
    run = new_run(steps=30, seconds_per_step=0.01)
    run.start()
    seen = [event for event in follow(run, 0.01) if event is not None]
    assert isinstance(seen[0].body, Start) and isinstance(seen[-1].body, State)
    assert seen == run.events()
    assert seen == [event for event in follow(run) if event is not None], "again, after its end"


def test_what_a_job_says_while_its_state_is_asked_is_heard(tmp_path: Path) -> None:
    class Ending(JobFolder):
        """Speaks its last words in the moment in which it is asked."""

        def status(self) -> Status:
            append(self, b"".join(map(encode, numbered(3))))
            return "done"

    assert list(follow(Ending(tmp_path))) == numbered(3)


def test_silence_gives_the_follower_its_turn(new_run: NewRun) -> None:
    run = new_run(stall_after=2)
    run.start()
    silent = 0
    for event in follow(run, 0.01):
        silent = silent + 1 if event is None else 0
        if silent == 20:
            break
    assert run.status() == "running", "to break off leaves the job alone"
    process.kill(run)
    assert run.events() == [event for event in follow(run, 0.01) if event is not None], (
        "the dead are not awaited"
    )


def test_a_watcher_that_is_killed_does_not_disturb_and_the_next_sees_all(new_run: NewRun) -> None:
    run = new_run(steps=60, seconds_per_step=0.02)
    run.start()
    with subprocess.Popen([sys.executable, "-c", WATCHER, run.path], stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        assert [int(watcher.stdout.readline()) for _ in range(10)] == list(range(1, 11))
        watcher.send_signal(signal.SIGKILL)
    assert run.status() == "running"
    again = subprocess.run([sys.executable, "-c", WATCHER, run.path], stdout=subprocess.PIPE, check=True)
    assert run.status() == "done"
    assert [int(line) for line in again.stdout.split()] == [event.seq for event in run.events()]
    assert len(gather(run.events()).steps) == 60


def test_a_follower_sees_the_next_attempt_go_on_where_it_was(new_run: NewRun) -> None:
    run = new_run(steps=20, die_at=11)
    tail = Tail(run)
    run.start()
    run.wait_for("interrupted")
    first = list(tail.poll())
    run.start()
    run.wait_for("done")
    second = list(tail.poll())
    assert first + second == run.events()
    assert isinstance(second[0].body, Start) and second[0].attempt == 2


def test_a_flood_of_log_costs_a_follower_nothing(new_run: NewRun) -> None:
    run = new_run(steps=20, flood_megabytes=50, splits_characters=True)
    run.start()
    before = psutil.Process().io_counters().read_chars
    seen = [event for event in follow(run, 0.01) if event is not None]
    read = psutil.Process().io_counters().read_chars - before
    assert run.status() == "done"
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert len([event for event in seen if isinstance(event.body, Step)]) == 20
    assert run.log_file.stat().st_size > 50 << 20
    assert read < 5 << 20


def test_bytes_that_are_no_text_reach_the_log_and_touch_no_event(new_run: NewRun) -> None:
    run = new_run(steps=3, splits_characters=True)
    run.start()
    assert run.wait_for("done", "failed") == "done"
    assert run.log_file.read_bytes() == (fake_trainer.SPLIT_TEXT.encode() + b"\xff\xfe\xc3\n") * 3
    assert run.all_of(Log) == []


def test_a_follower_of_a_paused_writer_waits_for_the_rest_of_the_line(new_run: NewRun) -> None:
    run = new_run(stall_after=1)
    record = run.start()
    run.wait_for_step(1)
    os.kill(record.pid, signal.SIGSTOP)
    line = encode(Event(100, 1, 0.0, Log("in two parts")))
    tail = Tail(run)
    append(run, line[:30])
    assert all(event.seq != 100 for event in tail.poll())
    append(run, line[30:])
    assert [event.seq for event in tail.poll()] == [100]
    assert run.status() == "running"
