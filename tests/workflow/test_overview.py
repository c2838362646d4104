"""What the status strip and the sidebar are told about jobs and steps."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Command

from domainstudio.jobs.events import JobProblem, Progress, Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.link import Link, write_link
from domainstudio.jobs.worker import Worker
from domainstudio.machines.assignment import Assignment, write_assignment
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import steps
from domainstudio.workflow.corpus.importing import IMPORT, ImportWork
from domainstudio.workflow.glance import look_at
from domainstudio.workflow.overview import JobList, Pace
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, freeze


def import_job(project: Path) -> JobFolder:
    from domainstudio.corpus.readers import ReaderSettings

    work = ImportWork(paths=("x",), source="books", role="domain", settings=ReaderSettings(), rule=None)
    return create_job(project / "jobs", IMPORT.name, IMPORT.program, work)


@pytest.fixture
def empty_project(tmp_path: Path) -> Path:
    with create(tmp_path / "empty", ModelOrigin(preset="tiny")) as project:
        return project.path


def test_a_job_tells_its_subject_progress_and_end(empty_project: Path) -> None:
    folder = import_job(empty_project)
    with Project(empty_project, read_only=True) as project:
        jobs = JobList(project)
        assert [(row.kind, row.subject, row.status) for row in jobs.refresh()] == [
            ("import", "books", "created")
        ]
        folder.record_process(os.getpid(), folder.events_size_bytes())
        worker = Worker(folder)
        worker.emit(Progress(3, 10, "files", "importing"))
        row = jobs.refresh()[0]
        assert (row.status, row.done, row.total, row.unit) == ("running", 3, 10, "files")
        worker.emit(JobProblem("project.disk_full", None, {"file": "/x"}))
        worker.finish("failed", 0)
        row = jobs.refresh()[0]
        assert row.status == "failed" and row.problem is not None and row.problem.code == "project.disk_full"
        assert jobs.refresh()[0] is row, "a job that is over is not read again"


def newer_events(folder: JobFolder) -> None:
    folder.record_process(os.getpid(), 0)
    folder.events_file.write_bytes(b'{"v":2,"seq":1,"attempt":1,"t":0,"kind":"start","step":0}\n')


def no_process(folder: JobFolder) -> None:
    record = folder.record_process(os.getpid(), 0)
    folder.run_file.write_text(record.model_copy(update={"pid": -1}).model_dump_json())


def a_file(folder: JobFolder) -> None:
    shutil.rmtree(folder.path)
    folder.path.write_text("")


DAMAGES: list[Callable[[JobFolder], object]] = [
    lambda folder: (folder.path / "spec.json").write_text("{"),
    lambda folder: folder.run_file.write_text('{"pid":'),
    lambda folder: folder.events_file.mkdir() or folder.record_process(os.getpid(), 0),
    no_process,
    newer_events,
    a_file,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_job_does_not_hide_the_others(
    empty_project: Path, damage: Callable[[JobFolder], object]
) -> None:
    import_job(empty_project)
    damage(import_job(empty_project))
    with Project(empty_project, read_only=True) as project:
        assert [row.job_id for row in JobList(project).refresh()] == ["import-1"]


def test_a_long_run_is_followed_from_near_its_end(small_project: Path) -> None:
    with Project(small_project) as project:
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
        folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
        worker = Worker(folder)
        for step in range(1, 801):
            worker.emit(Step(step, step * 128, 5.0, 1e-3, 1.0, 1000.0, 10**8))
        assert folder.events_size_bytes() > 100_000
        row = next(row for row in JobList(project).refresh() if row.job_id == folder.job_id)
    assert (row.done, row.total, row.phase) == (800, 160, "training")


def test_the_pace_of_a_run_is_the_one_of_its_steps(small_project: Path) -> None:
    """A run of an earlier version told its progress beside each step: that must not count twice."""
    with Project(small_project) as project:
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
        folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
        folder.record_process(os.getpid(), folder.events_size_bytes())
        worker = Worker(folder)
        for step in range(1, 4):
            worker.emit(Step(step, step * 128, 5.0, 1e-3, 1.0, 1000.0, 10**8))
            worker.emit(Progress(step, spec.steps, "steps", "training"))
        row = next(row for row in JobList(project).refresh() if row.job_id == folder.job_id)
    assert (row.done, row.total, row.rate) == (3, 160, 1000.0)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 1000)), min_size=2, max_size=40))
def test_no_time_left_is_told_that_would_mislead(points: list[tuple[float, int]]) -> None:
    pace = Pace()
    for seconds, done in sorted(points):
        pace.add(seconds, done)
    left = pace.seconds_left(1000)
    if left is not None:
        assert left >= 0 and pace.last[0] - pace.first[0] >= 5 and pace.last[1] >= 20


def test_time_left_is_the_rest_at_the_median_pace() -> None:
    pace = Pace()
    for second in range(11):
        pace.add(float(second), second * 10)
    pace.add(100.0, 101)  # a pause does not count
    assert pace.rate() == 10
    assert pace.seconds_left(1001) == pytest.approx(90)


@pytest.mark.parametrize("events_a_second", [5, 1000])
def test_work_that_tells_often_has_a_time_left_too(events_a_second: int) -> None:
    """Twenty events may span less than the seconds for which no time left is told."""
    pace = Pace()
    for number in range(10 * events_a_second + 1):
        pace.add(number / events_a_second, number)
    assert pace.seconds_left(20 * events_a_second) == pytest.approx(10, rel=0.01)


def test_the_steps_of_a_new_project_say_what_is_missing(empty_project: Path) -> None:
    with Project(empty_project, read_only=True) as project:
        found = steps.states(steps.read_facts(project), [], [])
    assert {step: (state.state, state.words) for step, state in found.items()} == {
        "project": ("ready", "tiny"),
        "corpus": ("todo", "No text yet"),
        "duplicates": ("todo", "Not looked for yet"),
        "tokenizer": ("todo", "None yet"),
        "mixture": ("todo", "Not set"),
        "protection": ("ready", "Budget +0.050 nats"),
        "training": ("todo", "Needs a mixture"),
        "machines": ("ready", "This computer alone"),
        "runs": ("todo", "None yet"),
        "export": ("todo", "Nothing trained yet"),
    }


def test_the_steps_of_a_project_tell_facts_and_what_is_at_work(small_project: Path, command: Command) -> None:
    folder = import_job(small_project)
    import os

    folder.record_process(os.getpid(), folder.events_size_bytes())
    Worker(folder).emit(Progress(61, 100, "files", "importing"))
    with Project(small_project) as project:
        facts, jobs, runs = steps.read_facts(project), JobList(project).refresh(), RunList(project).refresh()
    found = steps.states(facts, jobs, runs)
    assert found["corpus"] == steps.StepState("running", "Importing, 61 %")
    assert found["tokenizer"].words == "Trained, 512 entries"
    assert found["mixture"].words == "Replay 25.0 %"
    assert found["training"] == steps.StepState("todo", "Ready to start")
    assert all(len(state.words) <= 24 for state in found.values())


def test_a_glance_at_a_project_that_is_gone_or_damaged_says_so(tmp_path: Path, small_project: Path) -> None:
    gone = look_at(str(tmp_path / "gone"))
    assert gone.is_missing and gone.state == "problem" and str(tmp_path / "gone") in gone.words
    (small_project / "project.sqlite").write_bytes(b"no database" * 1000)
    for more in small_project.glob("project.sqlite-*"):
        more.unlink()
    damaged = look_at(str(small_project))
    assert damaged.state == "problem" and "damaged" in damaged.words


def test_a_glance_tells_how_far_a_project_is(small_project: Path) -> None:
    glance = look_at(str(small_project))
    assert (glance.name, glance.base, glance.words) == ("small", "tiny", "Corpus ready, not trained yet")
    assert glance.replay == 0.25 and glance.documents and glance.size_bytes


def test_the_steps_say_which_machine_is_at_work_and_which_is_not_seen(small_project: Path) -> None:
    with Project(small_project) as project:
        facts = replace(steps.read_facts(project), machines=("gpu-1", "gpu-2"))
        assert steps.states(facts, [], [])["machines"].words == "2 machines"
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
        folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
        write_assignment(folder.path, Assignment(machine="gpu-1", project="small-1", is_asked=False))
        folder.record_carrier(os.getpid())
        for silence, state, words in (
            (0.0, "running", "gpu-1 at work"),
            (120.0, "attention", "gpu-1 not seen"),
        ):
            now = time.time()
            link = Link(machine="gpu-1", phase="live", written=now, last_seen=now - silence, status="running")
            write_link(folder.path, link)
            found = steps.states(facts, [], RunList(project).refresh())
            assert (found["machines"].state, found["machines"].words) == (state, words)
            assert (found["runs"].state, found["runs"].words) == (state, "train-1, 0 %")
