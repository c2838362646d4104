"""Held-out loss of every source, measured alike at step 0 and ever after."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as functional

from domainstudio.evaluation.losses import Loss
from domainstudio.jobs.folder import JobFolder
from domainstudio.recipe.run import HeldOutSource, RunSpec
from domainstudio.tokenizer.packed import PackedTokens

_UNSCORED = -100


class HeldOutText:
    """The first whole held-out documents of one source, cut into windows; loaded once, scored many times."""

    def __init__(self, source: HeldOutSource, job: Path, spec: RunSpec) -> None:
        """Cut the windows: inputs int64 [windows, length], labels alike, the last window padded unscored.

        Every token is scored once; the first is predicted from end-of-text.
        """
        self.source = source
        packed = PackedTokens(JobFolder(job).reach(source.tokens))
        stream, self.bytes = packed.whole_documents(spec.recipe.probe_tokens)
        length = spec.recipe.stage.sequence_length
        self.tokens = len(stream)
        windows = max(1, -(-self.tokens // length))
        labels = torch.full((windows * length,), _UNSCORED, dtype=torch.int64)
        labels[: self.tokens] = torch.from_numpy(stream)
        inputs = torch.full((windows * length,), packed.meta.end_of_text, dtype=torch.int64)
        inputs[1 : self.tokens] = labels[: max(0, self.tokens - 1)]
        self.labels = labels.view(windows, length)
        self.inputs = inputs.view(windows, length)


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


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return the loss in nats, computed in fp32.

    Args:
        logits: [sequences, length, vocabulary], any float dtype.
        labels: int64 [sequences, length]; -100 is not scored.
        reduction: mean or sum over scored tokens.
    """
    flat = logits.float().view(-1, logits.shape[-1])
    return functional.cross_entropy(flat, labels.reshape(-1), ignore_index=_UNSCORED, reduction=reduction)
