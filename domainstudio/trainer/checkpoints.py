"""Writing and reading a checkpoint, on all ranks together.

deepspeed/           optimizer and model partitions, as DeepSpeed writes them
model/               the whole weights as safetensors: what export and later runs start from
rng-<rank>.safetensors
position.json        step, next draw, number of ranks
"""

import shutil
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file

from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    MODEL,
    CheckpointFolder,
    checkpoint_name,
    list_checkpoints,
)
from domainstudio.jobs.spec import parse_model
from domainstudio.model.folder import check_saved, save_model
from domainstudio.paths import move_whole
from domainstudio.problems import Problem, UserError

_TAG = "deepspeed"


class Position(BaseModel):
    """Where a run stands: everything of its state that is not a tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    next_draw: int
    ranks: int


def save(engine: Any, position: Position, result: Path, keep: int) -> CheckpointFolder:
    """Write a checkpoint on all ranks together; it takes its name by one rename, then older ones go."""
    rank = dist.get_rank()
    folder = result / CHECKPOINTS
    target, temporary = (
        folder / checkpoint_name(position.step),
        folder / f".tmp-{checkpoint_name(position.step)}",
    )
    if rank == 0:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    dist.barrier()
    engine.save_checkpoint(str(temporary), tag=_TAG, save_latest=False)
    save_file(_random_state(), temporary / f"rng-{rank}.safetensors")
    state = _whole_weights(engine)
    if rank == 0:
        save_model(engine.module, state, temporary / MODEL)
        (temporary / "position.json").write_text(position.model_dump_json())
    dist.barrier()
    if rank == 0:
        move_whole(temporary, target)
        for old in list_checkpoints(result)[:-keep]:
            doomed = old.path.with_name(f".old-{old.path.name}")
            old.path.rename(doomed)
            shutil.rmtree(doomed)
    dist.barrier()
    return CheckpointFolder(position.step, target)


def check_export(engine: Any, result: Path) -> None:
    """Try the export at step 0 on rank 0, every rank taking part in gathering the weights.

    Raises:
        UserError: the exported model would not be the trained one.
    """
    state = _whole_weights(engine)
    if dist.get_rank() == 0:
        check_saved(engine.module, state, result / ".tmp-export-check")
    dist.barrier()


def restore(engine: Any, checkpoint: CheckpointFolder) -> Position:
    """Load weights, optimizer and random state; every rank calls this.

    Raises:
        UserError: the checkpoint was written by another number of ranks.
    """
    file = checkpoint.path / "position.json"
    position = parse_model(Position, file.read_bytes(), str(file))
    if position.ranks != dist.get_world_size():
        params = {"then": position.ranks, "now": dist.get_world_size()}
        raise UserError(Problem("checkpoint.other_ranks", "processes", params))
    engine.load_checkpoint(str(checkpoint.path), tag=_TAG)
    _restore_random_state(load_file(checkpoint.path / f"rng-{dist.get_rank()}.safetensors"))
    return position


def _random_state() -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _restore_random_state(state: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def _whole_weights(engine: Any) -> dict[str, torch.Tensor]:
    """Return the unpartitioned weights (on rank 0 under ZeRO-3; every rank takes part)."""
    if engine.zero_optimization_partition_weights():
        return engine._zero3_consolidated_16bit_state_dict() or {}
    return engine.module.state_dict()  # type: ignore[no-any-return]
