"""A run's protection made ready: importance measured on general text, anchors kept, springs attached."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from safetensors.torch import load_file

from domainstudio.disk import disk_problem
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import BY_IMPORTANCE, Recipe, Stage
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.by_parameter import ANCHOR, IMPORTANCE, keep, keep_flats, read_flats
from domainstudio.trainer.data import GeneralText
from domainstudio.trainer.importance import Importance, by_layers, fisher, normalised, recorded
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.partitions import flats
from domainstudio.trainer.springs import Springs


def measure_importance(
    spec: RunSpec, job: Path, model: torch.nn.Module, device: torch.device, tell: Callable[[int], None]
) -> Importance | None:
    """Return the importance of each parameter of a run's base, None where its spring needs none.

    All ranks call this before the model is handed to DeepSpeed; each needs room as `importance_bytes` says.

    Args:
        spec: of the run.
        job: its folder.
        model: fp32, at step 0; it is left as it was, on the CPU.
        device: where to compute.
        tell: told how many sequences are done; may raise on all ranks at once.
    """
    stage = spec.recipe.stage
    if stage.spring not in BY_IMPORTANCE:
        return None
    outcome = Outcome(lambda error: disk_problem(error, job))
    with outcome.part():  # each node reads its own disk
        earlier = _of_earlier_run(spec, job, model) if spec.importance else None
        sequences = None if spec.importance else GeneralText(spec, job)
    outcome.share()
    if earlier is not None:
        return _as_pulled(stage, earlier)
    assert sequences is not None
    model.to(device)
    try:
        if stage.spring == "ewc":
            found = _shared_fisher(model, sequences, spec.recipe, device, tell)
        else:
            found = _recorded(model, sequences, stage, device, tell)
    finally:
        model.to("cpu")
    return _as_pulled(stage, {name: values.cpu() for name, values in found.items()})


def _as_pulled(stage: Stage, importance: Importance) -> Importance:
    """Return importances as a spring takes them: the hierarchical one weighs the layers too."""
    return normalised(by_layers(importance)) if stage.spring == "hierarchical" else importance


def _of_earlier_run(spec: RunSpec, job: Path, model: torch.nn.Module) -> Importance:
    """Return what an earlier run recorded or measured.

    Raises:
        UserError: its file is gone, damaged or of another model.
    """
    file = JobFolder(job).reach(spec.importance)
    try:
        found = load_file(file)
        for name, weights in model.named_parameters():
            if weights.requires_grad and found[name].shape != weights.shape:
                raise ValueError(f"{name} has another shape")
    except (OSError, SafetensorError, KeyError, ValueError):
        raise UserError(Problem("importance.other_model", "importance_from", {"file": str(file)})) from None
    return found


def attach(spec: RunSpec, engine: Any, result: Path, importance: Importance | None) -> Springs | None:
    """Return the springs of a run that begins, what they need kept for a resumption; None without any.

    All ranks call this before the first step.

    Raises:
        UserError: the disk has no room; the same on every rank.
    """
    if spec.recipe.stage.spring == "none":
        return None
    keep_flats(engine, result / ANCHOR, [flat.detach() for flat in flats(engine)])
    if importance is not None:
        keep(result / IMPORTANCE, importance)
    return attach_again(spec, engine, result)


def attach_again(spec: RunSpec, engine: Any, result: Path) -> Springs | None:
    """Return the springs of a run that goes on, as they were, on any number of ranks.

    Raises:
        UserError: what was kept for this is gone or damaged; the same on every rank.
    """
    stage = spec.recipe.stage
    if stage.spring == "none":
        return None
    anchor = read_flats(engine, result / ANCHOR)
    importance = read_flats(engine, result / IMPORTANCE) if stage.spring in BY_IMPORTANCE else None
    return Springs(engine, stage, anchor, importance)


def _shared_fisher(
    model: torch.nn.Module,
    text: GeneralText,
    recipe: Recipe,
    device: torch.device,
    tell: Callable[[int], None],
) -> Importance:
    """Return the normalised Fisher information; each rank takes its share of the sequences."""
    rank, world = dist.get_rank(), dist.get_world_size()
    count = recipe.stage.importance_sequences
    each = -(-count // world)
    chooser = None
    if recipe.stage.fisher_labels == "model":
        chooser = torch.Generator(device).manual_seed(recipe.seed * world + rank)
    own = (text[turn * world + rank].to(device) for turn in range(each))
    found = fisher(model, own, lambda done: tell(min(count, done * world)), chooser)
    for values in found.values():
        dist.all_reduce(values)
    return normalised(found)


def _recorded(
    model: torch.nn.Module,
    text: GeneralText,
    stage: Stage,
    device: torch.device,
    tell: Callable[[int], None],
) -> Importance:
    """Return the normalised path integral; every rank records the same."""
    steps = max(1, stage.importance_sequences // stage.micro_batch)

    def batches() -> Iterator[torch.Tensor]:
        for step in range(steps):
            first = step * stage.micro_batch
            yield text.batch(first, stage.micro_batch).to(device)

    found = recorded(
        model, batches(), stage.learning_rate, steps, lambda done: tell(done * stage.micro_batch)
    )
    return normalised(found)
