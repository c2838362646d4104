"""A run's protection made ready: importance measured on general text, anchors kept, springs attached.

result/importance.safetensors    what was measured, by parameter, normalised
result/springs/rank-<n>.safetensors    anchor and importance as this rank's weights lie, to resume with
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from domainstudio.disk import disk_problem
from domainstudio.paths import sync_file, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import BY_IMPORTANCE, Stage
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.data import GeneralText
from domainstudio.trainer.importance import Importance, by_layers, fisher, normalised, recorded
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.partitions import flats, spread
from domainstudio.trainer.springs import Springs

IMPORTANCE = "importance.safetensors"
SPRINGS = "springs"


def measure_importance(
    spec: RunSpec, job: Path, model: torch.nn.Module, device: torch.device, tell: Callable[[int], None]
) -> Importance | None:
    """Return the importance of each parameter of a run's base, None where its spring needs none.

    All ranks call this before the model is handed to DeepSpeed; each needs room for the whole model, its
    gradients and the importance in fp32 (12 bytes a parameter), for a recorded one 24.

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
    sequences = GeneralText(spec, job)
    model.to(device)
    try:
        if stage.spring == "ewc":
            found = _shared_fisher(model, sequences, stage.importance_sequences, device, tell)
        else:
            found = _recorded(model, sequences, stage, device, tell)
    finally:
        model.to("cpu")
    return {name: values.cpu() for name, values in found.items()}


def attach(spec: RunSpec, engine: Any, result: Path, importance: Importance | None) -> Springs | None:
    """Return the springs of a run that begins, what they need kept for a resumption; None without any.

    All ranks call this before the first step.

    Raises:
        UserError: the disk has no room; the same on every rank.
    """
    stage = spec.recipe.stage
    if stage.spring == "none":
        return None
    weights = flats(engine)
    anchor = [flat.detach().clone() for flat in weights]
    spread_out = None if importance is None else spread(engine, lambda name: importance[name], weights)
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if dist.get_rank() == 0 and importance is not None:
            _write(result / IMPORTANCE, importance)
        (result / SPRINGS).mkdir(exist_ok=True)
        _write(_file(result), _named(anchor, spread_out))
    outcome.share()
    return Springs(engine, stage, anchor, spread_out)


def attach_again(spec: RunSpec, engine: Any, result: Path) -> Springs | None:
    """Return the springs of a run that goes on, as they were.

    Raises:
        UserError: what was kept for this is gone or damaged; the same on every rank.
    """
    if spec.recipe.stage.spring == "none":
        return None
    file, kept = _file(result), dict[str, torch.Tensor]()
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        try:
            kept = load_file(file, device=str(flats(engine)[0].device))
            _require_fit(kept, flats(engine))
        except (OSError, SafetensorError, ValueError):
            params = {"folder": str(file.parent), "file": file.name}
            raise UserError(Problem("checkpoint.damaged", None, params)) from None
    outcome.share()
    count = len(flats(engine))
    anchor = [kept[f"anchor-{number}"] for number in range(count)]
    has_importance = "importance-0" in kept
    importance = [kept[f"importance-{number}"] for number in range(count)] if has_importance else None
    return Springs(engine, spec.recipe.stage, anchor, importance)


def _shared_fisher(
    model: torch.nn.Module,
    text: GeneralText,
    count: int,
    device: torch.device,
    tell: Callable[[int], None],
) -> Importance:
    """Return the normalised Fisher information; each rank takes its share of the sequences."""
    rank, world = dist.get_rank(), dist.get_world_size()
    each = -(-count // world)
    own = (text[turn * world + rank].to(device) for turn in range(each))
    found = fisher(model, own, lambda done: tell(min(count, done * world)))
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
    return normalised(by_layers(normalised(found)) if stage.spring == "hierarchical" else found)


def _file(result: Path) -> Path:
    return result / SPRINGS / f"rank-{dist.get_rank()}.safetensors"


def _named(anchor: list[torch.Tensor], importance: list[torch.Tensor] | None) -> dict[str, torch.Tensor]:
    named = {f"anchor-{number}": flat for number, flat in enumerate(anchor)}
    return named | {f"importance-{number}": flat for number, flat in enumerate(importance or [])}


def _write(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    temporary = file.with_name(f".tmp-{file.name}")
    try:
        save_file({name: values.contiguous() for name, values in tensors.items()}, temporary)
        sync_file(temporary)
        temporary.replace(file)
        sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _require_fit(kept: dict[str, torch.Tensor], weights: list[torch.Tensor]) -> None:
    names = {f"anchor-{number}" for number in range(len(weights))}
    if not names <= kept.keys():
        raise ValueError("an anchor is missing")
    for name, values in kept.items():
        kind, _dash, number = name.partition("-")
        if kind not in ("anchor", "importance") or values.shape != weights[int(number)].shape:
            raise ValueError(f"{name} is of another model")
