"""Where DeepSpeed keeps the fp32 weights of a rank and their gradients, and which parameter a piece is of.

The one place that knows its optimizers from within: its release is pinned, and a test compares what is
found here with plain PyTorch for every ZeRO stage and precision.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Piece:
    """A part of a parameter that lies in one of this rank's flat tensors."""

    name: str
    flat: int
    """Number of the flat tensor."""
    place: int
    """Where it begins there."""
    start: int
    """Where it begins in the flattened parameter."""
    numel: int


def flats(engine: Any) -> list[torch.Tensor]:
    """Return the fp32 master weights of this rank, one flat tensor a parameter group: the very tensors."""
    found: list[torch.Tensor] = getattr(engine.optimizer, _WEIGHTS[_kind(engine)])
    return list(found)


def averaged_gradients(engine: Any, flat: int) -> list[torch.Tensor]:
    """Return the gradient of a flat tensor, averaged over ranks and not yet clipped, as consecutive parts.

    They are there between the last backward of a step and the step; to change them changes the step.
    """
    if _kind(engine) == "bf16":
        return [engine.optimizer.fp32_groups_gradient_flat_partition[flat]]
    return [part.view(-1) for part in engine.optimizer.averaged_gradients[flat]]


def clip_factor(engine: Any, gradient_clip: float) -> float:
    """Return what clipping multiplied the gradient of the present step with, 1 if it was short enough.

    Within the optimizer's step the engine still tells the norm of the step before.
    """
    norm = float(engine.optimizer._global_grad_norm or 0.0)
    if not gradient_clip:
        return 1.0
    return min(1.0, gradient_clip / (norm + 1e-6))


def pieces(engine: Any) -> list[Piece]:
    """Return which part of which parameter lies where in this rank's flat tensors."""
    return list(_partitioned(engine) if _kind(engine) == "zero3" else _mapped(engine))


def padding(engine: Any) -> list[list[slice]]:
    """Return what of each flat tensor is of no parameter: DeepSpeed leaves there what was in memory."""
    ends = [0] * len(flats(engine))
    found: list[list[slice]] = [[] for _flat in ends]
    for piece in sorted(pieces(engine), key=lambda piece: (piece.flat, piece.place)):
        if piece.place > ends[piece.flat]:
            found[piece.flat].append(slice(ends[piece.flat], piece.place))
        ends[piece.flat] = piece.place + piece.numel
    for number, flat in enumerate(flats(engine)):
        if ends[number] < flat.numel():
            found[number].append(slice(ends[number], flat.numel()))
    return found


def spread(
    engine: Any, values: Callable[[str], torch.Tensor], like: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Return values of whole parameters as this rank's flat tensors; padding is 0.

    Args:
        engine: the DeepSpeed engine.
        values: returns the values of a parameter by its name, of its shape.
        like: the flat tensors.
    """
    found = [torch.zeros_like(flat, requires_grad=False) for flat in like]
    for piece in pieces(engine):
        part = values(piece.name).reshape(-1)[piece.start : piece.start + piece.numel]
        found[piece.flat][piece.place : piece.place + piece.numel] = part.to(found[piece.flat])
    return found


def shapes(engine: Any) -> dict[str, torch.Size]:
    """Return the shape of each trained parameter, in the same order on every rank."""
    return {name: getattr(one, "ds_shape", one.shape) for name, one in _trained(engine)}


def gather(engine: Any, parts: Sequence[torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what flat tensors hold of each trained parameter, whole, on every rank; all ranks take part.

    Args:
        engine: the DeepSpeed engine.
        parts: flat tensors laid out as the weights are.
    """
    own = {piece.name: piece for piece in pieces(engine)}
    for name, parameter in _trained(engine):
        whole = torch.zeros(getattr(parameter, "ds_numel", parameter.numel()), device=parts[0].device)
        if name in own:
            piece = own[name]
            part = parts[piece.flat][piece.place : piece.place + piece.numel]
            whole[piece.start : piece.start + piece.numel] = part
        dist.all_reduce(whole)
        yield name, whole.view(getattr(parameter, "ds_shape", parameter.shape))


def is_by_parameter(engine: Any) -> bool:
    """Return whether each parameter is cut by itself, as ZeRO-3 does, and not all of a group as one."""
    return _kind(engine) == "zero3"


def parameters_in_order(engine: Any) -> list[tuple[str, int]]:
    """Return name and size of each trained parameter, as they follow each other in the tensors of ZeRO-3."""
    optimizer = engine.optimizer
    found = [
        (optimizer.grad_position[optimizer.get_param_id(one)], name, one) for name, one in _trained(engine)
    ]
    return [(name, one.ds_numel) for _place, name, one in sorted(found, key=lambda row: row[0][:2])]


def update_model(engine: Any) -> None:
    """Let the model have what is in the fp32 weights, after these were changed; every rank calls this."""
    optimizer = engine.optimizer
    if not is_by_parameter(engine):
        optimizer.update_lp_params()
        return
    optimizer.checkpoint_event_prologue()
    for number, weights in enumerate(flats(engine)):
        optimizer.fp16_partitioned_groups_flat[number].data.copy_(weights.data)
        parameters = optimizer.fp16_partitioned_groups[number]
        parts = optimizer.unflatten(optimizer.fp16_partitioned_groups_flat[number], parameters)
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.data = part.data
    if optimizer.persistent_parameters:
        optimizer.persistent_parameters[0].partition(optimizer.persistent_parameters)
    optimizer.checkpoint_event_epilogue()


_WEIGHTS = {
    "zero": "single_partition_of_fp32_groups",
    "zero3": "fp32_partitioned_groups_flat",
    "bf16": "fp32_groups_flat_partition",
}


def _kind(engine: Any) -> str:
    found = [kind for kind, name in _WEIGHTS.items() if hasattr(engine.optimizer, name)]
    if len(found) != 1:
        raise RuntimeError(f"unknown optimizer of DeepSpeed: {type(engine.optimizer).__name__}")
    return found[0]


def _trained(engine: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters that are in any flat tensor."""
    return ((name, one) for name, one in engine.module.named_parameters() if one.requires_grad)


def _mapped(engine: Any) -> Iterator[Piece]:
    for name, parameter in _trained(engine):
        mapping = getattr(parameter, "_hp_mapping", None)
        if mapping is not None:
            there, here = mapping.get_hp_fragment_address(), mapping.lp_fragment_address
            yield Piece(name, mapping.param_group_index, there.start, here.start, there.numel)


def _partitioned(engine: Any) -> Iterator[Piece]:
    rank, optimizer = dist.get_rank(), engine.optimizer
    for name, parameter in _trained(engine):
        flat, place, size = optimizer.grad_position[optimizer.get_param_id(parameter)]
        numel = min(size, parameter.ds_numel - rank * size)
        if numel > 0:
            yield Piece(name, flat, place, rank * size, numel)
