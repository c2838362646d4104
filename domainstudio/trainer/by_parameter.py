"""Tensors that a run keeps in its result by the name of the parameter, whatever the number of ranks.

result/anchor.safetensors        the trained weights of step 0, fp32
result/importance.safetensors    how much each matters, fp32 with a mean of 1
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from domainstudio.disk import disk_problem
from domainstudio.paths import sync_file, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.run import IMPORTANCE_FILE
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.partitions import flats, gather, pieces, spread
from domainstudio.trainer.place import leads_node

ANCHOR = "anchor.safetensors"
IMPORTANCE = IMPORTANCE_FILE


def keep_flats(engine: Any, file: Path, parts: list[torch.Tensor]) -> None:
    """Write flat tensors of all ranks by parameter; every rank calls this.

    Args:
        engine: the DeepSpeed engine.
        file: each node's leader writes it.
        parts: laid out as the weights are.

    Raises:
        UserError: the disk refuses; the same on every rank.
    """
    writes = leads_node()
    whole = {name: values.cpu() for name, values in gather(engine, parts) if writes}
    keep(file, whole)


def keep(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write tensors that each node's leader has; every rank calls this.

    Raises:
        UserError: the disk refuses; the same on every rank.
    """
    outcome = Outcome(lambda error: disk_problem(error, file.parent))
    with outcome.part():
        if leads_node():
            file.parent.mkdir(exist_ok=True)
            _write(file, tensors)
    outcome.share()


def read_flats(engine: Any, file: Path) -> list[torch.Tensor]:
    """Return what a file holds as this rank's flat tensors; padding is 0.

    Raises:
        UserError: the file is gone, damaged or of another model; the same on every rank.
    """
    weights, found = flats(engine), list[torch.Tensor]()
    outcome = Outcome(lambda error: disk_problem(error, file.parent))
    with outcome.part():
        try:
            with safe_open(str(file), "pt") as kept:
                _require_fit(engine, kept)
                found = spread(engine, kept.get_tensor, weights)
        except (OSError, SafetensorError, ValueError):
            params = {"folder": str(file.parent), "file": file.name}
            raise UserError(Problem("checkpoint.damaged", None, params)) from None
    outcome.share()
    return found


def _require_fit(engine: Any, kept: Any) -> None:
    names = set(kept.keys())
    for piece in pieces(engine):
        if piece.name not in names:
            raise ValueError(f"{piece.name} is missing")
        shape = kept.get_slice(piece.name).get_shape()
        if torch.Size(shape).numel() < piece.start + piece.numel:
            raise ValueError(f"{piece.name} is of another model")


def _write(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    temporary = file.with_name(f".tmp-{file.name}")
    try:
        save_file({name: values.contiguous() for name, values in tensors.items()}, temporary)
        sync_file(temporary)
        temporary.replace(file)
        sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)
