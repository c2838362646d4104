"""Curves as files: what is saved and read on is what the events say, after any damage and any kill."""

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from domainstudio.jobs import metrics as module
from domainstudio.jobs.columns import DTYPES, PLOTTED
from domainstudio.jobs.curves import Curves, gather
from domainstudio.jobs.events import (
    Body,
    Canaries,
    Checkpoint,
    Event,
    Intervention,
    JobProblem,
    Probe,
    Start,
    State,
    Step,
    encode,
)
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.metrics import METRICS, Metrics, read, save_at_end


class Work(BaseModel):
    """Nothing is asked for."""


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return create_job(tmp_path / "jobs", "train", "domainstudio.trainer", Work())


def told(curves: Curves) -> list[object]:
    """Everything that curves say, comparable."""
    tables = [curves.steps, *curves.superseded]
    return [
        *(table.column(name).tobytes() for table in tables for name in DTYPES),
        *(table.level(name, level).tobytes() for table in tables for name in PLOTTED for level in (1, 2)),
        repr((curves.probes, curves.superseded_probes, curves.checkpoints, curves.marks)),
        repr((curves.interventions, curves.canaries)),
        (curves.attempts, curves.last_time, curves.worked_seconds),
    ]


def write(folder: JobFolder, bodies: Iterable[Body], first: int = 1, rest: bytes = b"") -> None:
    lines = [encode(Event(seq, 1, 100.0 + seq, body)) for seq, body in enumerate(bodies, first)]
    with folder.events_file.open("ab") as events:
        events.write(b"".join(lines) + rest)


def step_at(step: int, loss: float = 2.0) -> Step:
    return Step(step, step * 10, loss, 1e-3, 1.0, 1000.0, 5)


def attempt(first: int, last: int) -> list[Body]:
    bodies: list[Body] = [Start(first)]
    for step in range(max(1, first), last + 1):
        bodies.append(step_at(step, math.nan if step % 7 == 0 else 2.0 + step / 10))
        if step % 5 == 0:
            bodies.append(Probe(step, "web", "general", 3.0, math.nan, 10, 40))
            bodies.append(Checkpoint(step, f"result/checkpoints/{step}", 9))
        if step % 20 == 0:
            bodies.append(Intervention(step, "rate", 0.5, "nats"))
            bodies.append(Canaries(step, 17, 40, 16, math.nan if step % 40 else 0.9))
    return [*bodies, JobProblem("job.bug", None, {"error": "e", "job": "train-1"}), State("stopped", last)]


STORY = [*attempt(0, 40), *attempt(21, 60), *attempt(51, 90)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(STORY)), max_size=4).map(sorted), st.booleans())
def test_saved_at_any_moment_and_read_on_is_read_at_once(cuts: list[int], tears: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        folder = create_job(Path(made) / "jobs", "train", "domainstudio.trainer", Work())
        done = 0
        for cut in cuts:
            write(folder, STORY[done:cut], done + 1)
            done = cut
            metrics = Metrics(folder)
            metrics.poll()
            metrics.save()
        write(folder, STORY[done:], done + 1, b'{"v":1,"torn' if tears else b"")
        assert told(read(folder)) == told(gather(read_events(folder)))


def test_a_follower_that_goes_on_after_a_save_sees_the_same(folder: JobFolder) -> None:
    metrics = Metrics(folder)
    for first in range(0, len(STORY), 17):
        write(folder, STORY[first : first + 17], first + 1)
        assert metrics.poll()
        metrics.save()
    assert not metrics.poll()
    assert told(metrics.curves) == told(gather(read_events(folder)))
    assert len(list((folder.result / METRICS).iterdir())) == 1


def saved(folder: JobFolder) -> Path:
    write(folder, STORY)
    save_at_end(folder)
    (made,) = (folder.result / METRICS).iterdir()
    return made


@pytest.mark.parametrize(
    "damage",
    [
        lambda made: (made / "index.json").unlink(),
        lambda made: (made / "index.json").write_text('{"version": 1, "offset": '),
        lambda made: (made / "steps" / "loss.npy").unlink(),
        lambda made: os.truncate(made / "steps" / "loss.npy", 200),
        lambda made: os.truncate(made / "steps" / "loss.npy", 0),
        lambda made: (made / "steps" / "step.npy").write_bytes(b"not a column at all"),
        lambda made: np.save(made / "steps" / "loss.npy", np.zeros(3)),
        lambda made: np.save(made / "steps" / "loss.blocks.npy", np.zeros(3)),
        lambda made: shutil.rmtree(made / "superseded-1"),
    ],
)
def test_what_is_damaged_is_made_anew_from_the_events(folder: JobFolder, damage: object) -> None:
    made = saved(folder)
    assert callable(damage)
    damage(made)
    assert told(read(folder)) == told(gather(read_events(folder)))


def test_what_belongs_to_other_events_is_not_believed(folder: JobFolder) -> None:
    saved(folder)
    events = folder.events_file.read_bytes()
    folder.events_file.write_bytes(events[: len(events) // 2])
    assert told(read(folder)) == told(gather(read_events(folder)))
    folder.events_file.write_bytes(events.replace(b'"t":2', b'"t":3'))
    assert told(read(folder)) == told(gather(read_events(folder)))


def test_of_another_version_it_is_not_believed(folder: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    made = saved(folder)
    (made / "steps" / "loss.npy").unlink()
    monkeypatch.setattr(module, "VERSION", 2)
    assert told(read(folder)) == told(gather(read_events(folder)))


def test_a_finished_run_is_opened_without_reading_its_events_again(folder: JobFolder) -> None:
    saved(folder)
    metrics = Metrics(folder)
    assert not metrics.poll()
    assert len(metrics.curves.steps) == 90 and len(metrics.curves.superseded) == 2
    assert not metrics.curves.steps.column("loss").flags.writeable


def test_a_kill_between_writing_and_renaming_leaves_what_was_there(folder: JobFolder) -> None:
    made = saved(folder)
    write(folder, attempt(81, 99), 1000)
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom domainstudio import paths\n"
        "from domainstudio.jobs.folder import JobFolder\nfrom domainstudio.jobs.metrics import save_at_end\n"
        "paths.move_whole = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save_at_end(JobFolder(Path(sys.argv[1])))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.path)])
    assert done.returncode == -signal.SIGKILL
    names = [each.name for each in (folder.result / METRICS).iterdir()]
    assert made.name in names and len(names) == 2
    metrics = Metrics(folder)
    assert len(metrics.curves.steps) == 90
    assert metrics.poll()
    assert told(metrics.curves) == told(gather(read_events(folder)))
    metrics.save()
    (left,) = (folder.result / METRICS).iterdir()
    assert left.name > made.name


def test_only_a_long_tail_is_saved_by_a_reader(folder: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, STORY)
    metrics = Metrics(folder)
    metrics.poll()
    metrics.save_long_tail()
    assert not folder.result.exists()
    monkeypatch.setattr(module, "LONG_TAIL_BYTES", 1000)
    metrics.save_long_tail()
    assert (folder.result / METRICS).is_dir()


@pytest.mark.skipif(os.name != "posix", reason="asks for POSIX permissions")
def test_where_nothing_may_be_written_reading_goes_on(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, STORY)
    monkeypatch.setattr(module, "LONG_TAIL_BYTES", 1000)
    folder.result.write_text("a file where the folder should be")
    metrics = Metrics(folder)
    metrics.poll()
    metrics.save_long_tail()
    save_at_end(folder)
    assert told(metrics.curves) == told(gather(read_events(folder)))


def test_pauses_do_not_count_as_work() -> None:
    events = [
        Event(1, 1, 1000.0, Start(0)), Event(2, 1, 1010.0, step_at(1)), Event(3, 1, 1020.0, step_at(2)),
        Event(4, 2, 90_000.0, Start(2)), Event(5, 2, 90_005.0, step_at(2)), Event(6, 2, 90_004.0, step_at(3)),
    ]  # fmt: skip
    curves = gather(events)
    assert curves.steps.column("seconds").tolist() == [10.0, 15.0, 15.0]
    assert curves.at_steps("seconds", [0, 1, 2, 3, 9]).tolist() == [0.0, 10.0, 15.0, 15.0, 15.0]
    assert curves.at_steps("tokens", [0, 2]).tolist() == [0.0, 20.0]
    assert [(mark.kind, mark.step) for mark in curves.marks] == [("start", 0), ("start", 2)]


def test_what_a_guard_did_is_said_once_and_goes_with_the_steps_that_are_done_again(
    folder: JobFolder,
) -> None:
    """An attempt names what it goes on with once more, and what came later did not happen."""
    alarm, half = Intervention(5, "alarm", 0.1, "nats"), Intervention(5, "rate", 0.5, "nats")
    later, known = Intervention(9, "rate", 0.5, "nats"), Canaries(9, 20, 40, 16, 1.0)
    first = [Start(0), *(step_at(step) for step in range(1, 6)), alarm, half]
    first += [step_at(6), step_at(7), step_at(8), step_at(9), known, later]
    write(folder, [*first, Start(6), half, step_at(6)])
    curves = read(folder)
    assert curves.interventions == [alarm, half] and curves.canaries == []
