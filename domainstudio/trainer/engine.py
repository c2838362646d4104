"""DeepSpeed made ready: process group, model, optimizer, engine."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from deepspeed.ops import __compatible_ops__
from transformers import PreTrainedModel

from domainstudio.jobs.checkpoints import CheckpointFolder
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.process import SHUTDOWN_SECONDS
from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model, set_dropout
from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec, folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer.packed import PackedTokens

_PATIENCE = timedelta(seconds=SHUTDOWN_SECONDS)
"""How long ranks wait for one that writes a large checkpoint; that one is alive, `ranks` sees to."""


def start_process_group(meeting_place: Path) -> torch.device:
    """Join the ranks that torchrun started: NCCL on GPUs, gloo on CPUs. Return this rank's device.

    Args:
        meeting_place: a folder that is new for each attempt; the ranks find each other by a file in it and
            talk over loopback alone.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling DeepSpeed's fresh buffers at every step made a step of a small model ten times as slow.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        _meet("nccl", meeting_place, device)
        return device
    # This op would be compiled at the first start; a kill meanwhile leaves a lock that hangs every later one.
    __compatible_ops__["deepspeed_shm_comm"] = False
    _meet("gloo", meeting_place, None)
    return torch.device("cpu")


def _meet(backend: str, meeting_place: Path, device: torch.device | None) -> None:
    """Make the process group that DeepSpeed then takes as its own; one rank alone binds no device."""
    os.environ.setdefault(f"{backend.upper()}_SOCKET_IFNAME", "lo")
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = dist.FileStore(str(meeting_place / "ranks"), ranks)  # type: ignore[attr-defined]
    store.set_timeout(_PATIENCE)
    dist.init_process_group(
        backend,
        store=store,
        rank=rank,
        world_size=ranks,
        timeout=_PATIENCE,
        device_id=device if ranks > 1 else None,
    )
    deepspeed.init_distributed(dist_backend=backend, timeout=_PATIENCE)


def make_model(spec: RunSpec, job: Path, checkpoint: CheckpointFolder | None) -> PreTrainedModel:
    """Return the run's model, fp32 on the CPU: at step 0, or as its checkpoint holds it.

    A run that goes on needs its base no more: that may be a checkpoint which another run has replaced since.

    Raises:
        UserError: the folder is refused, its vocabulary is smaller than the tokenizer's, or its positions are
            fewer than the sequence length.
    """
    end_of_text = PackedTokens(JobFolder(job).reach(spec.sources[0].tokens)).meta.end_of_text
    if spec.model.preset is not None:
        model = create_model(SHAPES[spec.model.preset], spec.vocabulary, end_of_text, spec.recipe.seed)
    else:
        model = load_model(checkpoint.model if checkpoint else folder_of(spec.model, job))
    spec.require_fit(model.config.vocab_size, model.config.max_position_embeddings)
    set_dropout(model, spec.recipe.stage.dropout)
    if spec.recipe.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()  # a loaded one would go without dropout until the first probe is over
    return model


def start_engine(model: PreTrainedModel, recipe: Recipe) -> Any:
    """Wrap the model in a DeepSpeed engine with torch's AdamW; matrices decay, norms and biases do not."""
    stage = recipe.stage
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": stage.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=stage.learning_rate,
        betas=(stage.beta1, stage.beta2),
        eps=stage.epsilon,
    )
    engine, *_ = deepspeed.initialize(
        model=model, optimizer=optimizer, config=deepspeed_config(recipe, model.num_parameters())
    )
    return engine


def set_learning_rate(engine: Any, rate: float) -> None:
    """Set the rate of the coming step in every parameter group."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate


def set_accumulation(engine: Any, micro_batches: int) -> int:
    """Set how many micro-batches the coming step sums, and return it."""
    if engine.gradient_accumulation_steps() != micro_batches:
        ranks = engine.train_batch_size() // engine.gradient_accumulation_steps()
        engine.set_train_batch_size(micro_batches * ranks)
    # DeepSpeed steps where its count of all micro-batches is divisible: after a change that is within a step.
    engine.micro_steps = 0
    return micro_batches


def memory_in_use(device: torch.device) -> int:
    """Return the most device memory reserved so far, or this process' resident memory on a CPU, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    import psutil

    return int(psutil.Process().memory_info().rss)
