"""What is trained, and KL to the base: real runs leave alone what they should, and resume bit for bit."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command
from trainer.script_ranks import said_by_first

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import latest_checkpoint, list_checkpoints
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.recipe.size import block_of, copied_blocks
from domainstudio.workflow.corpus import sources
from domainstudio.workflow.training.starting import curves_of

pytestmark = pytest.mark.usefixtures("warm_start")

STEPS, SAVED = 12, 5
FAST = [f"--set=steps={STEPS}", "--set=checkpoint_every=1000", "--set=probe_every=1000"]
Weights = dict[str, torch.Tensor]


def weights(project: Path, run: str) -> Weights:
    checkpoint = latest_checkpoint(project / "jobs" / run / "result")
    assert checkpoint is not None and checkpoint.step == STEPS
    return load_file(checkpoint.model / "model.safetensors")


@pytest.fixture(scope="module")
def based(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a short run of a bf16 model, train-1, from which others start."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("methods") / "small"))
    assert run_command(["train", "start", str(project), *FAST, "--set=precision=bf16"]) == 0
    return project


def train(project: Path, command: Command, *settings: str) -> JobFolder:
    """Train from the base, saving in between too."""
    own = [f"--set={text}" for text in (f"checkpoint_every={SAVED}", "keep_checkpoints=9", *settings)]
    started = command("train", "start", project, "--from=train-1", *FAST, *own)
    return JobFolder(project / "jobs" / started["job"])


def resumed_weights(project: Path, folder: JobFolder, command: Command) -> Weights:
    """Lose what came after the first checkpoint, as a kill before the second would, and go on."""
    for checkpoint in list_checkpoints(folder.result)[1:]:
        shutil.rmtree(checkpoint.path)
    Worker(folder).finish("stopped", SAVED)
    command("runs", "resume", project, folder.job_id)
    assert curves_of(folder).attempts == 2
    return weights(project, folder.job_id)


def require_equal(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize(
    "settings",
    [
        ("zero_stage=1", "dropout=0.1"),
        ("zero_stage=2", "processes=2", "lora_embeddings=true"),
        ("zero_stage=3", "processes=2", "precision=bf16"),
    ],
)
def test_lora_trains_beside_the_weights_and_is_saved_merged(
    based: Path, command: Command, settings: tuple[str, ...]
) -> None:
    folder = train(based, command, "method=lora", "lora_rank=4", *settings)
    base, trained = weights(based, "train-1"), weights(based, folder.job_id)
    assert trained.keys() == base.keys(), "a plain model, no adapters"
    changed = {name for name in base if not torch.equal(base[name].float(), trained[name].float())}
    tables = {"model.embed_tokens.weight"} if "lora_embeddings=true" in settings else set()
    assert changed == tables | {name for name in base if name.endswith("proj.weight")}
    if not tables:
        name = "model.layers.1.mlp.up_proj.weight"
        rank = int(torch.linalg.matrix_rank((trained[name].float() - base[name].float()).double(), rtol=1e-4))
        assert rank == 4
    require_equal(resumed_weights(based, folder, command), trained)


def test_new_blocks_begin_as_nothing_and_are_all_that_changes(based: Path, command: Command) -> None:
    folder = train(based, command, "method=expansion", "expanded_blocks=2", "precision=bf16")
    base, trained = weights(based, "train-1"), weights(based, folder.job_id)
    assert copied_blocks(4, 2) == [1, 3]
    places = {0: 0, 1: 1, 2: 3, 3: 4}
    kept = {
        name: name.replace(f".{block_of(name)}.", f".{places.get(block_of(name) or 0)}.") for name in base
    }
    assert all(torch.equal(base[name].float(), trained[kept[name]].float()) for name in base)
    made = [name for name in trained if name not in kept.values()]
    assert {block_of(name) for name in made} == {2, 5}
    assert all(trained[name].abs().max() > 0 for name in made if name.endswith("o_proj.weight"))
    before, after = (
        {probe.source: probe.nats_per_token for probe in curves_of(JobFolder(based / "jobs" / run)).probes
         if probe.step == step}
        for run, step in (("train-1", STEPS), (folder.job_id, 0))
    )  # fmt: skip
    assert after == pytest.approx(before, abs=1e-5)
    require_equal(resumed_weights(based, folder, command), trained)


def test_frozen_blocks_stay_and_springs_hold_the_others(based: Path, command: Command) -> None:
    settings = ("zero_stage=2", "processes=2", "spring=ewc", "importance_sequences=8")
    folder = train(based, command, "frozen_blocks=2", "precision=bf16", *settings)
    base, trained = weights(based, "train-1"), weights(based, folder.job_id)
    frozen = {name for name in base if "embed" in name or block_of(name) in (0, 1)}
    assert {name for name in base if torch.equal(base[name], trained[name])} == frozen
    importance = load_file(folder.result / "importance.safetensors")
    assert importance.keys() == base.keys() - frozen


def test_kl_holds_what_the_model_says_near_its_base(based: Path, command: Command) -> None:
    common = ("dropout=0", "learning_rate=3e-3", "gradient_accumulation=2", "zero_stage=3", "processes=2")
    folder, free = (train(based, command, f"kl_strength={strength}", *common) for strength in ("5", "1e-12"))
    held, left = (curves_of(one).steps.column("divergence") for one in (folder, free))
    assert held[0] == pytest.approx(0, abs=1e-5) and left[0] == pytest.approx(0, abs=1e-5)
    assert 0 < held[-1] < 0.7 * left[-1]
    losses = [curves_of(one).steps.column("loss")[0] for one in (folder, free)]
    assert losses[0] == losses[1], "the training loss stays the loss on the text"


def test_a_run_with_kl_is_resumed_bit_for_bit(based: Path, command: Command) -> None:
    folder = train(based, command, "kl_strength=5", "zero_stage=3", "processes=2")
    trained = weights(based, folder.job_id)
    require_equal(resumed_weights(based, folder, command), trained)


@pytest.mark.parametrize(
    "zero", [pytest.param(1, marks=pytest.mark.long), 2, pytest.param(3, marks=pytest.mark.long)]
)
def test_the_step_is_that_of_loss_plus_divergence_in_plain_pytorch(zero: int, tmp_path: Path) -> None:
    (tmp_path / "meet").mkdir()
    apart, longest, told, expected = said_by_first("divergence_ranks.py", 2, tmp_path / "meet", zero)
    assert longest > 0.01 and apart < 1e-6
    assert told == pytest.approx(expected, abs=1e-5) and told[1] > 0.01


def test_kl_without_general_text_is_refused_before_the_start(
    small_project: Path, command: Command, refused: Command
) -> None:
    with Project(small_project) as opened:
        sources.set_role(opened, "general", "domain")
    assert "kl_strength to 0" in refused("train", "start", small_project, "--set=kl_strength=1")


def test_more_blocks_than_there_are_are_refused_before_the_start(
    small_project: Path, refused: Command
) -> None:
    refusal = refused("train", "start", small_project, "--set=frozen_blocks=4")
    assert "4 blocks" in refusal and "frozen_blocks" in refusal
    settings = ("--set=method=expansion", "--set=expanded_blocks=5")
    assert "lower expanded_blocks" in refused("train", "start", small_project, *settings)
    both = ("--set=method=lora", "--set=frozen_blocks=1")
    assert "frozen_blocks goes with method=full" in refused("train", "start", small_project, *both)
