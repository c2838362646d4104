"""A planned run of a real project: its arithmetic, its command, and what is doubtful about it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Command

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Probe, Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.worker import Worker
from domainstudio.problems import UserError, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.planning import set_recipe
from domainstudio.workflow.training import planned as planning_of_runs
from domainstudio.workflow.training.advice import Advice, advice
from domainstudio.workflow.training.planned import PlannedRun, RunChoice, command_line, origins, planned
from domainstudio.workflow.training.starting import TRAIN

pytestmark = pytest.mark.usefixtures("warm_start")


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


def codes(found: list[Advice]) -> list[str]:
    return [one.problem.code for one in found]


def made(project: Project, spec: RunSpec, state: str = "done", **points: float) -> JobFolder:
    """Leave a run that ended without a process of its own."""
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    worker = Worker(folder)
    for step in range(1, 4):
        worker.emit(Step(step, step * 128, 5.0, 1e-3, 1.0, points.get("speed", 1000.0), 1))
    worker.finish(state)  # type: ignore[arg-type]
    return folder


def with_checkpoint(folder: JobFolder, step: int, size_bytes: int = 1000) -> None:
    """Leave a checkpoint with a safetensors header of 42 parameters."""
    model = folder.result / "checkpoints" / f"step-{step:08d}" / "model"
    model.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [6, 7], "data_offsets": [0, 168]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\0" * 168
    config = json.dumps({"model_type": "llama", "vocab_size": 512, "max_position_embeddings": 2048})
    (model / "model.safetensors").write_bytes(weights)
    (model / "config.json").write_text(config)
    (model.parent / "optimizer").write_bytes(b"\0" * (size_bytes - len(weights) - len(config)))


def test_the_arithmetic_is_that_of_the_run(project: Project) -> None:
    set_recipe(project, {"checkpoint_every": "50", "probe_every": "60"})
    run = planned(project, RunChoice())
    assert (run.spec.steps, run.tokens, run.recipe.tokens_per_step()) == (160, 160 * 128, 128)
    assert (run.warmup_steps, run.probes, run.checkpoints, run.kept) == (10, 4, 4, 2)
    assert run.parameters == run.deepspeed["zero_optimization"]["reduce_bucket_size"]
    assert run.checkpoint_bytes == 20 * run.parameters and not run.checkpoint_is_measured
    assert run.disk_bytes == 3 * run.checkpoint_bytes and run.speed is None
    assert run.epochs["domain"] == pytest.approx(0.356, abs=0.01)


def test_the_command_is_what_the_command_line_takes(tmp_path: Path) -> None:
    assert command_line(tmp_path / "p", RunChoice()) == f"domainstudio train start {tmp_path / 'p'}"
    choice = RunChoice(origin="train-2@40", mixture="half and half", arm="control")
    words = command_line(Path("/a b"), choice)
    assert words == (
        "domainstudio train start '/a b' --from train-2@40 --mixture 'half and half' --arm control"
    )


def test_a_run_that_cannot_start_says_why(project: Project) -> None:
    with pytest.raises(UserError, match="mine"):
        planned(project, RunChoice(mixture="mine"))
    with pytest.raises(UserError, match="train-7"):
        planned(project, RunChoice(origin="train-7"))


def test_a_missing_control_is_named_until_there_is_one(project: Project) -> None:
    run = planned(project, RunChoice())
    found = advice(project, run)
    assert codes(found) == ["advice.no_control"] and found[0].remedy == "control"
    control = planned(project, RunChoice(arm="control"))
    assert codes(advice(project, control)) == []
    made(project, control.spec)
    assert codes(advice(project, run)) == []
    set_recipe(project, {"accepted_forgetting": "0.2"})
    assert codes(advice(project, planned(project, RunChoice()))) == []
    set_recipe(project, {"seed": "5"})
    assert codes(advice(project, planned(project, RunChoice()))) == ["advice.no_control"]


def test_without_general_text_that_comes_first_and_a_control_is_not_asked_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(project, RunChoice())
    project.connection.execute("UPDATE sources SET role = 'task' WHERE name = 'general'")
    found = advice(project, run)
    assert codes(found) == ["forgetting.not_measurable"] and found[0].remedy == "corpus"


def test_speed_and_checkpoint_size_come_from_the_last_run_like_it(project: Project) -> None:
    run = planned(project, RunChoice())
    made(project, run.spec, speed=800.0)
    with_checkpoint(made(project, run.spec, speed=900.0), 3, 5000)
    other = run.spec.model_copy(update={"recipe": run.spec.recipe.model_copy(update={"precision": "bf16"})})
    made(project, other, speed=10.0)
    again = planned(project, RunChoice())
    assert again.speed is not None
    assert (again.speed.run, again.speed.tokens_per_second) == ("train-2", 900.0)
    assert (again.checkpoint_bytes, again.checkpoint_is_measured) == (5000, True)


def test_going_on_from_a_run_on_its_own_text_is_doubted(project: Project) -> None:
    first = planned(project, RunChoice())
    with_checkpoint(made(project, first.spec), 160)
    assert origins(project) == ["base", "train-1@160"]
    again = planned(project, RunChoice(origin="train-1@160"))
    assert again.parameters == 42
    found = {one.problem.code: one for one in advice(project, again)}
    assert "domain" in sentence(found["advice.same_text"].problem)
    assert found["advice.same_text"].remedy == "base"
    with_checkpoint(made(project, first.spec, "stopped"), 3)
    with pytest.raises(UserError, match="runs resume"):
        planned(project, RunChoice(origin="train-2"))


def test_re_warming_is_advised_by_tokens_and_by_the_shift_that_a_run_measured(
    project: Project, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planned(project, RunChoice()).rewarming is None, "random weights have nothing to forget"
    with_checkpoint(made(project, planned(project, RunChoice()).spec), 160)
    choice = RunChoice(origin="train-1@160")
    plain = planned(project, choice)
    assert plain.rewarming is not None and plain.rewarming.shift is None
    assert plain.rewarming.highest == pytest.approx(1e-4) and plain.rewarming.least_warmup == 8
    measuring = create_job(project.jobs, TRAIN.name, TRAIN.program, plain.spec)
    measuring.record_process(os.getpid(), 0)
    worker = Worker(measuring)
    for source, bits in (("general", 1.0), ("domain", 1.4)):
        worker.emit(Probe(0, source, source, 2.0, bits, 100, 200))
    worker.emit(Step(1, 128, 5.0, 1e-3, 1.0, 1.0, 1))
    worker.emit(Probe(1, "domain", "domain", 2.0, 9.0, 100, 200))
    worker.finish("done")
    moved = planned(project, choice)
    assert moved.rewarming is not None and moved.rewarming.shift == pytest.approx(0.4)
    assert moved.rewarming.highest == pytest.approx(3e-4)
    assert run_command(["recipe", "plan", str(project.path), "--from", "train-1@160"]) == 0
    said = capsys.readouterr().out
    assert all(words in said for words in ("2e-5 to 3e-4", "2308.04014", "2407.07263", "+0.400 bits a byte"))


def test_checkpoints_that_do_not_fit_are_the_gravest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning_of_runs, "free_bytes", lambda _: 7)
    run: PlannedRun = planned(project, RunChoice())
    found = advice(project, run)
    assert codes(found)[0] == "advice.disk" and found[0].severity == "problem"
    assert "7 B free" in sentence(found[0].problem)


def test_the_plan_is_said_by_command(
    small_project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    document = command("recipe", "plan", small_project, "--arm", "naive")
    assert document["plan"]["spec"]["arm"] == "naive" and document["plan"]["tokens"] == 20480
    assert [one["problem"]["code"] for one in document["advice"]] == ["advice.no_control"]
    assert document["plan"]["command"].endswith("--arm naive")
