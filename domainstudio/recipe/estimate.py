"""Memory and time of a run before it starts, by arithmetic; `recipe.processes` is the number of devices."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from domainstudio.recipe.architecture import Architecture
from domainstudio.recipe.deepspeed import LARGEST_BUCKET
from domainstudio.recipe.hardware import Hardware
from domainstudio.recipe.recipe import BY_IMPORTANCE, Recipe
from domainstudio.recipe.size import Size

UTILISATION = 0.33
"""Share of the peak that training reaches, computations done again counted as work.

With 8 N D and attention it gives the days of BloombergGPT (arXiv 2303.17564) and of FinPythia-6.9B and -1B
(arXiv 2311.08545) within 10 percent.
"""
_LIVE_PARAMETERS = 10**9
"""Parameters that ZeRO-3 keeps gathered at most: DeepSpeed's own default."""


@dataclass(frozen=True)
class Memory:
    """What one device holds at the fullest moment of a step, bytes by part."""

    weights: int
    gradients: int
    optimizer: int
    """Weights in fp32 and the two moments of AdamW."""
    protection: int
    """Anchors and importances; and what measuring importance takes beyond a step, where that is more."""
    base_copy: int
    """KL's copy of the base."""
    activations: int
    logits: int
    working: int
    """Communication buffers, the optimizer's temporary values, gathered weights, and the libraries."""

    @property
    def total(self) -> int:
        """All parts."""
        return sum(astuple(self))


def weight_bytes(size: Size, recipe: Recipe) -> int:
    """Return what a device holds of the model's weights."""
    shared = recipe.processes if recipe.zero_stage == 3 else 1
    return recipe.weight_bytes * size.parameters // shared


def gradient_bytes(size: Size, recipe: Recipe) -> int:
    """Return what a device holds of gradients, summed in fp32 as `deepspeed_config` asks.

    ZeRO-1 keeps them all; ZeRO-2 and 3 keep a share, and beside it the one that was reduced last in the
    precision of the model: with optimizer and weights 2 P + 18 P / n (DeepSpeed's own estimate of ZeRO-2).
    """
    if recipe.zero_stage > 1:
        return (4 + recipe.weight_bytes) * size.trained // recipe.processes
    kept_twice = 4 * size.trained // recipe.processes if recipe.precision == "fp32" else 0
    return 4 * size.trained + kept_twice


def optimizer_bytes(size: Size, recipe: Recipe) -> int:
    """Return what a device holds of fp32 weights and moments: 12 bytes a parameter, shared by every stage."""
    return 12 * size.trained // recipe.processes


def state_bytes(size: Size, recipe: Recipe) -> int:
    """Return what a device holds beside activations: weights, gradients, optimizer, protection."""
    plain = weight_bytes(size, recipe) + gradient_bytes(size, recipe) + optimizer_bytes(size, recipe)
    return plain + recipe.spring_bytes(size) + recipe.base_copy_bytes(size)


def memory_of(architecture: Architecture, size: Size, recipe: Recipe, overhead_bytes: int) -> Memory:
    """Return what one device holds at most.

    Args:
        architecture: of the model at step 0.
        size: its parameters.
        recipe: how it is trained, on `processes` devices in all.
        overhead_bytes: what the libraries take on the device.
    """
    activations, logits = activation_bytes(architecture, recipe), logit_bytes(architecture, recipe)
    stepping = _stepping_bytes(size, recipe) - gradient_bytes(size, recipe) - activations - logits
    found = Memory(
        weights=weight_bytes(size, recipe),
        gradients=gradient_bytes(size, recipe),
        optimizer=optimizer_bytes(size, recipe),
        protection=recipe.spring_bytes(size),
        base_copy=recipe.base_copy_bytes(size),
        activations=activations,
        logits=logits,
        working=_buffer_bytes(size, recipe) + max(0, stepping) + overhead_bytes,
    )
    stage = recipe.stage
    if stage.spring not in BY_IMPORTANCE or stage.importance_from:
        return found
    more = recipe.importance_bytes(size) + overhead_bytes - found.total
    return Memory(**(vars(found) | {"protection": found.protection + max(0, more)}))


def activation_bytes(architecture: Architecture, recipe: Recipe) -> int:
    """Return what the forward pass of one micro-batch keeps for the backward pass.

    Each block keeps eight tensors of the hidden width and two of the keys' (norms, queries, rotated
    positions, the attention's result), and two of the inner width, or four with a gate. Attention keeps no
    matrix of scores (arXiv 2205.14135). Recomputation keeps one tensor a block and has one block whole.
    """
    one, stage = architecture, recipe.stage
    width = recipe.weight_bytes
    block = width * (8 * one.hidden + 2 * one.kv_width + (4 if one.is_gated else 2) * one.intermediate)
    if one.is_gated and width == 2:
        block += 4 * one.hidden  # its norms compute in fp32
    if stage.dropout:
        block += 2 * one.hidden  # two masks of a byte
    tokens, blocks = stage.micro_batch * stage.sequence_length, _blocks(one, recipe)
    if recipe.activation_checkpointing:
        return tokens * (blocks * width * one.hidden + block)
    return tokens * blocks * block


def logit_bytes(architecture: Architecture, recipe: Recipe) -> int:
    """Return what a micro-batch's logits take: as they come, their logarithm in fp32, and its gradient.

    With KL those of the base come with them.
    """
    tokens = recipe.stage.micro_batch * recipe.stage.sequence_length
    one = tokens * architecture.vocabulary * (recipe.weight_bytes + 8)
    return one * 2 if recipe.stage.kl_strength else one


def _blocks(architecture: Architecture, recipe: Recipe) -> int:
    """Return through how many blocks gradients go back."""
    added = recipe.stage.expanded_blocks if recipe.stage.method == "expansion" else 0
    return max(1, architecture.layers + added - recipe.stage.frozen_blocks)


def _stepping_bytes(size: Size, recipe: Recipe) -> int:
    """Return what gradients and temporary values take within the optimizer's step, activations being gone.

    A share of the gradients and AdamW's root of the second moment, 4 bytes each; ZeRO-1 in bf16 holds the
    gradients of all parameters.
    """
    holds_all = recipe.zero_stage == 1 and recipe.precision == "bf16"
    share = size.trained // recipe.processes
    return 4 * (size.trained if holds_all else share) + 4 * share


def _buffer_bytes(size: Size, recipe: Recipe) -> int:
    bucket = recipe.weight_bytes * min(LARGEST_BUCKET, size.parameters)
    if recipe.zero_stage < 3:
        return bucket
    return bucket + recipe.weight_bytes * min(_LIVE_PARAMETERS, size.parameters)


def flops_per_token(architecture: Architecture, size: Size, recipe: Recipe) -> float:
    """Return the arithmetic of training on one token, computations done again counted.

    6 N, with recomputation 8 N, for N parameters that a token is multiplied with; attention 12 L h s, with
    recomputation 4/3 of it. What is frozen takes no gradients of weights, and none of activations below the
    first trained block.
    """
    stage, weights = recipe.stage, architecture.multiplied + size.added
    trained = min(weights, size.trained)
    reached = trained if stage.frozen_blocks else weights
    again = reached if recipe.activation_checkpointing else 0
    attention = 4 * (_blocks(architecture, recipe) + stage.frozen_blocks) * architecture.hidden
    backward = 2 * reached / weights + again / weights
    work = 2 * (weights + reached + trained + again) + attention * stage.sequence_length * (1 + backward)
    return work * (1 + stage.divergence_work)


def speed_at(share: float, flops: float, hardware: Hardware, recipe: Recipe) -> float | None:
    """Return the tokens a second of all devices together.

    Args:
        share: of the peak that is reached.
        flops: of a token, as `flops_per_token` counts.
        hardware: whose peak is known; else there is no answer.
        recipe: its precision, and its number of devices.
    """
    peak = hardware.peak_flops(recipe.precision)
    return recipe.processes * peak * share / flops if peak else None


def share_at(tokens_per_second: float, flops: float, hardware: Hardware, recipe: Recipe) -> float | None:
    """Return the share of the peak that a measured speed is; None where the peak is not known."""
    peak = hardware.peak_flops(recipe.precision)
    return tokens_per_second * flops / (recipe.processes * peak) if peak else None


def milder(recipe: Recipe) -> Iterator[Recipe]:
    """Yield what takes less memory and trains the same batch, the least loss of speed first."""
    last = recipe
    stages = range(recipe.zero_stage, 4 if recipe.processes > 1 else recipe.zero_stage + 1)
    for recomputes in sorted({recipe.activation_checkpointing, True}):
        for zero_stage in stages:
            last = recipe.model_copy(
                update={"zero_stage": zero_stage, "activation_checkpointing": recomputes}
            )
            if last != recipe:
                yield last
    stage = recipe.stage
    if stage.micro_batch > 1:
        summed = stage.gradient_accumulation * stage.micro_batch
        single = stage.model_copy(update={"micro_batch": 1, "gradient_accumulation": summed})
        yield last.model_copy(update={"stages": (single,)})
