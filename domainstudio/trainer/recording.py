"""The path integral of a run that happens anyway: what each weight contributed to the fall of its loss."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file

from domainstudio.disk import disk_problem
from domainstudio.jobs.checkpoints import CheckpointFolder, list_checkpoints
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.by_parameter import ANCHOR, IMPORTANCE, keep, keep_flats, read_flats
from domainstudio.trainer.importance import PathIntegral, importance_of, normalised
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.partitions import clip_factor, flats, gather, spread
from domainstudio.trainer.position import read_position
from domainstudio.trainer.repartition import SavedPartitions


class Recording:
    """Rides on every step; what it sums up is part of each checkpoint."""

    def __init__(self, spec: RunSpec, engine: Any, result: Path, found: CheckpointFolder | None) -> None:
        """Begin, or go on where a checkpoint left off; all ranks do so before the first step.

        Raises:
            UserError: the disk refuses the anchor, or it is gone; the same on every rank.
        """
        self._engine, self._file = engine, result / IMPORTANCE
        weights, clip = flats(engine), spec.recipe.stage.gradient_clip
        self._path = PathIntegral(engine.optimizer.optimizer, weights, lambda: 1 / clip_factor(engine, clip))
        if found is None:
            keep_flats(engine, result / ANCHOR, self._path.start)
            return
        self._path.start = read_flats(engine, result / ANCHOR)
        self._read(found)

    def go_back_to(self, step: int) -> None:
        """Go on from a checkpoint of this run once more, or from where a branch began to record."""
        found = next((one for one in list_checkpoints(self._file.parent) if one.step == step), None)
        if found is None:
            self._path.contributions = [torch.zeros_like(one) for one in self._path.contributions]
        else:
            self._read(found)

    def _read(self, checkpoint: CheckpointFolder) -> None:
        outcome = Outcome(lambda error: disk_problem(error, checkpoint.path))
        with outcome.part():
            self._path.contributions = self._kept(checkpoint.path)
        outcome.share()

    def _kept(self, folder: Path) -> list[torch.Tensor]:
        """Return what a checkpoint's ranks had summed up, cut as the weights are now."""
        own, ranks = self._path.contributions, read_position(folder).ranks
        if ranks != dist.get_world_size():
            return spread(self._engine, SavedPartitions(self._engine, folder, ranks).contributions, own)
        kept = load_file(folder / _own_file(), device=str(own[0].device))
        return [kept[f"path-{number}"] for number in range(len(own))]

    def state(self) -> tuple[str, dict[str, torch.Tensor]]:
        """Return the name of this rank's file in a checkpoint, and what goes into it."""
        return _own_file(), {f"path-{number}": one for number, one in enumerate(self._path.contributions)}

    @property
    def anchor(self) -> list[torch.Tensor]:
        """The weights of step 0, laid out as `flats(engine)`."""
        return self._path.start

    def finish(self) -> None:
        """Write the importance of each parameter; all ranks call this after the last step.

        Each needs room for contribution and squared movement of the whole model, 8 bytes a parameter.

        Raises:
            UserError: the disk refuses; the same on every rank.
        """
        squares = [
            (own.detach() - first).square()
            for own, first in zip(flats(self._engine), self._path.start, strict=True)
        ]
        contributions = dict(gather(self._engine, self._path.contributions))
        moved = dict(gather(self._engine, squares))
        names = list(contributions)
        made = importance_of([contributions[name] for name in names], [moved[name] for name in names])
        found = normalised(dict(zip(names, made, strict=True)))
        keep(self._file, {name: values.cpu() for name, values in found.items()})


def _own_file() -> str:
    return f"path-{dist.get_rank()}.safetensors"
