"""Held-out loss of every source, measured by all ranks alike at step 0 and ever after."""

from typing import Any

import torch
import torch.distributed as dist

from domainstudio.evaluation.losses import Loss
from domainstudio.model.held_out import HeldOutText, cross_entropy


@torch.no_grad()
def measure(engine: Any, text: HeldOutText, micro_batch: int, device: torch.device) -> Loss:
    """Return the held-out loss; every rank scores its share of windows and calls this at the same time."""
    rank, world = dist.get_rank(), dist.get_world_size()
    total = torch.zeros((), dtype=torch.float64, device=device)
    engine.eval()
    for first in range(0, len(text.inputs), micro_batch * world):
        begin = first + rank * micro_batch
        # A rank without windows left repeats the first one unscored: all ranks make the same calls (ZeRO-3).
        is_idle = begin >= len(text.inputs)
        inputs = text.inputs[:1] if is_idle else text.inputs[begin : begin + micro_batch]
        labels = text.labels[begin : begin + micro_batch]
        logits = engine(input_ids=inputs.to(device), use_cache=False).logits
        if not is_idle:
            total += cross_entropy(logits, labels.to(device), reduction="sum").double()
    engine.train()
    dist.all_reduce(total)
    return Loss(float(total), text.tokens, text.bytes)
