"""DeepSpeed made ready: process group, model, optimizer, engine."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from deepspeed.ops import __compatible_ops__
from torch._C._distributed_c10d import Store
from transformers import PreTrainedModel

from domainstudio.jobs.checkpoints import CheckpointFolder
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.process import SHUTDOWN_SECONDS
from domainstudio.model.adapters import add_adapters
from domainstudio.model.blocks import expanded, freeze, train_new_blocks
from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model, set_dropout
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec, folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.trainer.place import is_first_node

_PATIENCE = timedelta(seconds=SHUTDOWN_SECONDS)
"""How long ranks wait for one that writes a large checkpoint; that one is alive, `ranks` sees to."""


def start_process_group(
    meeting_place: Path, store: Store | None = None, interface: str = "lo"
) -> torch.device:
    """Join the ranks of the run: NCCL on GPUs, gloo on CPUs. Return this rank's device.

    Args:
        meeting_place: a folder that is new for each attempt; the ranks find each other by a file in it.
        store: where the ranks of several nodes find each other instead.
        interface: of the network, over which they talk: of one node over loopback alone.

    Raises:
        UserError: this node has fewer GPUs than ranks.
    """
    store = store or dist.FileStore(  # type: ignore[attr-defined]
        str(meeting_place / "ranks"), int(os.environ["WORLD_SIZE"])
    )
    store.set_timeout(_PATIENCE)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling DeepSpeed's fresh buffers at every step made a step of a small model ten times as slow.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if torch.cuda.is_available():
        _require_devices()
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        _meet("nccl", store, interface, device)
        return device
    # This op would be compiled at the first start; a kill meanwhile leaves a lock that hangs every later one.
    __compatible_ops__["deepspeed_shm_comm"] = False
    _meet("gloo", store, interface, None)
    return torch.device("cpu")


def _require_devices() -> None:
    here, devices = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if here > devices:
        raise UserError(Problem("run.too_few_devices", "processes", {"here": here, "devices": devices}))


def _meet(backend: str, store: Store, interface: str, device: torch.device | None) -> None:
    """Make the process group that DeepSpeed then takes as its own; one rank alone binds no device."""
    os.environ.setdefault(f"{backend.upper()}_SOCKET_IFNAME", interface)
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
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
    Of a run with LoRA the checkpoint's model is merged; what lies under the adapters comes from DeepSpeed's
    part of it, as the adapters do. Other nodes than the first have no whole model in their checkpoints, and
    read the base again: DeepSpeed's part is put over it.

    Raises:
        UserError: the folder is refused, its vocabulary is smaller than the tokenizer's, its positions are
            fewer than the sequence length, or its blocks fewer than the recipe wants to freeze or copy.
    """
    stage, is_first = spec.recipe.stage, is_first_node()
    is_made = checkpoint is not None and spec.model.preset is None and is_first
    model = load_model(checkpoint.model) if checkpoint and is_made else plain_model(spec, job)
    added = stage.expanded_blocks if is_made and stage.method == "expansion" else 0
    config = model.config
    spec.require_fit(config.vocab_size, config.max_position_embeddings, config.num_hidden_layers - added)
    if stage.method == "expansion" and not added:
        model = expanded(model, stage.expanded_blocks)
    set_dropout(model, stage.dropout)
    if spec.recipe.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    match stage.method:
        case "lora":
            add_adapters(model, stage.lora_rank, spec.recipe.seed, with_embeddings=stage.lora_embeddings)
        case "expansion":
            train_new_blocks(model, stage.expanded_blocks)
        case "full":
            freeze(model, stage.frozen_blocks)
    model.train()  # a loaded one would go without dropout until the first probe is over
    return model


def plain_model(spec: RunSpec, job: Path) -> PreTrainedModel:
    """Return the model that a run starts from, fp32 on the CPU.

    Raises:
        UserError: its folder is refused.
    """
    if spec.model.preset is None:
        return load_model(folder_of(spec.model, job))
    end_of_text = PackedTokens(JobFolder(job).reach(spec.sources[0].tokens)).meta.end_of_text
    return create_model(SHAPES[spec.model.preset], spec.vocabulary, end_of_text, spec.recipe.seed)


def start_engine(model: PreTrainedModel, recipe: Recipe) -> Any:
    """Wrap the model in a DeepSpeed engine with torch's AdamW; matrices decay, norms and biases do not."""
    stage = recipe.stage
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in trained if one.ndim >= 2], "weight_decay": stage.weight_decay},
        {"params": [one for one in trained if one.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=stage.learning_rate,
        betas=(stage.beta1, stage.beta2),
        eps=stage.epsilon,
    )
    config = deepspeed_config(recipe, model.num_parameters()) | {
        # The leader of each node writes there what of the model is not spread over the ranks.
        "checkpoint": {"use_node_local_storage": True},
    }
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
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


def memory_problem(error: RuntimeError, recipe: Recipe) -> Problem | None:
    """Return that memory did not suffice, None if something else is the matter.

    A processor has no error of its own for it; most often the system kills the process instead.
    """
    if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
        return None
    stage = recipe.stage
    params = {"micro_batch": stage.micro_batch, "length": stage.sequence_length}
    return Problem("training.no_memory", "micro_batch", params)


def memory_in_use(device: torch.device) -> int:
    """Return the most device memory reserved so far, or this process' resident memory on a CPU, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    import psutil

    return int(psutil.Process().memory_info().rss)
