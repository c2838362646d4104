"""Importance: how much each weight matters for what a model knows already, measured on general text.

Fisher: Kirkpatrick et al. 2017 (arXiv 1612.00796), one sequence an observation; the empirical form, or with
labels drawn from the model, the true one (Kunstner et al. 2019, arXiv 1905.12558, tell both apart). Path
integral: Zenke et al. 2017 (arXiv 1703.04200). Layers: Song et al. 2025 (arXiv 2501.13669), made safe where
the norms of layers span decades.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import torch

from domainstudio.model.held_out import cross_entropy
from domainstudio.recipe.size import block_of

Importance = dict[str, torch.Tensor]
"""By the name of the parameter: fp32, of its shape."""
CLIPPED_QUANTILE = 0.999
_SAMPLED = 1 << 22
"""Values from which the quantile is estimated."""


def fisher(
    model: torch.nn.Module,
    sequences: Iterable[torch.Tensor],
    tell: Callable[[int], None],
    chooser: torch.Generator | None = None,
) -> Importance:
    """Return the Fisher information: the mean square of each sequence's gradient of log-likelihood.

    Args:
        model: a causal language model; dropout is switched off meanwhile, its gradients are gone after.
        sequences: int64 [length + 1] each; the gradient of one alone is squared, never that of a batch.
        tell: told after each sequence how many are done.
        chooser: on the model's device, draws the label of each place from what the model says of it, an
            estimate without bias of the true Fisher; None takes the text's own labels, the empirical one.
    """
    was_training = model.training
    model.eval()
    trained = [(name, weights) for name, weights in model.named_parameters() if weights.requires_grad]
    found = {name: torch.zeros_like(weights) for name, weights in trained}
    count = 0
    for count, sequence in enumerate(sequences, 1):  # noqa: B007
        model.zero_grad(set_to_none=True)
        logits = model(input_ids=sequence[None, :-1], use_cache=False).logits
        labels = sequence[None, 1:] if chooser is None else _drawn(logits, chooser)
        torch.autograd.backward(cross_entropy(logits, labels, reduction="sum"))
        for name, weights in trained:
            if weights.grad is not None:
                found[name].addcmul_(weights.grad, weights.grad)
        tell(count)
    model.zero_grad(set_to_none=True)
    model.train(was_training)
    for values in found.values():
        values.div_(max(1, count))
    return found


@torch.no_grad()
def _drawn(logits: torch.Tensor, chooser: torch.Generator) -> torch.Tensor:
    """Return labels [1, length] drawn from logits [1, length, vocabulary]."""
    return torch.multinomial(torch.softmax(logits[0].float(), -1), 1, generator=chooser).view(1, -1)


class PathIntegral:
    """What each weight has contributed to the fall of the loss: minus gradient times movement, summed up.

    It rides on any run with AdamW or SGD; weight decay's part of a movement is nobody's merit and left out.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        weights: Sequence[torch.Tensor],
        unclipped: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """Record every coming step of an optimizer, by the gradient that it gets.

        Args:
            optimizer: whose parameters the weights are.
            weights: fp32, the very tensors that it moves.
            unclipped: returns what the gradient of the present step has to be multiplied with to be that of
                the loss again.
        """
        self._unclipped = unclipped
        self._weights = list(weights)
        self._number = {id(one): number for number, one in enumerate(self._weights)}
        self._before = [torch.empty_like(one, requires_grad=False) for one in self._weights]
        self.start = [one.detach().clone() for one in self._weights]
        self.contributions = [torch.zeros_like(one, requires_grad=False) for one in self._weights]
        self._handles = [
            optimizer.register_step_pre_hook(self._remember),
            optimizer.register_step_post_hook(self._add),
        ]

    def remove(self) -> None:
        """Record no more."""
        for handle in self._handles:
            handle.remove()

    def importance(self) -> list[torch.Tensor]:
        """Return what the contributions so far say."""
        squares = [
            (one.detach() - first).square() for one, first in zip(self._weights, self.start, strict=True)
        ]
        return importance_of(self.contributions, squares)

    @torch.no_grad()
    def _remember(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for number, weights, _group in self._stepping(optimizer):
            self._before[number].copy_(weights.detach())

    @torch.no_grad()
    def _add(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for number, weights, group in self._stepping(optimizer):
            if weights.grad is None:
                continue
            back = self._before[number]  # from where the step came to where decay alone would have come
            if isinstance(optimizer, torch.optim.AdamW) and group["weight_decay"]:
                back.mul_(1 - group["lr"] * group["weight_decay"])
            back.sub_(weights.detach())
            self.contributions[number].addcmul_(weights.grad, back, value=self._unclipped())

    def _stepping(self, optimizer: torch.optim.Optimizer) -> list[tuple[int, torch.Tensor, dict[str, Any]]]:
        return [
            (self._number[id(weights)], weights, group)
            for group in optimizer.param_groups
            for weights in group["params"]
            if id(weights) in self._number
        ]


def importance_of(
    contributions: Sequence[torch.Tensor], squares: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Return contribution over squared movement; the median squared movement guards the division.

    A weight that hardly moved has shown nothing; one whose movement raised the loss counts as 0.

    Args:
        contributions: of all weights, in parts of any shape.
        squares: the squared movement of each, alike.
    """
    guard = max(_quantile(squares, 0.5), torch.finfo(torch.float32).tiny)
    return [
        made.clamp(min=0).div_(square + guard) for made, square in zip(contributions, squares, strict=True)
    ]


def recorded(
    model: torch.nn.Module,
    batches: Iterable[torch.Tensor],
    rate: float,
    steps: int,
    tell: Callable[[int], None],
) -> Importance:
    """Return the path integral of a short pass over general text; the model is left as it was.

    Args:
        model: a causal language model.
        batches: int64 [sequences, length + 1] each.
        rate: of AdamW without weight decay, after a warm-up over a tenth of the steps.
        steps: how many.
        tell: told after each step how many are done.
    """
    was_training = model.training
    model.eval()
    trained = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    names, weights = zip(*trained, strict=True)
    optimizer = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
    path = PathIntegral(optimizer, weights)
    for step, batch in enumerate(islice(batches, steps), 1):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, step / max(1, steps // 10))
        optimizer.zero_grad(set_to_none=True)
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        torch.autograd.backward(cross_entropy(logits, batch[:, 1:]))
        optimizer.step()
        tell(step)
    path.remove()
    found = dict(zip(names, path.importance(), strict=True))
    with torch.no_grad():
        for own, first in zip(weights, path.start, strict=True):
            own.copy_(first)
    model.zero_grad(set_to_none=True)
    model.train(was_training)
    return found


def normalised(importance: Mapping[str, torch.Tensor]) -> Importance:
    """Return importances cut at their 99.9th percentile and scaled to a mean of 1.

    One strength then means the same for every method; without any importance at all each weight has 1.
    """
    highest = _quantile(importance.values(), CLIPPED_QUANTILE)
    cut = {name: values.clamp(max=highest) for name, values in importance.items()}
    total = sum(float(values.double().sum()) for values in cut.values())
    count = sum(values.numel() for values in cut.values())
    if not total:
        return {name: torch.ones_like(values) for name, values in cut.items()}
    return {name: values * (count / total) for name, values in cut.items()}


def by_layers(importance: Mapping[str, torch.Tensor], temperature: float = 1.0) -> Importance:
    """Return importances times the coefficient of their block, which has a mean of 1 over all blocks.

    The coefficient is the softmax of the standardised norms, each over the root of its size: of raw norms,
    which span decades, one block would take all. Embedding, norms and head are no blocks: theirs is 1.
    """
    coefficients = layer_coefficients(importance, temperature)
    return {
        name: values * (coefficients[layer] if (layer := block_of(name)) is not None else 1.0)
        for name, values in importance.items()
    }


def layer_coefficients(importance: Mapping[str, torch.Tensor], temperature: float = 1.0) -> dict[int, float]:
    """Return the coefficient of each block by its number."""
    squares, sizes = dict[int, float](), dict[int, int]()
    for name, values in importance.items():
        layer = block_of(name)
        if layer is not None:
            squares[layer] = squares.get(layer, 0.0) + float(values.double().square().sum())
            sizes[layer] = sizes.get(layer, 0) + values.numel()
    if not squares:
        return {}
    norms = torch.tensor([(squares[layer] / sizes[layer]) ** 0.5 for layer in sorted(squares)])
    spread = norms.std(correction=0)
    standard = (norms - norms.mean()) / spread if float(spread) else torch.zeros_like(norms)
    shares = torch.softmax(standard.double() / temperature, 0) * len(norms)
    return dict(zip(sorted(squares), shares.tolist(), strict=True))


def _quantile(values: Iterable[torch.Tensor], share: float) -> float:
    """Return a quantile of all values; of very many, that of evenly spaced ones."""
    parts = [part.reshape(-1) for part in values]
    step = max(1, sum(map(len, parts)) // _SAMPLED)
    sample = torch.cat([part[::step] for part in parts]).float()
    place = round(share * (len(sample) - 1)) + 1
    return float(sample.kthvalue(place).values)
