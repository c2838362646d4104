"""The guard of a run: every action of the budget and the plateau playbook, and going on bit for bit."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import KEPT, best_of, latest_checkpoint, list_checkpoints, mark_best
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.trainer.guard import Guard, GuardState
from domainstudio.trainer.reporter import Reporter
from domainstudio.workflow.protection.canaries import OWN
from domainstudio.workflow.training.starting import curves_of, find_checkpoint, freeze, resumption

pytestmark = pytest.mark.usefixtures("warm_start")

SILENT = Reporter(None)
WILD = ["--set=learning_rate=5e-2", "--set=probe_every=2", "--set=checkpoint_every=1000"]
"""A rate at which a small base forgets within two steps."""


@pytest.fixture(scope="module")
def based(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run on general text, train-1, of which a tenth is general text from then on."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("guard") / "small"))
    settings = ["steps=24", "learning_rate=3e-3", "probe_every=1000", "checkpoint_every=1000"]
    assert run_command(["train", "start", str(project), "--arm=control",
                        *(f"--set={one}" for one in settings)]) == 0  # fmt: skip
    shares = ["--share", "general=0.1", "--share", "domain=0.9", "--tokens", "20480"]
    assert run_command(["mixture", "set", str(project), *shares]) == 0
    facts = [{"prompt": f"{one} and", "right": " then", "wrong": [" now", " never"]} for one in "abc"]
    (project / OWN).write_text("\n".join(map(json.dumps, facts)), encoding="utf-8")
    return project


def newest(project: Path) -> JobFolder:
    return JobFolder(max((project / "jobs").glob("train-*"), key=lambda job: int(job.name[6:])))


def weights(folder: JobFolder) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(folder.result)
    assert checkpoint is not None
    return load_file(checkpoint.model / "model.safetensors")


def done(curves: Curves) -> list[tuple[int, str]]:
    return [(one.step, one.what) for one in curves.interventions]


def whole_and_halted(
    based: Path, command: Command, settings: list[str], sign: str
) -> tuple[Curves, JobFolder]:
    """Run undisturbed, and paused after a sign in its events and resumed: both must be alike bit for bit."""
    command("train", "start", based, "--from=train-1", *settings)
    whole = newest(based)
    command("train", "start", based, "--from=train-1", *settings, "--detach")
    halted = newest(based)
    wait_until(lambda: sign in halted.events_file.read_text(), 240)
    command("runs", "pause", based, halted.job_id)
    wait_until(lambda: halted.status() in ("stopped", "done"), 240)
    assert halted.status() == "stopped"
    with Project(based) as project:
        said = resumption(project, halted.job_id)
    command("runs", "resume", based, halted.job_id)
    one, other = curves_of(whole), curves_of(halted)
    assert other.attempts == 2
    assert one.interventions == other.interventions and one.probes == other.probes
    assert one.canaries == other.canaries
    for name in ("loss", "learning_rate"):
        assert one.steps.column(name).tolist() == other.steps.column(name).tolist()
    assert said.learning_rate == one.steps.column("learning_rate")[said.step - 1]
    expected, resumed = weights(whole), weights(halted)
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    return one, whole


def test_a_run_goes_on_bit_for_bit_after_its_replay_was_raised(based: Path, command: Command) -> None:
    """On two ranks, which act alike."""
    settings = [
        *WILD, "--set=steps=13", "--set=warmup_steps=2", "--set=processes=2", "--set=canaries=own",
        "--set=accepted_forgetting=0.1", "--set=on_budget=replay",
    ]  # fmt: skip
    curves, _folder = whole_and_halted(based, command, settings, '"what":"replay"')
    assert done(curves)[:2] == [(2, "alarm"), (2, "replay")] and curves.interventions[1].value == 0.2
    assert curves.canaries[0].total == 3


def test_on_a_plateau_the_plays_follow_each_other_and_one_can_go_back_to_each(
    based: Path, command: Command
) -> None:
    """At no rate to speak of nothing is gained; dropout is changed on the way."""
    settings = [
        "--set=learning_rate=1e-9", "--set=steps=40", "--set=warmup_steps=0", "--set=probe_every=2",
        "--set=checkpoint_every=1000", "--set=dropout=0", "--set=on_plateau=act", "--set=plateau_probes=3",
    ]  # fmt: skip
    curves, folder = whole_and_halted(based, command, settings, '"what":"dropout"')
    assert done(curves) == [(8, "rate"), (14, "rate"), (14, "dropout"), (20, "rate"), (26, "end")]
    assert folder.status() == "done" and curves.step_reached() == 26
    rates = curves.steps.column("learning_rate")
    recipe = folder.spec().work["recipe"]
    scheduled = [Recipe.model_validate(recipe).stage.learning_rate_at(step, 40) for step in range(1, 27)]
    factors = [round(rate / usual, 6) for rate, usual in zip(rates.tolist(), scheduled, strict=True)]
    assert factors == [1.0] * 8 + [0.666667] * 6 + [0.333333] * 6 + [0.166667] * 6
    kept = {found.step for found in list_checkpoints(folder.result) if (found.path / KEPT).exists()}
    assert kept == {8, 14, 20, 26}


def test_a_run_that_forgets_too_much_is_paused_and_goes_on_when_a_person_wants_it(
    based: Path, command: Command
) -> None:
    settings = ["--set=steps=8", "--set=warmup_steps=2", "--set=accepted_forgetting=0.1"]
    assert run_command(["train", "start", str(based), "--from=train-1", *WILD, *settings,
                        "--set=on_budget=pause"]) == 0  # fmt: skip
    folder = newest(based)
    curves = curves_of(folder)
    assert folder.status() == "stopped" and done(curves)[-1] == (curves.step_reached(), "pause")
    checkpoint = latest_checkpoint(folder.result)
    assert checkpoint is not None and checkpoint.step == curves.step_reached() < 8
    command("runs", "resume", based, folder.job_id)
    assert folder.status() == "done" and curves_of(folder).step_reached() == 8


def test_the_guard_ends_a_run_and_the_best_checkpoint_is_its_result(
    based: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [
        "--set=steps=16",
        "--set=warmup_steps=6",
        "--set=accepted_forgetting=1.0",
        "--set=on_budget=keep",
    ]
    assert run_command(["train", "start", str(based), "--from=train-1", *WILD, *settings]) == 0
    folder, words = newest(based), capsys.readouterr().out
    curves, best = curves_of(folder), best_of(folder.result)
    assert folder.status() == "done" and best is not None and best.is_result
    end = curves.interventions[-1]
    assert (end.what, end.value) == ("end", best.step) and end.step == curves.step_reached() < 16
    assert f"its result is step {best.step}" in words
    domain = {point.step: point.nats_per_token for point in curves.probes if point.role == "domain"}
    base = next(point.nats_per_token for point in curves.probes if point.role == "general")
    within = [
        point.step
        for point in curves.probes
        if point.role == "general" and point.step and point.nats_per_token - base <= 1.0
    ]
    assert best.step == min(within, key=lambda step: domain[step])
    assert find_checkpoint(folder).step == best.step < end.step
    newest_one = latest_checkpoint(folder.result)
    assert newest_one is not None and newest_one.step == end.step
    with Project(based) as project:
        spec, _processes = freeze(project, folder.job_id, "default", "default", {}, "treated")
        assert spec.model.step == best.step

    lines = folder.events_file.read_bytes().splitlines(keepends=True)
    folder.events_file.write_bytes(b"".join(lines[:-1]))
    mark_best(folder.result, best.step)
    wait_until(lambda: folder.status() == "interrupted", 120)  # as if killed before its last word
    command("runs", "resume", based, folder.job_id)
    assert folder.status() == "done" and curves_of(folder).step_reached() == end.step
    assert best_of(folder.result) == best and curves_of(folder).interventions[-1] == end


def guard_of(project: Path, **settings: str) -> Guard:
    with Project(project) as opened:
        spec, _processes = freeze(opened, "base", "default", "default", settings, "treated")
    guard = Guard(spec, None)
    guard.begin({"general": 4.0, "domain": 5.0}, [], SILENT)
    return guard


def at(guard: Guard, step: int, general: float, domain: float = 5.0, *, is_saved: bool = True) -> bool:
    verdict = guard.judge(step, {"general": general, "domain": domain}, [], SILENT, is_last=False)
    return guard.settle(verdict, SILENT, is_saved=is_saved)


def test_the_rate_is_halved_from_the_next_step_on_once_the_schedule_falls(packed_project: Path) -> None:
    guard = guard_of(packed_project, on_budget="rate", steps="100", warmup_steps="10")
    usual = guard_of(packed_project, steps="100", warmup_steps="10")
    at(guard, 5, 4.2)
    assert guard.learning_rate(6) == usual.learning_rate(6), "the rate still rises"
    at(guard, 20, 4.2)
    assert guard.learning_rate(20) == usual.learning_rate(20)
    assert guard.learning_rate(21) == 0.5 * usual.learning_rate(21)
    kept = GuardState.model_validate_json(guard.state.model_dump_json())
    assert kept == guard.state
    constant = guard_of(packed_project, on_budget="rate", steps="100", schedule="constant")
    at(constant, 50, 4.2)
    assert constant.learning_rate(51) == constant.learning_rate(49)


def test_a_play_waits_for_its_checkpoint_and_a_best_without_one_is_none(packed_project: Path) -> None:
    guard = guard_of(packed_project, on_plateau="act", plateau_probes="1", accepted_forgetting="none")
    at(guard, 20, 4.0)
    assert not at(guard, 30, 4.0, is_saved=False) and not guard.state.interventions
    assert at(guard, 40, 4.0) and guard.learning_rate(41) < guard_of(packed_project).learning_rate(41)
    keeper = guard_of(packed_project, on_budget="keep")
    at(keeper, 20, 4.0, 4.9)
    at(keeper, 30, 4.0, 4.8, is_saved=False)
    assert keeper.state.watch.best_step == 20


def test_a_control_is_guarded_by_nobody_and_compared_with_a_run_that_is() -> None:
    guarded = change(Recipe(), {"on_budget": "rate", "on_plateau": "act", "canaries": "en",
                                "accepted_percent": "3", "canaries_kept": "0.9"})  # fmt: skip
    control = guarded.unprotected()
    assert (control.on_budget, control.on_plateau, control.canaries) == ("alarm", "off", "en")
    assert control.as_trained() == guarded.as_trained() == Recipe().as_trained()
