"""What a person asks of a run, obeyed by a trainer that plays the protocol; and its deletion."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import fake_trainer
import psutil
import pytest
from support import Command, wait_until

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import checkpoint_name, list_checkpoints
from domainstudio.jobs.events import Checkpoint, Probe, Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.worker import Worker
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin, RunSpec
from domainstudio.workflow.running import resume
from domainstudio.workflow.runs import asking
from domainstudio.workflow.training.starting import TRAIN, freeze, resumption

LONG = 10_000
Make = Callable[..., JobFolder]


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


@pytest.fixture
def make(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a run whose trainer is the fake one; nothing of it outlives the test."""
    monkeypatch.setattr(process, "command", fake_trainer.command)
    made: list[JobFolder] = []

    def new(origin: ModelOrigin | None = None, **behaviour: object) -> JobFolder:
        spec, _ = freeze(project, "base", "default", "default", {}, "treated")
        spec = spec.model_copy(update={"model": origin or spec.model})
        folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
        fake_trainer.Behaviour(**behaviour).write(folder)  # type: ignore[arg-type]
        made.append(folder)
        return folder

    yield new
    for folder in made:
        for left in psutil.process_iter(["cmdline"]):
            if str(folder.path) in (left.info["cmdline"] or []):
                with suppress(psutil.NoSuchProcess):
                    left.kill()


def steps(folder: JobFolder) -> list[int]:
    return [event.body.step for event in read_events(folder) if isinstance(event.body, Step)]


def begin(folder: JobFolder, step: int = 3) -> None:
    """Start a run and wait for a step."""
    before = len(steps(folder))
    process.start(folder)
    wait_until(lambda: len(steps(folder)) >= before + step, 20)


def ended(folder: JobFolder) -> str:
    wait_until(lambda: folder.status() not in ("running", "created"), 20)
    return folder.status()


def test_a_pause_ends_with_a_checkpoint_of_the_very_step(project: Project, make: Make) -> None:
    run = make(steps=LONG, seconds_per_step=0.005, checkpoint_every=LONG)
    begin(run)
    asking.pause(project, run.job_id)
    assert ended(run) == "stopped"
    assert list_checkpoints(run.result)[-1].step == steps(run)[-1]


def test_a_stop_makes_no_checkpoint_and_the_run_falls_back_to_its_last(project: Project, make: Make) -> None:
    run = make(steps=LONG, seconds_per_step=0.005, checkpoint_every=4)
    begin(run, 5)
    asking.stop(project, run.job_id)
    assert ended(run) == "stopped"
    on_disk, last = [each.step for each in list_checkpoints(run.result)], steps(run)[-1]
    assert on_disk == [step for step in range(4, last, 4)]
    begin(run, 2)
    again = [
        event.body.step for event in read_events(run) if event.attempt == 2 and isinstance(event.body, Step)
    ]
    assert again[0] == on_disk[-1] + 1


def test_stop_and_keep_probes_saves_and_counts_as_done(project: Project, make: Make) -> None:
    run = make(steps=LONG, seconds_per_step=0.005, checkpoint_every=LONG, probe_every=LONG)
    begin(run)
    asking.stop_and_keep(project, run.job_id)
    assert ended(run) == "done"
    last = steps(run)[-1]
    probed = {event.body.step for event in read_events(run) if isinstance(event.body, Probe)}
    assert last < LONG and list_checkpoints(run.result)[-1].step == last and probed == {0, last}
    with pytest.raises(UserError, match="done"):
        resume(run)


def test_a_run_without_a_checkpoint_is_said_to_begin_anew(project: Project, make: Make) -> None:
    """The command said that it goes on with its optimizer's memory and that nothing is warmed up again."""
    run = make(steps=LONG).job_id
    words = asking.resumption_words(run, resumption(project, run))
    assert words == f"{run} has no checkpoint: it begins anew, with the same text in the same order."


def test_a_checkpoint_now_is_written_once_and_the_run_goes_on(project: Project, make: Make) -> None:
    run = make(steps=LONG, seconds_per_step=0.005, checkpoint_every=LONG)
    begin(run)
    asking.checkpoint_now(project, run.job_id)
    wait_until(lambda: bool(list_checkpoints(run.result)), 20)
    (saved,) = list_checkpoints(run.result)
    wait_until(lambda: steps(run)[-1] >= saved.step + 5, 20)
    written = [event.body.step for event in read_events(run) if isinstance(event.body, Checkpoint)]
    assert written == [saved.step] and run.status() == "running"


def test_a_wish_for_a_checkpoint_does_not_take_back_a_stop(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.ask_to_stop("now")
    folder.ask_for_checkpoint()
    assert folder.take_request().stop == "now" and folder.stop_is_asked()


@pytest.mark.parametrize("text", ['{"stop": "politely"}', '{"later": true}', "[]", "{", ""])
def test_what_nobody_knows_is_no_request(tmp_path: Path, text: str) -> None:
    (tmp_path / "request.json").write_text(text)
    asked = JobFolder(tmp_path).take_request()
    assert asked.stop is None and not asked.checkpoint and not JobFolder(tmp_path).stop_is_asked()


@pytest.mark.parametrize("wish", [asking.pause, asking.stop, asking.stop_and_keep, asking.checkpoint_now])
def test_nothing_is_asked_of_a_run_that_does_not_run(
    project: Project, make: Make, wish: Callable[[Project, str], None]
) -> None:
    run = make()
    with pytest.raises(UserError, match="not running"):
        wish(project, run.job_id)
    assert not (run.path / "request.json").exists()


def finish(folder: JobFolder, state: str) -> None:
    """Let a run have ended without ever having run; its process is this one, which nothing here kills."""
    folder.record_process(os.getpid(), folder.events_size_bytes())
    Worker(folder).finish(state, 3)  # type: ignore[arg-type]


def started_from(project: Project, run: JobFolder) -> ModelOrigin:
    model = run.result / "checkpoints" / checkpoint_name(3) / "model"
    model.mkdir(parents=True)
    config = {"model_type": "llama", "vocab_size": 512, "max_position_embeddings": 2048}
    (model / "config.json").write_text(json.dumps(config))
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    relative = f"../{run.job_id}/{model.relative_to(run.path)}"
    return ModelOrigin(folder=relative, run=run.job_id, step=3)


def test_a_run_is_deleted_whole_and_its_number_is_not_given_again(project: Project, make: Make) -> None:
    run = make()
    finish(run, "done")
    (run.path / "big").write_bytes(b"#" * 50_000)
    size = asking.size_of(project, run.job_id)
    assert size > 50_000
    assert asking.delete(project, run.job_id) >= size
    assert [each.name for each in project.jobs.iterdir() if "train" in each.name] == []
    with pytest.raises(UserError, match="no job"):
        asking.delete(project, run.job_id)


def test_a_running_run_is_not_deleted(project: Project, make: Make) -> None:
    run = make(steps=LONG, seconds_per_step=0.005)
    begin(run, 1)
    with pytest.raises(UserError, match="pause or stop it"):
        asking.delete(project, run.job_id)
    assert run.path.is_dir()


def test_a_run_that_another_still_starts_from_stays_until_that_is_done(project: Project, make: Make) -> None:
    first = make()
    finish(first, "done")
    second = make(origin=started_from(project, first))
    finish(second, "stopped")
    with pytest.raises(UserError, match="train-2 is not finished and needs train-1"):
        asking.delete(project, first.job_id)
    finish(second, "done")
    asking.delete(project, first.job_id)
    assert not first.path.exists() and second.status() == "done"


def test_a_job_that_is_no_run_is_not_deleted(small_project: Path, refused: Command) -> None:
    packing = next(path.name for path in (small_project / "jobs").iterdir() if path.name.startswith("pack"))
    assert "no training run" in refused("runs", "delete", small_project, packing)
    assert "no training run" in refused("runs", "keep", small_project, packing)


def test_runs_are_asked_and_deleted_by_command(project: Project, make: Make, command: Command) -> None:
    run = make(steps=LONG, seconds_per_step=0.005, checkpoint_every=LONG)
    begin(run)
    command("runs", "checkpoint", project.path, run.job_id)
    wait_until(lambda: bool(list_checkpoints(run.result)), 20)
    command("runs", "keep", project.path, run.job_id)
    assert ended(run) == "done"
    freed = command("runs", "delete", project.path, run.job_id)
    assert freed["freed_bytes"] > 0 and not run.path.exists()


def test_a_run_that_hears_nothing_is_killed_by_command_only_when_that_is_said(
    project: Project, make: Make, command: Command
) -> None:
    folder = make(steps=LONG, seconds_per_step=0.01, is_deaf=True, children=2)
    begin(folder)
    for _ in range(2):
        assert command("runs", "stop", project.path, "train-1")["status"] == "running"
    begun = len(steps(folder))
    wait_until(lambda: len(steps(folder)) >= begun + 5, 20)
    assert command("runs", "stop", project.path, "train-1", "--kill")["status"] == "interrupted"
    assert process.processes_of(folder) == []


def test_an_early_end_that_was_kept_may_be_gone_on_from_on_the_same_text(
    project: Project, make: Make
) -> None:
    """Its schedule is over by a person's word; an unfinished one is to be resumed instead."""
    first = make()
    finish(first, "stopped")
    started_from(project, first)
    with pytest.raises(UserError, match="runs resume"):
        freeze(project, "train-1@3", "default", "default", {}, "treated")
    finish(first, "done")
    spec, _ = freeze(project, "train-1@3", "default", "default", {}, "treated")
    assert isinstance(spec, RunSpec) and spec.model.run == "train-1"
    assert json.loads((first.path / "spec.json").read_text())["work"]["steps"] == spec.steps
