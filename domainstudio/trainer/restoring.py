"""Reading a checkpoint, on all ranks together; what lies there: `checkpoints`."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file

from domainstudio.disk import disk_problem
from domainstudio.jobs.checkpoints import CheckpointFolder
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.position import TAG, Position, read_position
from domainstudio.trainer.repartition import SavedPartitions, take_over
from domainstudio.trainer.states import read_state


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

    If another number of ranks wrote them, they are cut anew.

    Raises:
        UserError: the checkpoint is not what was written, on whatever node; the same on every rank.
    """
    folder, own = checkpoint.path, f"rng-{dist.get_rank()}.safetensors"
    outcome = Outcome(lambda error: disk_problem(error, folder))
    with outcome.part():
        position = read_position(folder)
        is_as_cut = position.ranks == dist.get_world_size()
        saved = None if is_as_cut else SavedPartitions(engine, folder, position.ranks)
        if is_as_cut and not (folder / own).is_file():
            raise UserError(Problem("checkpoint.damaged", None, {"folder": str(folder), "file": own}))
    outcome.share()
    if saved is None:
        engine.checkpoint_engine.load = partial(read_state, folder)
        engine.load_checkpoint(str(folder), tag=TAG)
    else:
        take_over(engine, saved)
    if (folder / own).is_file():  # more ranks than then go on from their seed
        _restore_random_state(load_file(folder / own))
    return position


def _restore_random_state(state: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])
