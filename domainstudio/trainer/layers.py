"""The layer map at the end of a run: importance and distance from the anchor, summed up over all ranks.

result/layers.json
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from domainstudio.disk import disk_problem
from domainstudio.paths import write_atomically
from domainstudio.recipe.layers import LAYERS_FILE, Layer, LayerKey, LayerMap, layer_of, place_of
from domainstudio.trainer.by_parameter import IMPORTANCE, read_flats
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.partitions import flats, pieces, shapes
from domainstudio.trainer.recording import Recording
from domainstudio.trainer.springs import Springs


def keep_layer_map(
    engine: Any, result: Path, step: int, springs: Springs | None, recording: Recording | None
) -> None:
    """Write the layer map of a run that has an anchor; all ranks call this after the last step.

    Args:
        engine: the DeepSpeed engine.
        result: of the run; rank 0 writes there.
        step: the last one.
        springs: of the run, if it has any.
        recording: finished, if the run records.

    Raises:
        UserError: the disk refuses; the same on every rank.
    """
    if springs is not None:
        anchor, importance = springs.anchor, springs.importance
    elif recording is not None:
        anchor, importance = recording.anchor, read_flats(engine, result / IMPORTANCE)
    else:
        return
    found = layer_map(engine, step, anchor, importance)
    outcome = Outcome(lambda error: disk_problem(error, result))
    with outcome.part():
        if dist.get_rank() == 0:
            write_atomically(result / LAYERS_FILE, found.model_dump_json().encode())
    outcome.share()


@torch.no_grad()
def layer_map(
    engine: Any, step: int, anchor: Sequence[torch.Tensor], importance: Sequence[torch.Tensor] | None
) -> LayerMap:
    """Return the map of what this engine trains, the same on every rank; all ranks take part.

    Each rank sums up its own pieces in fp64, so that only sums are exchanged.

    Args:
        engine: the DeepSpeed engine.
        step: whose weights it has.
        anchor: fp32, laid out as `flats(engine)`.
        importance: alike; None if none was measured.
    """
    layers = {name: layer_of(name, shape) for name, shape in shapes(engine).items()}
    keys = sorted(set(layers.values()), key=place_of)
    weights = flats(engine)
    sums = torch.zeros(len(keys), 4, dtype=torch.float64, device=weights[0].device)
    for piece in pieces(engine):
        part = slice(piece.place, piece.place + piece.numel)
        start = anchor[piece.flat][part]
        row = sums[keys.index(layers[piece.name])]
        row[0] += piece.numel
        row[1] += _squares(weights[piece.flat].detach()[part] - start)
        row[2] += _squares(start)
        if importance is not None:
            row[3] += importance[piece.flat][part].sum(dtype=torch.float64)
    dist.all_reduce(sums)
    rows = zip(keys, sums.tolist(), strict=True)
    return LayerMap(
        step=step, layers=tuple(_layer(key, *row, is_measured=importance is not None) for key, row in rows)
    )


def _squares(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of squares in fp64, without a copy in it."""
    norm: torch.Tensor = torch.linalg.vector_norm(values, dtype=torch.float64)
    return norm.square()


def _layer(
    key: LayerKey, count: float, moved: float, anchor: float, importance: float, *, is_measured: bool
) -> Layer:
    """Return a layer from the sums over its weights: squares of the distance and of the anchor."""
    return Layer(
        kind=key[0],
        block=key[1],
        weights=round(count),
        importance=importance / count if is_measured else None,
        moved=(moved / count) ** 0.5,
        anchor=(anchor / count) ** 0.5,
    )
