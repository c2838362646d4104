"""A clock that is set while a run goes on: nothing takes a day, comes from the future or goes back."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from domainstudio.jobs import metrics
from domainstudio.jobs.curves import gather
from domainstudio.jobs.events import Body, Event, Progress, Start, Step, decode, encode
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.workflow.overview import JobList
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, freeze


class Work(BaseModel):
    """Work that asks for nothing."""


DAY, NOW, IN_2100 = 86400.0, 1.79e9, 4.1e9
JUMPS: dict[str, Callable[[int], float]] = {
    "a day forth": lambda step: NOW + step + DAY * (step >= 10),
    "a day back": lambda step: NOW + step - DAY * (step >= 10),
    "to 1970": lambda step: NOW + step if step < 10 else float(step),
    "from 1970": lambda step: float(step) if step < 10 else NOW + step,
    "to 2100": lambda step: NOW + step if step < 10 else IN_2100 + step,
    "to and fro": lambda step: NOW + step + DAY * (step % 2),
}


def point(step: int) -> Step:
    return Step(step, step * 128, 2.0, 1e-3, 1.0, 640.0, 10**8)


def events(clock: Callable[[int], float]) -> list[Event]:
    """A run of 20 steps that takes a second for each, whatever the clock says."""
    bodies: list[Body] = [Start(1), *(point(step) for step in range(1, 21))]
    lines = [encode(Event(1 + n, 1, clock(n), body, float(n))) for n, body in enumerate(bodies)]
    return [event for line in lines if (event := decode(line)) is not None]


@pytest.mark.parametrize("jump", JUMPS)
def test_the_time_of_a_run_is_what_it_worked(jump: str) -> None:
    """The axis `time` of the curves ascends by a second a step, as by a good clock."""
    curves = gather(events(JUMPS[jump]))
    assert curves.steps.column("seconds").tolist() == list(range(1, 21))
    assert curves.worked_seconds == 20


def test_a_run_of_an_earlier_version_never_goes_back_in_time() -> None:
    for clock in JUMPS.values():
        old = [Event(one.seq, one.attempt, clock(n), one.body) for n, one in enumerate(events(clock))]
        assert all(b'"elapsed"' not in encode(event) for event in old)
        seconds = gather(old).steps.column("seconds")
        assert (seconds[1:] >= seconds[:-1]).all()


def test_what_was_saved_of_the_curves_goes_on_in_the_same_time(tmp_path: Path) -> None:
    """The step after those that were saved takes a second too."""
    (tmp_path / "job").mkdir()
    folder = JobFolder(tmp_path / "job")
    first, rest = events(JUMPS["to and fro"])[:12], events(JUMPS["to and fro"])[12:]
    folder.events_file.write_bytes(b"".join(map(encode, first)))
    metrics.save_at_end(folder)
    with folder.events_file.open("ab") as file:
        file.write(b"".join(map(encode, rest)))
    assert metrics.read(folder).steps.column("seconds").tolist() == list(range(1, 21))


@pytest.mark.parametrize("written", ["-1", '"5"', "1e300", "[]", "true"])
def test_a_length_of_time_that_is_none_is_no_event(written: str) -> None:
    line = f'{{"v":1,"seq":3,"attempt":1,"t":5,"kind":"start","step":0,"elapsed":{written}}}\n'
    event = decode(line.encode())
    assert event is not None and event.seq == 0


def test_a_job_writes_how_long_it_works_while_its_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create_job(tmp_path, "train", "domainstudio.trainer", Work())
    moments = itertools.cycle((NOW, 5.0, IN_2100, NOW - DAY))
    monkeypatch.setattr(time, "time", lambda: next(moments))
    worker = Worker(folder)
    worker.begin()
    for done in range(8):
        worker.emit(Progress(done, 8, "files", "importing"))
    worker.finish("done")
    passed = [event.elapsed for event in read_events(folder)]
    assert len(passed) == 10 and None not in passed
    assert passed == sorted(passed) and passed[0] >= 0 and passed[-1] < 60  # type: ignore[operator, type-var]


@pytest.fixture
def project(small_project: Path) -> Project:
    return Project(small_project)


def new_run(project: Project) -> JobFolder:
    spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), 0)
    return folder


@pytest.mark.parametrize("jump", JUMPS)
def test_strip_and_list_tell_the_time_left_by_the_work_done(project: Project, jump: str) -> None:
    folder = new_run(project)
    folder.events_file.write_bytes(b"".join(map(encode, events(JUMPS[jump]))))
    job, (run,) = JobList(project).refresh()[-1], RunList(project).refresh()
    assert (job.status, run.status) == ("running", "running")
    assert job.seconds_left == run.seconds_left == 140


def test_a_run_whose_last_word_is_from_the_future_falls_silent_in_time(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was a day ahead and is right again would hide for a day that nothing comes any more."""
    folder = new_run(project)
    folder.events_file.write_bytes(b"".join(map(encode, events(lambda step: NOW + DAY + step))))
    runs = RunList(project)
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert runs.refresh()[0].last_event == NOW
    monkeypatch.setattr(time, "time", lambda: NOW + 3600)
    assert runs.refresh()[0].last_event == NOW
    with folder.events_file.open("ab") as file:
        file.write(encode(Event(22, 1, NOW + 3000, point(21), 21.0)))
    assert runs.refresh()[0].last_event == NOW + 3000
