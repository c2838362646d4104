"""One rank of a step with KL to the base beside plain PyTorch: `divergence_ranks.py MEETING ZERO`.

RANK and WORLD_SIZE say which; rank 0 prints, as JSON, how far the gradient that DeepSpeed steps with is from
that of mean loss + strength * divergence on the whole batch, how long it is, and loss and divergence twice.
"""

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from domainstudio.model.create import create_model
from domainstudio.model.held_out import cross_entropy
from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.recipe.shapes import SHAPES
from domainstudio.trainer import loop, partitions
from domainstudio.trainer.divergence import Divergence
from domainstudio.trainer.engine import start_engine, start_process_group

ROWS, MICRO_BATCHES, LENGTH, STRENGTH, STEP = 2, 3, 16, 0.7, 4


class Text:
    """Sequences whose numbers decide them."""

    def batch(self, first: int, count: int) -> torch.Tensor:
        seeds = (torch.Generator().manual_seed(number) for number in range(first, first + count))
        return torch.stack([torch.randint(0, 64, (LENGTH + 1,), generator=seed) for seed in seeds])


class Watch:
    """Stands where springs stand, and keeps the gradient that they would be given."""

    def __init__(self, engine: object) -> None:
        self._engine = engine
        self.gradients = list[torch.Tensor]()

    def before_step(self) -> None:
        for number, flat in enumerate(partitions.flats(self._engine)):
            parts = torch.cat([part.float() for part in partitions.averaged_gradients(self._engine, number)])
            whole = torch.zeros_like(flat, requires_grad=False)
            whole[: len(parts)] = parts[: len(whole)]
            self.gradients.append(whole)


def training_batch(turn: int, rank: int) -> torch.Tensor:
    return Text().batch(10_000 + 100 * turn + ROWS * rank, ROWS)


def main() -> None:
    meeting, zero = sys.argv[1:3]
    device = start_process_group(Path(meeting))
    rank, ranks = dist.get_rank(), dist.get_world_size()
    model, base = (create_model(SHAPES["tiny-neox"], 64, 0, seed) for seed in (1, 2))
    plain = create_model(SHAPES["tiny-neox"], 64, 0, 1)
    stage = Stage(
        micro_batch=ROWS, gradient_accumulation=MICRO_BATCHES, kl_strength=STRENGTH, sequence_length=LENGTH
    )
    recipe = Recipe.model_validate({"stages": (stage,), "zero_stage": int(zero), "processes": ranks})
    engine = start_engine(model, recipe)
    watch, divergence = Watch(engine), Divergence(base, Text(), ROWS, ROWS * ranks, STRENGTH)
    batches = [training_batch(turn, rank) for turn in range(MICRO_BATCHES)]
    told = loop._learn(engine, watch, divergence, STEP, batches, device)
    found = dict(partitions.gather(engine, watch.gradients))

    whole = torch.cat([training_batch(turn, one) for turn in range(MICRO_BATCHES) for one in range(ranks)])
    general = Text().batch((STEP - 1) * ranks * ROWS, ranks * ROWS)[:, :-1]
    loss = cross_entropy(plain(input_ids=whole[:, :-1]).logits, whole[:, 1:])
    aim, said = (one(input_ids=general).logits.softmax(-1) for one in (base, plain))
    moved = (aim * (aim.log() - said.log())).sum(-1).mean()
    torch.autograd.backward(loss + STRENGTH * moved)
    apart = max(float((found[name] - one.grad).abs().max()) for name, one in plain.named_parameters())
    longest = max(float(one.grad.abs().max()) for one in plain.parameters())
    if os.environ["RANK"] == "0":
        print("\n" + json.dumps([apart, longest, told, [loss.item(), moved.item()]]))


if __name__ == "__main__":
    main()
