"""The laboratory: equal tokens, runs of its own, and nothing measured twice or lost."""

import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import BaseModel
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Event, JobProblem, Start, State, encode
from domainstudio.jobs.folder import JobFolder, create_job, list_jobs
from domainstudio.jobs.run_record import RunRecord
from domainstudio.project.project import Project
from domainstudio.recipe.laboratory import Measured
from domainstudio.workflow.export.blending import BLEND
from domainstudio.workflow.overview import JobList, running
from domainstudio.workflow.protection.laboratory import plan_laboratory, start_laboratory
from domainstudio.workflow.protection.laboratory_job import ARM, failure, measured
from domainstudio.workflow.protection.laboratory_table import verdict_words
from domainstudio.workflow.protection.protecting import read_facts
from domainstudio.workflow.running import resume

pytestmark = pytest.mark.usefixtures("warm_start")

SHORT = ["--tokens=1280", "--from=train-1"]


@pytest.fixture
def project(trained_project: Path, tmp_path: Path) -> Path:
    """A project with a base to start from, which the test may change."""
    return Path(shutil.copytree(trained_project, tmp_path / "small"))


def by_method(document: Any) -> dict[tuple[str, int], Any]:
    return {(one["method"], one["seed"]): one for one in document["measured"]}


def test_runs_differ_in_their_method_alone(project: Path) -> None:
    with Project(project) as opened:
        work = plan_laboratory(opened, ["naive", "replay:0.2", "ewc"], seeds=2, tokens=1280, origin="train-1")
    control, naive, replay, ewc = (one.run for one in work.runs)
    assert {one.steps for one in (control, naive, replay, ewc)} == {10}
    shares = [{source.name: source.share for source in one.sources} for one in (control, naive, replay, ewc)]
    assert shares == [{"general": 1}, {"domain": 1}, {"general": 0.2, "domain": 0.8}, {"domain": 1}]
    assert ewc.recipe.stage.spring == "ewc" and ewc.general_text and not naive.general_text
    assert len({one.recipe.as_trained() for one in (control, naive, replay, ewc)}) == 1


def test_every_method_finds_its_place_and_nothing_is_measured_twice(project: Path, command: Command) -> None:
    first = command("laboratory", "run", project, *SHORT, "--methods=naive", "--seeds=1")["result"]
    found = by_method(first)
    assert list(found) == [("control", 0), ("naive", 0)] and "One seed" in first["verdict"][-1]

    more = command("laboratory", "run", project, *SHORT, "--methods=replay:0.5,naive", "--seeds=2")["result"]
    assert {key for key, one in by_method(more).items() if one == found.get(key)} == {
        ("control", 0),
        ("naive", 0),
    }
    assert [(row["method"], row["seeds"]) for row in more["rows"]] == [("replay:0.5", 2), ("naive", 2)]
    assert all(row["gain"]["half"] > 0 and row["memory_bytes"] for row in more["rows"]) and more["verdict"]
    assert command("laboratory", "table", project)["rows"] == more["rows"]

    assert not _arms(project) and not _launchers(project)
    assert [run["run"] for run in command("runs", "list", project)] == ["train-1"]
    with Project(project) as opened:
        recipe = plan_laboratory(opened, [], seeds=1, tokens=1280, origin="train-1").runs[0].run.recipe
    same = ["--arm=naive", "--set=steps=10", "--set=probe_every=10"]
    same.append(f"--set=warmup_share={recipe.stage.warmup_share}")
    command("train", "start", project, "--from=train-1", *same)
    after = command("evaluation", "table", project, "train-2")["sources"]
    assert [loss["nats"] for loss in found["naive", 0]["losses"]] == [change["nats"] for change in after]

    command("runs", "delete", project, "train-1")  # what was measured of runs from it stays to be read
    assert command("laboratory", "table", project)["rows"] == more["rows"]
    with Project(project) as opened:
        facts = read_facts(opened)
    assert facts.shown is not None and facts.shown.extra_bytes["replay:0.5"] == 0


def test_stopped_in_the_middle_it_goes_on_and_comes_to_the_same(
    project: Path, command: Command, refused: Command
) -> None:
    with Project(project) as opened:
        work = plan_laboratory(opened, ["naive"], seeds=1, tokens=1280, origin="train-1")
        folder = start_laboratory(opened, work)
        wait_until(lambda: measured(folder) and any(_is_training(each) for each in _arms(project)), 120)
        rows = JobList(opened).refresh()
        assert not {row.kind for row in rows} & {"arm", "blend"}, "its runs are its own affair"
        (shown,) = running(rows)
        assert shown.kind == "laboratory" and shown.total == 20
        folder.ask_to_stop()
        wait_until(lambda: folder.status() == "stopped", 60)
        assert not any(_is_training(each) for each in _arms(project))
        begun = measured(folder)
        (_method, _seed, first), *_rest = work.wanted()
        mark = {"laboratory": folder.job_id, "method": begun[0].method}
        create_job(
            opened.jobs, "arm", ARM.program, first.model_copy(update=mark)
        )  # measured, and not removed yet
        assert "laboratory-1" in refused("runs", "delete", project, "train-1")
        resume(folder)
        wait_until(lambda: folder.status() == "done", 120)
        assert measured(folder)[: len(begun)] == begun and not _arms(project)
    shutil.copytree(project, project.with_name("again"))
    shutil.rmtree(project.with_name("again") / "jobs" / "laboratory-1")
    again = command("laboratory", "run", project.with_name("again"), *SHORT, "--methods=naive", "--seeds=1")
    losses = {key: one["losses"] for key, one in by_method(again["result"]).items()}
    assert {
        (one.method, one.seed): [loss.model_dump() for loss in one.losses] for one in measured(folder)
    } == losses


def _arms(project: Path) -> list[JobFolder]:
    return list(list_jobs(project / "jobs", "arm"))


def _launchers(project: Path) -> list[psutil.Process]:
    """Return the processes that work on runs of a laboratory, whose folders are gone by now."""
    marked = (
        each
        for each in psutil.process_iter(["cmdline"])
        if str(project) in " ".join(each.info["cmdline"] or [])
    )
    return [each for each in marked if "/arm-" in " ".join(each.info["cmdline"])]


def _is_training(folder: JobFolder) -> bool:
    return folder.status() == "running"


def test_a_method_that_failed_is_named_with_its_reason(project: Path) -> None:
    with Project(project) as opened:
        work = plan_laboratory(opened, ["naive"], seeds=1, tokens=1280, origin="train-1")
    params = {"source": "general", "step": 7}
    failed = Measured(method="naive", seed=0, problem="training.no_number", params=params)
    words = verdict_words(work, [failed])
    assert (
        "Unprotected" not in words[0]
        and "Unprotected with seed 0 failed" in words[-1]
        and "general" in words[-1]
    )


def test_blends_that_could_not_be_measured_say_why(tmp_path: Path) -> None:
    folder = create_job(tmp_path, BLEND.name, BLEND.program, Empty())
    bodies = [
        Start(0),
        JobProblem("training.no_number", None, {"source": "general", "step": 7}),
        State("failed"),
    ]
    lines = [encode(Event(number, 1, 1.0, body)) for number, body in enumerate(bodies, 1)]
    folder.events_file.write_bytes(b"".join(lines))
    record = RunRecord(pid=1, group=1, started=0.0, host="elsewhere", events_offset=0)
    folder.run_file.write_text(record.model_dump_json())
    found = failure(folder, 2, ["interpolation:0.3", "interpolation:0.6"])
    assert [one.method for one in found] == ["interpolation:0.3", "interpolation:0.6"]
    assert {(one.seed, one.problem, one.losses) for one in found} == {(2, "training.no_number", ())}


class Empty(BaseModel):
    """No work."""


def test_a_random_base_and_an_unknown_method_are_refused(project: Path, command: Command) -> None:
    for words, part in (
        ([], "nothing to forget"),
        (["--from=train-1", "--methods=magic"], "magic"),
        (["--from=train-1", "--seeds=0"], "seeds"),
    ):
        assert run_command(["laboratory", "plan", str(project), *words]) == 2, part
    assert run_command(["laboratory", "table", str(project)]) == 2
    assert command("laboratory", "plan", project, *SHORT)["work"]["seeds"] == 3
