"""What a job's machine tells another: the very bytes, from wherever the other is, however often cut off."""

import io
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from domainstudio.jobs import far_side, process
from domainstudio.jobs.events import Start
from domainstudio.jobs.folder import Request
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.frames import MOST_FRAME_BYTES, append, frames, send, size_of
from domainstudio.jobs.launch import Launch, read_launch
from domainstudio.problems import UserError

NewRun = Callable[..., Any]


def watching(run: Any, copy: Path) -> "subprocess.Popen[bytes]":
    """Watch a run as its machine does for one that has so much of it already."""
    offsets = [str(size_of(copy / name)) for name in ("events.jsonl", "job.log")]
    command = [sys.executable, "-m", "domainstudio.jobs", "watch", str(run.path), *offsets]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def take(copy: Path, kind: str, offset: int, data: bytes) -> bool:
    """Take a frame into a copy; return whether all is over."""
    if kind in ("events", "log"):
        append(copy / {"events": "events.jsonl", "log": "job.log"}[kind], offset, data)
    if kind == "run":
        (copy / "run.json").write_bytes(data)
    return kind == "state" and bool(orjson.loads(data)["over"])


def test_however_often_the_watcher_is_killed_the_copy_is_the_very_bytes(
    new_run: NewRun, tmp_path: Path
) -> None:
    run = new_run(steps=400, seconds_per_step=0.01, probe_every=7, checkpoint_every=50, flood_megabytes=3)
    run.start()
    dice, copy, cuts, is_over = random.Random(7), tmp_path / "copy", 0, False
    copy.mkdir()
    while not is_over:
        with watching(run, copy) as process:
            assert process.stdout is not None
            left = dice.randint(1, 7)
            for kind, offset, data in frames(process.stdout):
                is_over = take(copy, kind, offset, data)
                left -= 1
                if is_over or not left:
                    break
            process.kill()
            cuts += not is_over
    assert cuts > 3 and run.status() == "done"
    for file in (run.events_file, run.log_file, run.run_file):
        assert (copy / file.name).read_bytes() == file.read_bytes()


def test_a_frame_that_was_taken_already_is_taken_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    for offset, data in ((0, b"one\n"), (0, b"one\ntwo\n"), (2, b"e\n"), (8, b"three\n")):
        append(file, offset, data)
    assert file.read_bytes() == b"one\ntwo\nthree\n"
    with pytest.raises(UserError) as caught:
        append(file, 20, b"beyond")
    assert caught.value.problem.code == "machine.out_of_step" and size_of(file) == 14


@pytest.mark.parametrize("cut", [0, 3, 9, 10, 14])
def test_a_frame_that_is_cut_off_is_left_out(cut: int) -> None:
    out = io.BytesIO()
    send(out, "log", 5, b"whole")
    whole = out.getvalue()
    send(out, "log", 10, b"and more")
    data = out.getvalue()[: len(whole) + cut]
    assert list(frames(io.BytesIO(data))) == [("log", 5, b"whole")]


@pytest.mark.parametrize(
    "said",
    [b"Welcome to gpu-1!\n", b"events 0 99999999999\n", b"events -1 3\nabc", b"x" * 500, b"log 0 1e3\n"],
)
def test_what_is_no_frame_is_told_and_nothing_is_waited_for(said: bytes) -> None:
    with pytest.raises(UserError) as caught:
        list(frames(io.BytesIO(said)))
    assert caught.value.problem.code == "machine.no_frame"


def test_large_files_come_in_frames_of_bounded_size(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run(steps=2, flood_megabytes=5)
    run.start()
    assert run.wait_for("done", "failed") == "done"
    with watching(run, tmp_path) as process:
        assert process.stdout is not None
        sizes = [len(data) for kind, _, data in frames(process.stdout) if kind == "log"]
    assert len(sizes) >= 5 and max(sizes) <= MOST_FRAME_BYTES and sum(sizes) == size_of(run.log_file)


def test_a_start_that_is_asked_twice_is_done_once(new_run: NewRun) -> None:
    run = new_run(steps=5)
    for _ in range(2):
        assert far_side.start(run, 0, Launch()) == Launch()
    run.wait_for("done")
    far_side.start(run, 0, Launch(processes=3))
    starts = [event for event in read_events(run) if isinstance(event.body, Start)]
    assert len(starts) == 1 and read_launch(run.path) == Launch()


def test_what_stands_between_is_asked_there(new_run: NewRun) -> None:
    run = new_run(steps=100_000, seconds_per_step=0.01)
    run.start()
    far_side.ask(run, Request(stop="checkpoint").model_dump_json().encode())
    assert run.wait_for("stopped", "done", "failed") == "stopped"


def test_a_refusal_comes_as_a_frame(new_run: NewRun) -> None:
    run = new_run(steps=100_000, seconds_per_step=0.01)
    run.start()
    gone = run.path.with_name("train-77")
    said = subprocess.run(
        [sys.executable, "-m", "domainstudio.jobs", "start", str(gone), "0"], capture_output=True, check=False
    )
    ((kind, _, data),) = frames(io.BytesIO(said.stdout))
    assert said.returncode == 2 and kind == "problem" and orjson.loads(data)["code"] == "job.missing"
    process.kill(run)
