"""A first phase in which only the rows of new tokens are trained, until they have found their place.

The gradients of everything else are zero then, before they are summed over ranks and clipped, and nothing
decays: so Adam's moments stay zero there and no weight moves. Which step ends the phase is the recipe's, so a
run that is resumed does the same.
"""

from typing import Any

import torch
from transformers import PreTrainedModel

from domainstudio.recipe.run import RunSpec


class NewRowsPhase:
    """Holds all but the new rows of embedding and output fast, for as many steps as the recipe wants."""

    def __init__(self, engine: Any, spec: RunSpec) -> None:
        """Watch the gradients of the engine's model; nothing is held before the first step begins.

        Args:
            engine: just started, so that its groups decay as they will after the phase.
            spec: says which rows are new, and until which step they are alone.
        """
        self._engine = engine
        self._decays = [group["weight_decay"] for group in engine.optimizer.param_groups]
        self._steps = spec.recipe.stage.new_rows_steps
        first = spec.vocabulary if spec.first_new_row is None else spec.first_new_row
        self._new = slice(first, spec.vocabulary)
        self._is_on = False
        if self._steps:
            self._watch(engine.module)

    def begin_step(self, step: int) -> None:
        """Hold fast or let go, as the coming step wants it."""
        self._is_on = step <= self._steps
        if self._steps:
            # A restored optimizer has groups of its own, with the decay of the step they were saved at.
            for group, decay in zip(self._engine.optimizer.param_groups, self._decays, strict=True):
                group["weight_decay"] = 0.0 if self._is_on else decay

    def _watch(self, model: PreTrainedModel) -> None:
        tables = [model.get_input_embeddings(), model.get_output_embeddings()]
        by_row = {id(one) for table in tables if table is not None for one in table.parameters()}
        for parameter in model.parameters():
            if parameter.requires_grad:
                hook = self._of_new_rows if id(parameter) in by_row else self._of_nothing
                parameter.register_hook(hook)

    def _of_new_rows(self, gradient: torch.Tensor) -> torch.Tensor:
        if not self._is_on:
            return gradient
        kept = torch.zeros_like(gradient)
        kept[self._new] = gradient[self._new]
        return kept

    def _of_nothing(self, gradient: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(gradient) if self._is_on else gradient
