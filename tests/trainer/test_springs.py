"""Springs pull at the fp32 weights of each rank as a term of the loss would, however DeepSpeed cuts them."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until
from trainer.script_ranks import said_by_first

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.events import Progress
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.workflow.corpus import sources

pytestmark = pytest.mark.usefixtures("warm_start")

FAST = ["--set=steps=12", "--set=checkpoint_every=1000", "--set=probe_every=1000"]


def compared(folder: Path, zero: int, precision: str, ranks: int) -> dict[str, tuple[float, float]]:
    """Return for each mode how far DeepSpeed's weights are from plain PyTorch's, and how far they moved."""
    folder.mkdir()
    found: dict[str, tuple[float, float]] = said_by_first("spring_ranks.py", ranks, folder, zero, precision)
    return found


@pytest.mark.parametrize("zero", [1, 2, 3])
def test_springs_equal_a_term_of_the_loss_in_plain_pytorch(zero: int, tmp_path: Path) -> None:
    found = compared(tmp_path / "meet", zero, "fp32", 2)
    for mode, (apart, moved) in found.items():
        assert moved > 0.05 and apart < 1e-6, mode


@pytest.mark.parametrize("zero", [1, pytest.param(3, marks=pytest.mark.long)])
def test_springs_of_a_bf16_model_act_on_its_fp32_weights(zero: int, tmp_path: Path) -> None:
    found = compared(tmp_path / "meet", zero, "bf16", 2)
    for mode, (apart, moved) in found.items():
        assert apart < 0.03 * moved, mode


def weights(project: Path, run: str) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(project / "jobs" / run / "result")
    assert checkpoint is not None
    return load_file(checkpoint.model / "model.safetensors")


@pytest.fixture(scope="module")
def based(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a short run, train-1, from which others start."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("springs") / "small"))
    assert run_command(["train", "start", str(project), *FAST]) == 0
    return project


def far(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return sum(float((one[name].float() - other[name].float()).square().sum()) for name in one) ** 0.5


def test_an_endless_spring_leaves_the_weights_where_they_were(based: Path, command: Command) -> None:
    base, moved = weights(based, "train-1"), []
    endless = ["--set=spring=l2-sp", "--set=spring_mode=decoupled", "--set=spring_strength=1e12"]
    for run, settings in (("train-2", []), ("train-3", endless)):
        command("train", "start", based, "--from=train-1", *FAST, *settings)
        moved.append(far(base, weights(based, run)))
    assert moved[1] < 1e-6 * moved[0]


@pytest.mark.parametrize("spring", ["ewc", "hierarchical"])
def test_importance_is_measured_on_general_text_and_kept_by_parameter(
    based: Path, command: Command, spring: str
) -> None:
    command("train", "start", based, "--from=train-1", *FAST, f"--set=spring={spring}",
            "--set=importance_sequences=16")  # fmt: skip
    run = sorted((based / "jobs").glob("train-*"), key=lambda job: int(job.name[6:]))[-1]
    events = [event.body for event in read_events(JobFolder(run))]
    told = [body for body in events if isinstance(body, Progress) and body.phase == "measuring importance"]
    assert told and told[-1].done == told[-1].total == 16 and told[-1].unit == "sequences"
    kept, model = load_file(run / "result" / "importance.safetensors"), weights(based, run.name)
    assert all(kept[name].shape == model[name].shape for name in kept) and len(kept) > 10
    everything = torch.cat([values.reshape(-1) for values in kept.values()])
    assert float(everything.double().mean()) == pytest.approx(1, rel=1e-3) and float(everything.min()) >= 0


def test_a_run_with_springs_is_resumed_bit_for_bit(based: Path, command: Command) -> None:
    settings = ["--set=spring=ewc", "--set=importance_sequences=8", "--set=steps=40", "--set=processes=2",
                "--set=checkpoint_every=1000", "--set=probe_every=1000", "--set=precision=bf16",
                "--set=learning_rate=1e-5"]  # fmt: skip
    command("train", "start", based, "--from=train-1", *settings)
    whole = sorted((based / "jobs").glob("train-*"), key=lambda job: int(job.name[6:]))[-1]
    command("train", "start", based, "--from=train-1", *settings, "--detach")
    halted = based / "jobs" / f"train-{int(whole.name[6:]) + 1}"
    folder = JobFolder(halted)
    wait_until(lambda: '"kind":"step"' in folder.events_file.read_text(), 120)
    command("runs", "pause", based, halted.name)
    wait_until(lambda: folder.status() == "stopped", 120)
    halfway = latest_checkpoint(halted / "result")
    assert halfway is not None and halfway.step < 40
    command("runs", "resume", based, halted.name)
    undisturbed, resumed = weights(based, whole.name), weights(based, halted.name)
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)
    assert far(undisturbed, weights(based, "train-1")) > 0


def test_a_control_has_no_springs_and_is_compared_with_a_run_that_has() -> None:
    sprung = change(Recipe(), {"spring": "l2-sp", "spring_strength": "3", "dropout": "0.1"})
    assert sprung.unprotected() == change(Recipe(), {"dropout": "0.1"})
    assert sprung.as_trained() == change(Recipe(), {"dropout": "0.1"}).as_trained()


def test_importance_without_general_text_is_refused_before_the_start(
    packed_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Path(shutil.copytree(packed_project, tmp_path / "small"))
    with Project(project) as opened:
        sources.set_role(opened, "general", "domain")
    assert run_command(["train", "start", str(project), "--set=spring=ewc"]) == 2
    assert "general text" in capsys.readouterr().err
