"""Blends of a real run that continued from another: measured as the run probed itself, chosen, exported."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Progress
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import follow, read_events
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.blend import Blend
from domainstudio.tokenizer import vocabulary
from domainstudio.workflow.export.blend_words import name_of, verdict_words
from domainstudio.workflow.export.blending import newest_rows, points_of, rows_of, start_blending
from domainstudio.workflow.export.exporting import card_preview
from domainstudio.workflow.training.starting import curves_of, run_spec

pytestmark = pytest.mark.usefixtures("warm_start")

SETTINGS = ["steps=20", "probe_every=10", "checkpoint_every=5", "keep_checkpoints=3", "learning_rate=3e-3"]


@pytest.fixture(scope="module")
def continued(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained project with train-2, which continued from train-1, and its control train-3."""
    project = Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("continued") / "small"))
    for arm in ("naive", "control"):
        arguments = ["train", "start", str(project), "--from", "train-1", "--arm", arm]
        assert run_command([*arguments, *(f"--set={setting}" for setting in SETTINGS)]) == 0
    return project


@pytest.fixture
def project(continued: Path) -> Iterator[Project]:
    with Project(continued) as opened:
        yield opened


def finish(folder: JobFolder) -> JobFolder:
    for _event in follow(folder):
        continue
    assert folder.status() == "done", folder.log_file.read_text()
    return folder


@pytest.fixture(scope="module")
def measured(continued: Path) -> JobFolder:
    with Project(continued) as project:
        return finish(start_blending(project, "train-2"))


def test_the_ends_measure_what_the_run_probed(project: Project, measured: JobFolder) -> None:
    points = points_of(measured)
    assert [point.blend.amount for point in points[:-1]] == [place / 10 for place in range(11)]
    assert (points[-1].blend.kind, points[-1].blend.amount) == ("average", 3)
    probes = curves_of(project.job("train-2")).probes
    for point, step in ((points[0], 0), (points[10], 20)):
        probed = {probe.source: probe for probe in probes if probe.step == step}
        assert {loss.source for loss in point.losses} == probed.keys() == {"general", "domain"}
        for loss in point.losses:
            assert loss.nats_per_token == pytest.approx(probed[loss.source].nats_per_token, abs=1e-5)
            assert loss.bits_per_byte == pytest.approx(probed[loss.source].bits_per_byte, abs=1e-5)
            assert loss.tokens == probed[loss.source].tokens
    inner = [point.losses for point in points[1:10]]
    assert len({losses[0].nats_per_token for losses in inner}) == 9, "every point is another model"
    told = [event.body for event in read_events(measured) if isinstance(event.body, Progress)]
    assert told[-1].done == told[-1].total > 0 and told[-1].phase == "measuring blends"


def test_each_point_is_set_against_the_base_and_the_control(project: Project, measured: JobFolder) -> None:
    rows = rows_of(project, measured)
    assert (rows[0].gain, rows[0].forgetting) == (0, 0) and rows[0].is_accepted
    assert all(row.outcome.forgetting_against_control is not None for row in rows)
    assert any(row.is_undominated for row in rows) and (rows[10].gain or 0) > 0
    assert name_of(rows[7]) == "train-2@20, 0.7 of the way"
    assert name_of(rows[11]) == "train-2@20, mean of steps 10, 15, 20"
    assert newest_rows(project, "train-2", 20) == rows and newest_rows(project, "train-2", 15) == []
    assert "of the way" in verdict_words(rows) or "whole way" in verdict_words(rows)


def test_what_was_measured_is_not_measured_again(project: Project, measured: JobFolder) -> None:
    assert start_blending(project, "train-2@20") == measured
    assert start_blending(project, "train-2", average=3) == measured, "as many as there are"


def test_exactly_the_chosen_blend_is_exported_and_its_card_says_so(
    project: Project, measured: JobFolder, tmp_path: Path, command: Command
) -> None:
    target = tmp_path / "out"
    command("export", "model", project.path, "train-2", target, "--blend", "0.6")
    models = [
        project.job(run).result / "checkpoints" / "step-00000020" / "model" / "model.safetensors"
        for run in ("train-1", "train-2")
    ]
    base, trained, made = map(load_file, (*models, target / "model.safetensors"))
    assert all(torch.equal(made[name], (1 - 0.6) * base[name] + 0.6 * trained[name]) for name in trained)
    card = (target / "README.md").read_text()
    assert "train-2 at step 20, 0.6 of the way from its base" in card
    assert "0.4 of the base train-1@20 and 0.6 of train-2@20" in card
    assert "weights of train-2@20 |" in card and "weights of the base train-1@20 |" in card
    row = rows_of(project, measured)[6]
    assert f"| domain gain | {row.gain:+.3f} |".replace("-", "−") in card.replace("-", "−")
    preview = card_preview(project, "train-2", Blend(kind="interpolation", amount=0.6))
    assert preview.split("## Made from")[0] == card.split("## Made from")[0]


def test_averages_and_points_nobody_measured_are_exported_too(
    project: Project, tmp_path: Path, command: Command
) -> None:
    command("export", "model", project.path, "train-2@15", tmp_path / "mean", "--average", "9")
    card = (tmp_path / "mean" / "README.md").read_text()
    assert "the mean of the checkpoints of steps 10, 15" in card and "Not measured for this blend." in card
    other = project.job("train-3")
    chat = tmp_path / "assistant"
    shutil.copytree(other.result / "checkpoints" / "step-00000020" / "model", chat)
    vocabulary.copy(other.reach(run_spec(project, "train-3").tokenizer), chat)
    (chat / "chat_template.jinja").write_text("{{ messages }}")
    target = tmp_path / "chat"
    command("export", "model", project.path, "train-2", target, "--chat", chat, "--strength", "0.5")
    assert "0.5 of the difference between assistant and the base" in (target / "README.md").read_text()
    assert (target / "chat_template.jinja").is_file(), "its template comes along with its own tokenizer"


def test_blends_by_command_with_a_chat_model(project: Project, command: Command) -> None:
    chat = project.job("train-3").result / "checkpoints" / "step-00000020" / "model"
    arguments = ("runs", "blend", project.path, "train-2", "--points", "3", "--average", "0", "--chat", chat)
    made = command(*arguments)
    assert [row["blend"]["amount"] for row in made["result"]] == [0, 0.5, 1, 0.5, 1]
    assert command(*arguments)["job"] == made["job"]


def test_the_table_names_the_point_to_take(
    project: Project, measured: JobFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["runs", "blend", str(project.path), "train-2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "Point" and lines[1].startswith("the base") and len(lines) == 14
    assert lines[-1] == verdict_words(rows_of(project, measured))


def test_what_cannot_be_blended_is_refused_with_its_reason(
    project: Project, refused: Command, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"train-1 started from random weights \(tiny\)"):
        start_blending(project, "train-1")
    assert points_of(finish(start_blending(project, "train-1", points=0)))[0].blend.amount == 2
    with pytest.raises(UserError, match="nothing to measure"):
        start_blending(project, "train-1@10", points=0)
    assert "random weights" in refused(
        "export", "model", project.path, "train-1", tmp_path / "x", "--blend", 0.5
    )
    assert "average takes two" in refused(
        "export", "model", project.path, "train-1@10", tmp_path / "x", "--average", 3
    )
    assert "share of the way" in refused(
        "export", "model", project.path, "train-2", tmp_path / "x", "--blend", 2
    )
    assert "2 to 101" in refused("runs", "blend", project.path, "train-2", "--points", 1)
    assert not (tmp_path / "x").exists()


def test_a_base_that_is_gone_is_named(project: Project) -> None:
    folder = project.job("train-1").result / "checkpoints" / "step-00000020"
    folder.rename(folder.with_name("elsewhere"))
    try:
        with pytest.raises(UserError, match="started from train-1@20, which is not there any more"):
            start_blending(project, "train-2", points=5)
        assert points_of(finish(start_blending(project, "train-2", points=0, average=2)))
    finally:
        folder.with_name("elsewhere").rename(folder)
