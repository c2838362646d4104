"""Writing a checkpoint, on all ranks together; each node has a folder of it on its own disk.

deepspeed/           optimizer and model partitions, as DeepSpeed writes them
model/               the whole weights as safetensors, adapters merged: what export and later runs start from;
                     on node 0 alone
rng-<rank>.safetensors
path-<rank>.safetensors   what is recorded so far, if the run records
position.json        step, next draw, number of ranks, last losses, text left out, and what files are here
kept                 there if a person asked for this checkpoint
"""

import shutil
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from domainstudio.disk import disk_problem
from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    KEPT,
    MODEL,
    CheckpointFolder,
    checkpoint_name,
    list_checkpoints,
    mark_best,
    older,
    remove,
    remove_halves,
)
from domainstudio.model.adapters import merged
from domainstudio.model.folder import check_saved, save_model
from domainstudio.paths import make_parent, move_whole, sync_tree
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.size import Size
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.place import leads_node
from domainstudio.trainer.position import POSITION, TAG, Position, sizes
from domainstudio.trainer.recording import Recording
from domainstudio.trainer.room import Room


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

    A node's folder takes its name once every node's is whole.

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
            if leads_node():
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
            if leads_node() and is_asked:
                (temporary / KEPT).touch()
        outcome.share()
        with outcome.part():
            if leads_node():
                whole = position.model_copy(update={"files": sizes(temporary)})
                (temporary / POSITION).write_text(whole.model_dump_json())
                sync_tree(temporary)
        outcome.share()
        _take_names(temporary, CheckpointFolder(position.step, target), result, outcome)
        with outcome.part():
            if leads_node() and is_best:
                mark_best(result, position.step)
        outcome.share()
        _remove_older(result, recipe.keep_checkpoints, outcome)
    finally:
        if leads_node():
            shutil.rmtree(temporary, ignore_errors=True)
    return CheckpointFolder(position.step, target)


def _take_names(temporary: Path, made: CheckpointFolder, result: Path, outcome: Outcome) -> None:
    """Let the folders of all nodes take their name, or none if the disk of one refuses."""
    with outcome.part():
        if leads_node():
            move_whole(temporary, made.path)
    try:
        outcome.share()
    except UserError:
        if leads_node():
            remove(result, [made.step])
        raise


def _remove_older(result: Path, keep: int, outcome: Outcome) -> None:
    """Remove what the new checkpoint replaces: on all nodes what node 0 finds, where a person keeps some."""
    steps = list[list[int]]([[]])
    with outcome.part():
        if dist.get_rank() == 0:
            steps = [older(result, keep)]
    dist.broadcast_object_list(steps, src=0)
    with outcome.part():
        if leads_node():
            remove(result, steps[0])
    outcome.share()


def name_best(result: Path, step: int, *, is_result: bool = False) -> None:
    """Name the best checkpoint of a run, or its result; every rank calls this.

    Raises:
        UserError: the disk refuses; the same on every rank.
    """
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if leads_node():
            mark_best(result, step, is_result=is_result)
    outcome.share()


def newest_common(result: Path) -> CheckpointFolder | None:
    """Return the newest checkpoint that every node has, None if the run is to begin; every rank calls this.

    A node that was killed before its folder took its name lacks the newest.

    Raises:
        UserError: the nodes have several checkpoints and none in common; the same on every rank.
    """
    found: list[list[int]] = [[] for _rank in range(dist.get_world_size())]
    dist.all_gather_object(found, [one.step for one in list_checkpoints(result)])
    common = set.intersection(*map(set, found))
    if not common and max(map(len, found)) > 1:
        raise UserError(Problem("nodes.nothing_common", None, {"folder": str(result / CHECKPOINTS)}))
    return next((one for one in reversed(list_checkpoints(result)) if one.step in common), None)


def prepare(engine: Any, result: Path, recipe: Recipe, last: int) -> None:
    """Sweep up after a killed attempt and make sure that a checkpoint fits; every rank calls this.

    Args:
        engine: the DeepSpeed engine.
        result: of the job.
        recipe: of the run.
        last: the step from which the run goes on; what another node lacks of later ones goes.

    Raises:
        UserError: it does not, on every rank.
    """
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if leads_node():
            result.mkdir(exist_ok=True)
            remove_halves(result)
            remove(result, [one.step for one in list_checkpoints(result) if one.step > last])
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
    engine.save_checkpoint(str(folder), tag=TAG, save_latest=False)


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


def _random_state() -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _whole_weights(engine: Any) -> dict[str, torch.Tensor]:
    """Return the unpartitioned weights of the plain model on rank 0; every rank takes part."""
    if engine.zero_optimization_partition_weights():
        state = engine._zero3_consolidated_16bit_state_dict()
    else:
        state = engine.module.state_dict()
    return merged(engine.module, state) if dist.get_rank() == 0 else {}
