"""DeepSpeed made ready: process group, model, optimizer, engine."""

import os
from pathlib import Path
from typing import Any

import deepspeed
import torch
from deepspeed.ops import __compatible_ops__
from transformers import PreTrainedModel

from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model, set_dropout
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer.packed import PackedTokens


def start_process_group() -> torch.device:
    """Join the ranks that torchrun started: NCCL on GPUs, gloo on CPUs. Return this rank's device."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling DeepSpeed's fresh buffers at every step made a step of a small model ten times as slow.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        deepspeed.init_distributed(dist_backend="nccl")
        return device
    # This op would be compiled at the first start; a kill meanwhile leaves a lock that hangs every later one.
    __compatible_ops__["deepspeed_shm_comm"] = False
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    deepspeed.init_distributed(dist_backend="gloo")
    return torch.device("cpu")


def make_model(spec: RunSpec, job: Path) -> PreTrainedModel:
    """Return the run's model at step 0, fp32 on the CPU.

    Raises:
        UserError: the folder is refused, its vocabulary is smaller than the tokenizer's, or its positions are
            fewer than the sequence length.
    """
    end_of_text = PackedTokens(job / spec.sources[0].tokens).meta.end_of_text
    if spec.model.preset is not None:
        model = create_model(SHAPES[spec.model.preset], spec.vocabulary, end_of_text, spec.recipe.seed)
    else:
        model = load_model((job / str(spec.model.folder)).resolve())
    rows, positions = model.config.vocab_size, model.config.max_position_embeddings
    if rows < spec.vocabulary:
        raise UserError(Problem("model.vocabulary", None, {"model": rows, "tokenizer": spec.vocabulary}))
    length = spec.recipe.stage.sequence_length
    if positions < length:
        raise UserError(Problem("model.positions", "sequence_length", {"model": positions, "length": length}))
    set_dropout(model, spec.recipe.stage.dropout)
    if spec.recipe.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
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
    return micro_batches


def memory_in_use(device: torch.device) -> int:
    """Return the most device memory reserved so far, or this process' resident memory on a CPU, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    import psutil

    return int(psutil.Process().memory_info().rss)
