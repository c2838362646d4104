"""Springs: they pull each weight back to where it was at step 0, the more the more it matters.

The penalty is strength / 2 * sum of importance * (weight - anchor)^2, with importances of mean 1 (all 1 for
L2-SP). It never enters the loss: it acts on each rank's fp32 weights, where a bf16 model has lost nothing.
Kirkpatrick et al. 2017 (arXiv 1612.00796), Li et al. 2018 (arXiv 1802.01483), decoupled as weight decay is in
Loshchilov and Hutter 2019 (arXiv 1711.05101).
"""

from collections.abc import Sequence
from typing import Any

import torch

from domainstudio.recipe.recipe import Stage
from domainstudio.trainer.partitions import averaged_gradients, flats, padding


class Springs:
    """Pull towards the anchor, before clipping, after it, or apart from the gradient."""

    def __init__(
        self,
        engine: Any,
        stage: Stage,
        anchor: Sequence[torch.Tensor],
        importance: Sequence[torch.Tensor] | None,
    ) -> None:
        """Act on every coming step of the engine.

        Args:
            engine: the DeepSpeed engine.
            stage: names the mode and the strength.
            anchor: fp32, laid out as `flats(engine)`.
            importance: alike; None counts all weights alike.
        """
        self._engine, self._mode, self._strength = engine, stage.spring_mode, stage.spring_strength
        self._weights, self.anchor = flats(engine), list(anchor)
        self.importance = None if importance is None else list(importance)
        self._padding = padding(engine)
        self._number = {id(flat): number for number, flat in enumerate(self._weights)}
        optimizer = engine.optimizer.optimizer
        if self._mode == "post-clip":
            optimizer.register_step_pre_hook(self._add_to_step)
        elif self._mode == "decoupled":
            optimizer.register_step_post_hook(self._draw_near)

    @torch.no_grad()
    def before_step(self) -> None:
        """Add the pull to the averaged gradients, if it is to be clipped with them."""
        if self._mode != "pre-clip":
            return
        for number in range(len(self._weights)):
            pull, place = self.pull(number), 0
            for part in averaged_gradients(self._engine, number):
                size = min(part.numel(), pull.numel() - place)
                part[:size].add_(pull[place : place + size])
                place += size

    def pull(self, number: int) -> torch.Tensor:
        """Return the gradient of the penalty for a flat tensor; nothing pulls at its padding."""
        found = self._weights[number].detach() - self.anchor[number]
        for gap in self._padding[number]:
            found[gap] = 0
        if self.importance is not None:
            found.mul_(self.importance[number])
        return found.mul_(self._strength)

    @torch.no_grad()
    def _add_to_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for number, weights, _rate in self._stepping(optimizer):
            assert weights.grad is not None
            weights.grad.add_(self.pull(number))

    @torch.no_grad()
    def _draw_near(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Take the step that the pull alone would take to its end: stable for any strength."""
        for number, weights, rate in self._stepping(optimizer):
            share = rate * self._strength
            if self.importance is None:
                weights.data.lerp_(self.anchor[number], share / (1 + share))
            else:
                shares = self.importance[number] * share
                # x / (1 + x) as 1 / (1 / x + 1), in place: memory is what a step of a small model waits for
                weights.data.lerp_(self.anchor[number], shares.reciprocal_().add_(1).reciprocal_())

    def _stepping(self, optimizer: torch.optim.Optimizer) -> list[tuple[int, torch.Tensor, float]]:
        """Return number, weights and rate of what is stepped now; ZeRO steps one group at a time."""
        return [
            (self._number[id(weights)], weights, float(group["lr"]))
            for group in optimizer.param_groups
            for weights in group["params"]
            if id(weights) in self._number
        ]
