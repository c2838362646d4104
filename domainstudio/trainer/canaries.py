"""Canary facts scored by log-likelihood: an answer is right if the right ending is the likeliest.

As lm-evaluation-harness does for `acc`: the endings' total log-probabilities are compared, unnormalised.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as functional

from domainstudio.recipe.canaries import FrozenCanary

_UNSCORED = -100


class CanaryRows:
    """All endings of all facts as rows of ids, padded at their end; made once, scored many times."""

    def __init__(self, canaries: Sequence[FrozenCanary]) -> None:
        """Lay out inputs and labels, int64 [rows, longest - 1]."""
        self.counts = [len(canary.choices) for canary in canaries]
        rows = [(ids, canary.scored_from) for canary in canaries for ids in canary.choices]
        longest = max((len(ids) for ids, _first in rows), default=1)
        self.inputs = torch.zeros((len(rows), longest - 1), dtype=torch.int64)
        self.labels = torch.full_like(self.inputs, _UNSCORED)
        for row, (ids, first) in enumerate(rows):
            values = torch.tensor(ids)
            self.inputs[row, : len(ids) - 1] = values[:-1]
            self.labels[row, first - 1 : len(ids) - 1] = values[first:]


@torch.no_grad()
def answer(engine: Any, rows: CanaryRows, batch_tokens: int, device: torch.device) -> list[bool]:
    """Return which facts are answered right; every rank scores its share and calls this at the same time.

    Args:
        engine: the DeepSpeed engine.
        rows: the facts.
        batch_tokens: what a device handles at once.
        device: of this rank.
    """
    if not rows.counts:
        return []
    rank, world = dist.get_rank(), dist.get_world_size()
    scores = torch.zeros(len(rows.inputs), dtype=torch.float64, device=device)
    engine.eval()
    batch = max(1, batch_tokens // rows.inputs.shape[1])
    for first in range(0, len(scores), batch * world):
        begin = first + rank * batch
        # A rank without rows left repeats the first one unscored: all ranks make the same calls (ZeRO-3).
        is_idle = begin >= len(scores)
        part = slice(0, 1) if is_idle else slice(begin, begin + batch)
        logits = engine(input_ids=rows.inputs[part].to(device), use_cache=False).logits.float()
        if not is_idle:
            labels = rows.labels[part].to(device)
            losses = functional.cross_entropy(
                logits.transpose(1, 2), labels, ignore_index=_UNSCORED, reduction="none"
            )
            scores[part] = -losses.double().sum(1)
    engine.train()
    dist.all_reduce(scores)
    return [bool(choices[0] > choices[1:].max()) for choices in torch.split(scores, rows.counts)]
