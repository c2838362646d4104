"""KL to the base: a term of the loss that keeps what the model says of general text near what its base says.

The forward divergence KL(p_base || p_model) of Li and Hoiem 2016 (arXiv 1606.09282), in nats a token, on one
micro-batch of general text a step. It is a loss by nature, so each step costs a micro-batch and one forward
pass more; the base lies whole on every device.

result/base/    the base as it was at step 0, for a run that goes on
"""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as functional
from transformers import PreTrainedModel

from domainstudio.disk import disk_problem
from domainstudio.jobs.folder import JobFolder
from domainstudio.model.folder import load_model, save_model
from domainstudio.paths import move_whole
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.data import GeneralText
from domainstudio.trainer.engine import plain_model
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.place import leads_node

BASE = "base"


class Divergence:
    """What a run has moved away from its base on general text, to be part of its loss."""

    def __init__(
        self, base: torch.nn.Module, text: GeneralText, micro_batch: int, sequences: int, strength: float
    ) -> None:
        """Take the base, which is frozen and without dropout from now on, on the device of the run.

        Args:
            base: at step 0.
            text: to measure on.
            micro_batch: sequences that a device handles at once.
            sequences: of all ranks at a step, a multiple of their number.
            strength: of the divergence as a part of the aim.
        """
        self._base = base.eval().requires_grad_(False)
        self._text, self._sequences = text, sequences
        self._sequences_here = sequences // dist.get_world_size()
        self._micro_batch = math.gcd(micro_batch, self._sequences_here)
        self.strength = strength

    @property
    def turns(self) -> int:
        """The micro-batches of this rank at a step: one, unless the run goes on on fewer ranks."""
        return self._sequences_here // self._micro_batch

    def at(self, step: int, model: Any, device: torch.device) -> Iterator[torch.Tensor]:
        """Yield the divergence on each micro-batch of this rank at a step from 1, a pure function of both.

        Args:
            step: of the run.
            model: the DeepSpeed engine, or a causal language model.
            device: where both models are.
        """
        first = (step - 1) * self._sequences + dist.get_rank() * self._sequences_here
        for turn in range(self.turns):
            batch = self._text.batch(first + turn * self._micro_batch, self._micro_batch)
            inputs = batch[:, :-1].to(device)
            with torch.no_grad():
                aim = self._base(input_ids=inputs, use_cache=False).logits
            yield kl_divergence(aim, model(input_ids=inputs, use_cache=False).logits)


def kl_divergence(base: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """Return KL(p_base || p_model) in nats, the mean over tokens, computed in fp32.

    Args:
        base: logits [sequences, length, vocabulary], any float dtype.
        model: alike; what is differentiated.
    """
    aim, found = (one.float().flatten(0, -2).log_softmax(-1) for one in (base, model))
    return functional.kl_div(found, aim, reduction="batchmean", log_target=True)


def attach(
    spec: RunSpec, folder: JobFolder, result: Path, device: torch.device, *, is_new: bool
) -> Divergence | None:
    """Return the divergence from a run's base, which is kept for a resumption; None if it has no strength.

    All ranks call this before the first step.

    Args:
        spec: of the run.
        folder: of the job.
        result: of the run that began at step 0: the job's, or that of its trunk.
        device: of the run.
        is_new: whether nothing is kept yet.

    Raises:
        UserError: the base cannot be read, or the disk has no room for it; the same on every rank.
    """
    stage = spec.recipe.stage
    if not stage.kl_strength:
        return None
    kept = result / BASE
    outcome = Outcome(lambda error: disk_problem(error, folder.path))
    with outcome.part():  # each node reads its own disk
        text = GeneralText(spec, folder.path)
        base = plain_model(spec, folder.path) if is_new else load_model(kept)
    outcome.share()
    if spec.recipe.precision == "bf16":
        base.to(torch.bfloat16)  # as DeepSpeed rounds the model
    if is_new:
        _keep(base, kept)
    sequences = stage.micro_batch * spec.recipe.processes
    return Divergence(base.to(device), text, stage.micro_batch, sequences, stage.kl_strength)


def _keep(base: PreTrainedModel, kept: Path) -> None:
    """Write the base whole, in place of what a killed attempt has left."""
    outcome = Outcome(lambda error: disk_problem(error, kept.parent))
    temporary = kept.with_name(f".tmp-{BASE}")
    with outcome.part():
        if leads_node():
            for folder in (temporary, kept):
                shutil.rmtree(folder, ignore_errors=True)
            save_model(base, base.state_dict(), temporary)
            move_whole(temporary, kept)
    outcome.share()
