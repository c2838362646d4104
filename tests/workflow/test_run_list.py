"""The list of runs: what it reads anew, what it reads elsewhere, and what it leaves out."""

import shutil
from pathlib import Path

import pytest
from support import wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs import metrics
from domainstudio.jobs.events import Body, Event, Probe, Start, State, Step, encode
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.mixture.shares import Arm
from domainstudio.project.project import Project
from domainstudio.workflow.runs import run_list
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, freeze


def new_run(project: Project, arm: Arm = "treated") -> JobFolder:
    spec, _processes = freeze(project, "base", "default", "default", {}, arm)
    return create_job(project.jobs, TRAIN.name, TRAIN.program, spec)


def write(folder: JobFolder, *bodies: Body, first: int = 1) -> None:
    with folder.events_file.open("ab") as events:
        for seq, body in enumerate(bodies, first):
            events.write(encode(Event(seq, 1, 1000.0 + 2 * seq, body)))
    folder.record_process(1, 0)


def point(step: int) -> Step:
    return Step(step, step * 128, 2.0, 1e-3, 1.0, 640.0, 10**8)


@pytest.fixture
def project(small_project: Path) -> Project:
    return Project(small_project)


def test_each_refresh_goes_on_where_the_last_ended(project: Project) -> None:
    runs = RunList(project)
    assert runs.refresh() == []
    folder = new_run(project)
    write(folder, Start(0), *(point(step) for step in range(1, 41)))
    (row,) = runs.refresh()
    assert (row.run, row.step, row.loss, row.last_event) == ("train-1", 40, 2.0, 1082.0)
    assert row.tokens_per_second == 640.0 and row.is_read
    curves = runs.curves("train-1")
    write(folder, point(41), Probe(41, "general", "general", 3.0, 1.0, 10, 40), State("stopped"), first=42)
    (row,) = runs.refresh()
    assert row.step == 41 and row.status == "stopped"
    assert runs.curves("train-1") is curves and curves is not None and len(curves.steps) == 41
    spec = runs.spec("train-1")
    assert spec is not None and spec.steps == 160


def test_the_time_left_follows_the_pace_of_the_last_steps(project: Project) -> None:
    folder = new_run(project)
    write(folder, Start(0), *(point(step) for step in range(1, 41)))
    import os

    folder.record_process(os.getpid(), 0)
    (row,) = RunList(project).refresh()
    assert row.status == "running" and row.seconds_left == pytest.approx(240.0)


def test_a_deleted_run_vanishes_and_a_damaged_one_hides_no_other(project: Project) -> None:
    first, second, third = (new_run(project) for _ in range(3))
    runs = RunList(project)
    assert [row.run for row in runs.refresh()] == ["train-1", "train-2", "train-3"]
    shutil.rmtree(second.path)
    assert [row.run for row in runs.refresh()] == ["train-1", "train-3"]
    assert runs.curves("train-2") is None and runs.comparable("train-1") == ["train-1", "train-3"]
    (third.path / "spec.json").write_text("{}")
    assert [row.run for row in runs.refresh()] == [first.job_id, third.job_id], "it was read before"
    runs = RunList(project)
    assert [row.run for row in runs.refresh()] == [first.job_id]
    assert [problem.code for problem in runs.refused.values()] == ["document.invalid_field"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.jsonl", b'{"v":2,"seq":1,"attempt":1,"t":0,"kind":"start","step":0}\n'),
        ("run.json", b'{"pid":'),
    ],
)
def test_a_run_damaged_while_it_is_shown_hides_no_other(project: Project, name: str, content: bytes) -> None:
    whole, broken = new_run(project), new_run(project)
    runs = RunList(project)
    assert len(runs.refresh()) == 2
    broken.record_process(1, 0)
    (broken.path / name).write_bytes(content)
    assert [row.run for row in runs.refresh()] == [whole.job_id] and list(runs.refused) == [broken.job_id]
    shutil.rmtree(broken.path)
    assert [row.run for row in runs.refresh()] == [whole.job_id] and not runs.refused


def test_the_command_names_a_run_that_it_cannot_list(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, whole = new_run(project), new_run(project)
    (damaged.path / "spec.json").write_text("{}")
    assert run_command(["runs", "list", str(project.path)]) == 0
    said = capsys.readouterr()
    assert whole.job_id in said.out and damaged.job_id not in said.out
    assert said.err.startswith(f"{damaged.job_id}: ") and said.err.count("\n") == 1


def test_a_run_that_has_ended_is_not_read_again_until_it_is_resumed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times a second sixty runs would otherwise take half a processor from the window."""
    folder, asked = new_run(project), []
    write(folder, Start(0), point(1), State("stopped"))
    runs, last_event = RunList(project), JobFolder.last_event
    runs.refresh()
    monkeypatch.setattr(
        JobFolder, "last_event", lambda folder, offset: asked.append(offset) or last_event(folder, offset)
    )
    assert runs.refresh()[0].status == "stopped" and asked == []
    folder.record_process(1, folder.events_size_bytes())
    assert runs.refresh()[0].status == "running" and len(asked) == 1


@pytest.mark.parametrize("may_write", [True, False])
def test_a_long_run_without_columns_is_read_by_another_process(
    project: Project, monkeypatch: pytest.MonkeyPatch, may_write: bool
) -> None:
    """Where that cannot leave its columns, the run is read piece by piece."""
    monkeypatch.setattr(run_list, "LONG_TAIL_BYTES", 1000)
    folder = new_run(project)
    write(folder, Start(0), *(point(step) for step in range(1, 15_001)), State("done"))
    if not may_write:
        folder.result.write_text("a file where the folder should be")
    runs = RunList(project, 1 << 20)
    (row,) = runs.refresh()
    assert not row.is_read and row.step == 0
    wait_until(lambda: runs.refresh()[0].is_read)
    assert runs.refresh()[0].step == 15_000
    assert (folder.result / metrics.METRICS).is_dir() == may_write
    curves = runs.curves("train-1")
    assert curves is not None and curves.steps.column("step").tolist() == list(range(1, 15_001))
