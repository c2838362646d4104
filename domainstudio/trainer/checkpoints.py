"""Writing and reading a checkpoint, on all ranks together.

deepspeed/           optimizer and model partitions, as DeepSpeed writes them
model/               the whole weights as safetensors, adapters merged: what export and later runs start from
rng-<rank>.safetensors
path-<rank>.safetensors   what is recorded so far, if the run records
position.json        step, next draw, number of ranks, last losses, text left out, and what files there are
kept                 there if a person asked for this checkpoint
"""

import shutil
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import torch.distributed as dist
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file

from domainstudio.disk import disk_problem
from domainstudio.evaluation.spikes import SpikeState
from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    KEPT,
    MODEL,
    CheckpointFolder,
    checkpoint_name,
    mark_best,
    remove_halves,
    remove_older,
)
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.model.adapters import merged
from domainstudio.model.folder import check_saved, save_model
from domainstudio.paths import make_parent, move_whole
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec
from domainstudio.recipe.size import Size
from domainstudio.trainer.guard import GuardState
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.recording import Recording
from domainstudio.trainer.room import Room

_TAG = "deepspeed"
POSITION = "position.json"


class Position(BaseModel):
    """Where a run stands: everything of its state that is not a tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    next_draw: int
    ranks: int
    guard: GuardState = GuardState()
    spikes: SpikeState = SpikeState()
    files: dict[str, int] = {}
    """Bytes of every other file of the checkpoint: DeepSpeed goes on without the optimizer's state if its
    file is gone, and says nothing."""


def save(
    engine: Any,
    position: Position,
    result: Path,
    recipe: Recipe,
    recording: Recording | None = None,
    *,
    is_asked: bool,
    is_best: bool = False,
) -> CheckpointFolder:
    """Write a checkpoint on all ranks together; it takes its name by one rename, then older ones go.

    Args:
        engine: the DeepSpeed engine.
        position: where the run stands.
        result: of the job.
        recipe: says how many checkpoints stay.
        recording: rides on the run, if one does.
        is_asked: a person asked for this one, or may want to go back to it: it stays until they remove it.
        is_best: it is the best so far, and stays until there is a better one.

    Raises:
        UserError: the disk has no room or refuses, or the weights are no numbers; the same on every rank.
            Nothing is left of this checkpoint, the newest before it is untouched, and the run may go on.
    """
    rank, target = dist.get_rank(), result / CHECKPOINTS / checkpoint_name(position.step)
    temporary = target.with_name(f".tmp-{target.name}")
    room = Room.of(result, recipe, _size(engine))
    outcome = Outcome(lambda error: room.refusal(error, temporary))
    try:
        with outcome.part():
            if rank == 0:
                room.require()
                make_parent(temporary)
                temporary.mkdir()
        outcome.share()
        _save_state(engine, temporary, outcome)
        state = _whole_weights(engine)
        with outcome.part():
            save_file(_random_state(), temporary / f"rng-{rank}.safetensors")
            if recording is not None:
                name, own = recording.state()
                save_file(own, temporary / name)
            if rank == 0:
                _require_numbers(state, position.step, recipe)
                save_model(engine.module, state, temporary / MODEL)
                if is_asked:
                    (temporary / KEPT).touch()
        outcome.share()
        with outcome.part():
            if rank == 0:
                whole = position.model_copy(update={"files": _sizes(temporary)})
                (temporary / POSITION).write_text(whole.model_dump_json())
                move_whole(temporary, target)
                if is_best:
                    mark_best(result, position.step)
                remove_older(result, recipe.keep_checkpoints)
        outcome.share()
    finally:
        if rank == 0:
            shutil.rmtree(temporary, ignore_errors=True)
    return CheckpointFolder(position.step, target)


def name_best(result: Path, step: int, *, is_result: bool = False) -> None:
    """Name the best checkpoint of a run, or its result; every rank calls this.

    Raises:
        UserError: the disk refuses; the same on every rank.
    """
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if dist.get_rank() == 0:
            mark_best(result, step, is_result=is_result)
    outcome.share()


def prepare(engine: Any, result: Path, recipe: Recipe) -> None:
    """Sweep up after a killed attempt and make sure that a checkpoint fits; every rank calls this.

    Raises:
        UserError: it does not, on every rank.
    """
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if dist.get_rank() == 0:
            result.mkdir(exist_ok=True)
            remove_halves(result)
            Room.of(result, recipe, _size(engine)).require()
    outcome.share()


def _size(engine: Any) -> Size:
    """Return the size of a run; under ZeRO-3 a parameter's own size is that of its partition."""
    counts = {one: getattr(one, "ds_numel", one.numel()) for one in engine.module.parameters()}
    trained = sum(count for one, count in counts.items() if one.requires_grad)
    return Size(sum(counts.values()), 0, trained)


def _require_numbers(state: dict[str, torch.Tensor], step: int, recipe: Recipe) -> None:
    """Refuse to save weights that training has made unusable."""
    for name, weights in state.items():
        if weights.is_floating_point() and not bool(weights.isfinite().all()):
            params = {"step": step, "name": name, "rate": recipe.stage.learning_rate}
            raise UserError(Problem("training.weights_lost", "learning_rate", params))


def _save_state(engine: Any, folder: Path, outcome: Outcome) -> None:
    """Let DeepSpeed write its files, so that a failed write ends no rank before the others are through."""

    def write(state_dict: Any, path: str) -> None:
        with outcome.part(), open(path, "wb") as file:  # given a path, torch.save loses the system's error
            torch.save(state_dict, file)

    engine.checkpoint_engine.save = write
    # Two scripts that nobody needs beside safetensors; rank 0 alone would fail at them.
    engine._copy_recovery_script = lambda _path: None
    engine.save_checkpoint(str(folder), tag=_TAG, save_latest=False)


def check_export(engine: Any, result: Path) -> None:
    """Try the export at step 0 on rank 0, every rank taking part in gathering the weights.

    Raises:
        UserError: the exported model would not be the trained one; the same on every rank.
    """
    state = _whole_weights(engine)
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if dist.get_rank() == 0:
            check_saved(engine.module, state, result / ".tmp-export-check")
    outcome.share()


def first_result(spec: RunSpec, folder: JobFolder) -> Path:
    """Return the result folder of the run that began at step 0: the job's own, or its trunk's."""
    return folder.result if spec.branch is None else folder.reach(spec.branch.checkpoint).parents[1]


def trunk_of(spec: RunSpec, folder: JobFolder) -> CheckpointFolder | None:
    """Return the checkpoint of another run that a branch goes on from before it has one of its own."""
    if spec.branch is None:
        return None
    return CheckpointFolder(spec.branch.step, folder.reach(spec.branch.checkpoint))


def restore(engine: Any, checkpoint: CheckpointFolder) -> Position:
    """Load weights, optimizer and random state; every rank calls this.

    Raises:
        UserError: the checkpoint was written by another number of ranks, or is not what was written.
    """
    position = _read_position(checkpoint.path)
    if position.ranks != dist.get_world_size():
        params = {"then": position.ranks, "now": dist.get_world_size()}
        raise UserError(Problem("checkpoint.other_ranks", "processes", params))
    engine.checkpoint_engine.load = partial(read_state, checkpoint.path)
    engine.load_checkpoint(str(checkpoint.path), tag=_TAG)
    _restore_random_state(load_file(checkpoint.path / f"rng-{dist.get_rank()}.safetensors"))
    return position


_TYPES = (LossScaler, fragment_address, ZeroStageEnum)
"""What DeepSpeed writes beside tensors and plain values."""


def read_state(folder: Path, path: str, map_location: Any = None) -> Any:
    """Return what is in a file of DeepSpeed: of a pickle's types the known ones alone, as others run code."""
    try:
        with torch.serialization.safe_globals(list(_TYPES)):
            return torch.load(path, map_location=map_location, weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError):
        params = {"folder": str(folder), "file": Path(path).name}
        raise UserError(Problem("checkpoint.damaged", None, params)) from None


def _read_position(folder: Path) -> Position:
    """Return the position in a checkpoint, all of whose files are there."""
    file = folder / POSITION
    if not file.is_file():
        raise UserError(Problem("checkpoint.damaged", None, {"folder": str(folder), "file": file.name}))
    position = parse_model(Position, file.read_bytes(), str(file))
    sizes = _sizes(folder)
    for name, size_bytes in position.files.items():
        if sizes.get(name) != size_bytes:
            raise UserError(Problem("checkpoint.damaged", None, {"folder": str(folder), "file": name}))
    return position


def _sizes(folder: Path) -> dict[str, int]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


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
    """Return the unpartitioned weights of the plain model on rank 0; every rank takes part."""
    if engine.zero_optimization_partition_weights():
        state = engine._zero3_consolidated_16bit_state_dict()
    else:
        state = engine.module.state_dict()
    return merged(engine.module, state) if dist.get_rank() == 0 else {}
