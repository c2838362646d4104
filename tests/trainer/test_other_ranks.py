"""A run goes on on another number of processes and back: same text and tokens a step, losses to rounding."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.workflow.training.starting import curves_of

pytestmark = pytest.mark.usefixtures("warm_start")

PLAIN = ["steps=36", "checkpoint_every=1000", "probe_every=1000", "dropout=0", "processes=2",
         "gradient_accumulation=2"]  # fmt: skip
PULLED = ["zero_stage=2", "spring=ewc", "importance_sequences=4", "kl_strength=0.1"]


def started(project: Path, command: Command, run: str, *settings: str) -> JobFolder:
    arguments = [f"--set={setting}" for setting in (*PLAIN, *settings)]
    command("train", "start", project, *arguments, *(["--detach"] if run != "train-1" else []))
    return JobFolder(project / "jobs" / run)


def halted(folder: JobFolder, project: Path, command: Command, step: int) -> int:
    """Pause a run once it has done a step, and return the last one that it did."""

    def is_there() -> bool:
        assert folder.status() == "running", folder.log_file.read_text()[-3000:]
        return any(isinstance(one.body, Step) and one.body.step >= step for one in read_events(folder))

    wait_until(is_there, 120)
    command("runs", "pause", project, folder.job_id)
    wait_until(lambda: folder.status() == "stopped", 120)
    return curves_of(folder).step_reached()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(PULLED, id="springs and KL"),
        pytest.param(["zero_stage=1", "record_importance=true"], id="recording", marks=pytest.mark.long),
        pytest.param(["zero_stage=3", "spring=l2-sp", "precision=bf16"], id="ZeRO-3", marks=pytest.mark.long),
    ],
)
def test_from_two_to_one_and_back_the_losses_are_those_of_two(
    settings: list[str], packed_project: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(packed_project, tmp_path / "small"))
    whole = started(project, command, "train-1", *settings)
    pieced = started(project, command, "train-2", *settings)
    first = halted(pieced, project, command, 4)
    assert "3 processes" in refused("runs", "resume", project, "train-2", "--processes", "3")
    command("runs", "resume", project, "train-2", "--processes", "1", "--detach")
    assert first < halted(pieced, project, command, first + 4) < 36
    command("runs", "resume", project, "train-2", "--processes", "2")

    ours, theirs = curves_of(pieced), curves_of(whole)
    near = 2e-3 if "precision=bf16" in settings else 1e-5
    for one, other in zip(ours.steps.points(), theirs.steps.points(), strict=True):
        assert (one.step, one.tokens) == (other.step, other.tokens)
        assert one.loss == pytest.approx(other.loss, rel=near)
    assert [point.nats_per_token for point in ours.probes] == pytest.approx(
        [point.nats_per_token for point in theirs.probes], rel=near
    )
    if "record_importance=true" in settings:
        files = [load_file(run.result / "importance.safetensors") for run in (pieced, whole)]
        for name, values in files[1].items():
            assert torch.allclose(files[0][name], values, rtol=1e-2, atol=1e-2), name


def test_what_processes_can_share_out_a_run() -> None:
    def possible(processes: int, **stage: float) -> list[int]:
        return Recipe(stages=(Stage(**stage),), processes=processes).possible_ranks()

    assert possible(4) == [1, 2, 4]
    assert possible(4, gradient_accumulation=3) == [1, 2, 3, 4, 6, 12]
    assert possible(2, gradient_accumulation=8, batch_warmup_steps=4) == [1, 2, 4]
    assert possible(2, gradient_accumulation=8, micro_batch=3, kl_strength=0.1) == [1, 2]
