"""Settings of a recipe as a real run obeys them: batch warm-up, recomputation, ZeRO and precision."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command

from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.workflow.training.starting import curves_of

pytestmark = pytest.mark.usefixtures("warm_start")

STEPS = 6


def run(project: Path, command: Command, *settings: str) -> Curves:
    """Train a few steps and return the curves."""
    command("mixture", "set", project, "--share", "domain=1", "--tokens", "40k", "--max-epochs", "4")
    started = command("train", "start", project, *(f"--set={text}" for text in (f"steps={STEPS}", *settings)))
    return curves_of(JobFolder(project / "jobs" / started["job"]))


def weights(project: Path, run: str) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(project / "jobs" / run / "result")
    assert checkpoint is not None
    return load_file(checkpoint.model / "model.safetensors")


def losses(curves: Curves) -> list[float]:
    return curves.steps.column("loss").tolist()


def test_the_batch_grows_and_every_token_is_counted_once(small_project: Path, command: Command) -> None:
    curves = run(small_project, command, "gradient_accumulation=4", "batch_warmup_steps=4")
    seen = [0, *curves.steps.column("tokens").tolist()]
    of_a_micro_batch = 2 * 64
    grown = [(after - before) // of_a_micro_batch for before, after in zip(seen, seen[1:], strict=False)]
    assert grown == [1, 2, 3, 4, 4, 4]
    again = run(small_project, command, "gradient_accumulation=4", "batch_warmup_steps=4")
    assert losses(again) == losses(curves)


def test_recomputing_activations_changes_nothing(small_project: Path, command: Command) -> None:
    kept = run(small_project, command, "dropout=0.1")
    recomputed = run(small_project, command, "dropout=0.1", "activation_checkpointing=true")
    assert losses(recomputed) == pytest.approx(losses(kept), abs=1e-5)


def test_zero_stages_precision_and_ranks_agree(small_project: Path, command: Command) -> None:
    """Two ranks see the same sequences as one rank with twice the micro-batch, whatever ZeRO spreads."""
    one = run(small_project, command, "dropout=0", "micro_batch=4")
    two = run(small_project, command, "dropout=0", "micro_batch=2", "processes=2", "zero_stage=2")
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    three = run(small_project, command, "dropout=0", "processes=2", "zero_stage=3", "precision=bf16")
    assert losses(three) == pytest.approx(losses(one), abs=0.03)
    whole, gathered = (weights(small_project, run) for run in ("train-1", "train-3"))
    assert {name: value.shape for name, value in whole.items()} == {n: v.shape for n, v in gathered.items()}
    assert all(torch.allclose(whole[name], gathered[name].float(), atol=0.02) for name in whole)
    assert [probe.source for probe in three.probes] == ["general", "domain"] * 2


def test_an_unfinished_run_is_resumed_and_not_warmed_up_on_the_same_text(
    small_project: Path, command: Command, refused: Command
) -> None:
    """A run that was stopped is resumed; a new one may start from it on other text."""
    run(small_project, command, "checkpoint_every=3", "keep_checkpoints=5")
    folder = small_project / "jobs" / "train-1"
    spec = json.loads((folder / "spec.json").read_text())
    spec["work"]["steps"] = 100
    (folder / "spec.json").write_text(json.dumps(spec))
    Worker(JobFolder(folder)).finish("stopped", 6)
    sentence = refused("train", "start", small_project, "--from", "train-1@3")
    assert "runs resume" in sentence and "step 6 of 100" in sentence
    command("mixture", "set", small_project, "--share", "general=1", "--tokens", "40k")
    started = command("train", "start", small_project, "--from", "train-1@3", "--set", "steps=2")
    assert started["status"] == "done"
