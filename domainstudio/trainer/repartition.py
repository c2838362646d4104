"""What a checkpoint by another number of ranks holds of each parameter, cut anew for the ranks of now.

Weights, moments and contributions go on bit for bit as they were saved. From then on the sums of a step are
taken in another order, so losses are those of the same run to rounding and no longer to the bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import safe_open

from domainstudio.problems import Problem, UserError
from domainstudio.trainer.partitions import flats, is_by_parameter, parameters_in_order, spread, update_model
from domainstudio.trainer.position import TAG
from domainstudio.trainer.states import read_state


@dataclass(frozen=True)
class _Part:
    """Where a part of a parameter lies: in which flat tensor of which rank, and from where on."""

    rank: int
    flat: int
    place: int
    numel: int


class SavedPartitions:
    """The optimizer's files of all ranks of a checkpoint; what is in them is read as it is asked for."""

    def __init__(self, engine: Any, folder: Path, ranks: int) -> None:
        """Find out what lies where.

        Args:
            engine: the DeepSpeed engine, as it is cut now.
            folder: of the checkpoint.
            ranks: how many have written it.

        Raises:
            UserError: the files of some rank are not here, or are damaged.
        """
        self._folder = folder
        self._states = [
            self._read(f"*zero_pp_rank_{rank}_mp_rank_00_optim_states.pt") for rank in range(ranks)
        ]
        by_parameter = is_by_parameter(engine)
        self._weights = [
            state["fp32_flat_groups" if by_parameter else "single_partition_of_fp32_groups"]
            for state in self._states
        ]
        self._moments = [
            state["optimizer_state_dict" if by_parameter else "base_optimizer_state"]["state"]
            for state in self._states
        ]
        places = self._places_by_parameter(engine) if by_parameter else self._places_by_mapping()
        self._parts: dict[str, list[_Part]] = {}
        for name, part in places:
            self._parts.setdefault(name, []).append(part)

    def weights(self, name: str) -> torch.Tensor:
        """Return the fp32 weights of a parameter, flattened."""
        return self._whole(name, lambda rank, flat: self._weights[rank][flat])

    def moments(self, kind: str, name: str) -> torch.Tensor:
        """Return what the optimizer keeps for each weight of a parameter, flattened."""
        return self._whole(name, lambda rank, flat: self._moments[rank][flat][kind])

    def kinds(self) -> dict[str, torch.Tensor | None]:
        """Return what the optimizer keeps: None for each weight, else the value that all share."""
        return {
            kind: value.clone() if value.ndim == 0 else None for kind, value in self._moments[0][0].items()
        }

    def contributions(self, name: str) -> torch.Tensor:
        """Return what a recording had summed up for a parameter, flattened."""

        def kept(rank: int, flat: int) -> torch.Tensor:
            source = self._folder / f"path-{rank}.safetensors"
            if not source.is_file():
                raise UserError(self._damaged(source.name))
            with safe_open(str(source), "pt") as file:
                found: torch.Tensor = file.get_tensor(f"path-{flat}")
                return found

        return self._whole(name, kept)

    def frozen(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and values, flattened, of what is not trained and was spread over the ranks."""
        pattern = "zero_pp_rank_{}_mp_rank_00_model_states.pt"
        parts = [
            self._load(pattern.format(rank))["frozen_param_fragments"] or {}
            for rank in range(len(self._states))
        ]
        for name in parts[0]:
            yield name, torch.cat([fragments[name].reshape(-1) for fragments in parts])

    def module(self) -> dict[str, torch.Tensor]:
        """Return the state of the whole model, of which only the optimizer was spread."""
        found: dict[str, torch.Tensor] = self._load("mp_rank_00_model_states.pt")["module"]
        return found

    def _whole(self, name: str, flat_of: Callable[[int, int], torch.Tensor]) -> torch.Tensor:
        if name not in self._parts:
            raise UserError(self._damaged(f"{TAG} ({name})"))
        parts = self._parts[name]
        return torch.cat(
            [flat_of(one.rank, one.flat)[one.place : one.place + one.numel].cpu() for one in parts]
        )

    def _places_by_mapping(self) -> Iterator[tuple[str, _Part]]:
        for rank, state in enumerate(self._states):
            for flat, mapping in enumerate(state["param_slice_mappings"]):
                for name, there in mapping.items():
                    yield name, _Part(rank, flat, there.start, there.numel)

    def _places_by_parameter(self, engine: Any) -> Iterator[tuple[str, _Part]]:
        """Yield the places under ZeRO-3, which cuts each parameter by itself, in an order that stays."""
        ranks = len(self._states)
        for rank, flats_then in enumerate(self._weights):
            flat, place = 0, 0
            for name, numel in parameters_in_order(engine):
                size = -(-numel // ranks)
                if place == flats_then[flat].numel():
                    flat, place = flat + 1, 0
                yield name, _Part(rank, flat, place, max(0, min(size, numel - rank * size)))
                place += size

    def _read(self, pattern: str) -> Any:
        return self._load(pattern)["optimizer_state_dict"]

    def _load(self, pattern: str) -> Any:
        found = next((self._folder / TAG).glob(pattern), None)
        if found is None:
            raise UserError(self._damaged(pattern.lstrip("*")))
        return read_state(self._folder, str(found), "cpu", mmap=True)

    def _damaged(self, file: str) -> Problem:
        return Problem("checkpoint.damaged", None, {"folder": str(self._folder), "file": file})


@torch.no_grad()
def take_over(engine: Any, saved: SavedPartitions) -> None:
    """Give weights and optimizer what another number of ranks has saved; every rank calls this."""
    own, states = flats(engine), engine.optimizer.optimizer.state
    _take_over_frozen(engine, saved)
    for flat, values in zip(own, spread(engine, saved.weights, own), strict=True):
        flat.data.copy_(values)
        states[flat].clear()
    for kind, shared in saved.kinds().items():
        if shared is not None:
            for flat in own:
                states[flat][kind] = shared.clone()
        else:
            for flat, values in zip(own, spread(engine, partial(saved.moments, kind), own), strict=True):
                states[flat][kind] = values
    update_model(engine)


def _take_over_frozen(engine: Any, saved: SavedPartitions) -> None:
    if not is_by_parameter(engine):
        engine.module.load_state_dict(saved.module())
        return
    parameters = dict(engine.module.named_parameters())
    for name, values in saved.frozen():
        here = parameters[name].ds_tensor
        first = dist.get_rank() * here.numel()
        part = values[: parameters[name].ds_numel][first : first + here.numel()]
        here.view(-1)[: part.numel()].copy_(part)
