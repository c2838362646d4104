"""Held-out text cut into windows, and its loss: what a run probes, and what is measured again afterwards."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as functional
from transformers import PreTrainedModel

from domainstudio.evaluation.losses import Loss
from domainstudio.jobs.folder import JobFolder
from domainstudio.recipe.run import HeldOutSource
from domainstudio.tokenizer.packed import PackedTokens

_UNSCORED = -100


class HeldOutText:
    """The first whole held-out documents of one source, cut into windows; loaded once, scored many times."""

    def __init__(self, source: HeldOutSource, job: Path, tokens: int, length: int) -> None:
        """Cut the windows: inputs int64 [windows, length], labels alike, the last window padded unscored.

        Every token is scored once; the first is predicted from end-of-text.

        Args:
            source: the text.
            job: its token file is relative to it.
            tokens: so many at most, in whole documents.
            length: of a window.
        """
        self.source = source
        packed = PackedTokens(JobFolder(job).reach(source.tokens))
        stream, self.bytes = packed.whole_documents(tokens)
        self.tokens = len(stream)
        windows = max(1, -(-self.tokens // length))
        labels = torch.full((windows * length,), _UNSCORED, dtype=torch.int64)
        labels[: self.tokens] = torch.from_numpy(stream)
        inputs = torch.full((windows * length,), packed.meta.end_of_text, dtype=torch.int64)
        inputs[1 : self.tokens] = labels[: max(0, self.tokens - 1)]
        self.labels = labels.view(windows, length)
        self.inputs = inputs.view(windows, length)


@torch.no_grad()
def measure_alone(
    model: PreTrainedModel, text: HeldOutText, micro_batch: int, report: Callable[[int], None]
) -> Loss:
    """Return the held-out loss of a model in this process, as a run of one rank probes it.

    Args:
        model: on the device it runs on, without dropout.
        text: the windows.
        micro_batch: windows at a time.
        report: told how many windows are done after each micro-batch; may raise to stop.
    """
    device = model.device
    total = torch.zeros((), dtype=torch.float64, device=device)
    for first in range(0, len(text.inputs), micro_batch):
        chosen = slice(first, first + micro_batch)
        logits = model(input_ids=text.inputs[chosen].to(device), use_cache=False).logits
        total += cross_entropy(logits, text.labels[chosen].to(device), reduction="sum").double()
        report(min(first + micro_batch, len(text.inputs)))
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
