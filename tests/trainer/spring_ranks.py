"""One rank of springs under DeepSpeed beside plain PyTorch: `spring_ranks.py MEETING ZERO PRECISION`.

RANK and WORLD_SIZE say which; rank 0 prints, for each mode, how far the weights end from those of plain
PyTorch on the whole batch, and how far they have moved, as JSON.
"""

import json
import os
import sys
from pathlib import Path

import deepspeed
import torch
import torch.distributed as dist

from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe, SpringMode, Stage
from domainstudio.trainer import partitions
from domainstudio.trainer.engine import start_process_group
from domainstudio.trainer.springs import Springs

STEPS, MICRO_BATCHES, ROWS, RATE, STRENGTH, CLIP = 8, 2, 2, 0.05, 0.7, 0.5
MODES: tuple[SpringMode, ...] = ("pre-clip", "post-clip", "decoupled")
Net = torch.nn.Sequential


def net() -> Net:
    """Return a net whose parameters no number of ranks divides."""
    torch.manual_seed(1)
    return Net(torch.nn.Linear(7, 11), torch.nn.Tanh(), torch.nn.LayerNorm(11), torch.nn.Linear(11, 5))


def data(ranks: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and targets: [steps, micro-batches, ranks, rows, width]."""
    chooser = torch.Generator().manual_seed(5)
    shape = (STEPS, MICRO_BATCHES, ranks, ROWS)
    return torch.randn(*shape, 7, generator=chooser), torch.randn(*shape, 5, generator=chooser)


def weighting(model: Net) -> dict[str, torch.Tensor]:
    """Return an importance of each weight."""
    chooser = torch.Generator().manual_seed(3)
    return {name: 2 * torch.rand(one.shape, generator=chooser) for name, one in model.named_parameters()}


def by_plain_torch(mode: SpringMode, ranks: int) -> tuple[Net, float]:
    """Train on the whole batch with the penalty written out; return the net and its longest movement."""
    model = net()
    importance, anchor = (
        weighting(model),
        {name: one.detach().clone() for name, one in model.named_parameters()},
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    inputs, targets = data(ranks)
    for step in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward(((model(inputs[step]) - targets[step]) ** 2).mean())
        pull = {
            name: STRENGTH * importance[name] * (one.detach() - anchor[name])
            for name, one in model.named_parameters()
        }
        if mode == "pre-clip":
            _add(model, pull)
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        if mode == "post-clip":
            _add(model, pull)
        optimizer.step()
        if mode == "decoupled":
            with torch.no_grad():
                for name, one in model.named_parameters():
                    share = RATE * STRENGTH * importance[name]
                    one.copy_((one + share * anchor[name]) / (1 + share))
    moved = max(float((one - anchor[name]).detach().abs().max()) for name, one in model.named_parameters())
    return model, moved


def _add(model: Net, pull: dict[str, torch.Tensor]) -> None:
    for name, one in model.named_parameters():
        assert one.grad is not None
        one.grad += pull[name]


def by_deepspeed(mode: SpringMode, zero: int, precision: str) -> dict[str, torch.Tensor]:
    """Train this rank's rows; return the fp32 weights."""
    stage = Stage(
        gradient_clip=CLIP, micro_batch=ROWS, gradient_accumulation=MICRO_BATCHES,
        spring="ewc", spring_mode=mode, spring_strength=STRENGTH,
    )  # fmt: skip
    rank, ranks, model = dist.get_rank(), dist.get_world_size(), net()
    recipe = Recipe.model_validate(
        {"stages": (stage,), "zero_stage": zero, "precision": precision, "processes": ranks}
    )
    importance = weighting(model)
    matrices = [one for one in model.parameters() if one.ndim >= 2]
    vectors = [one for one in model.parameters() if one.ndim < 2]
    optimizer = torch.optim.SGD([{"params": matrices}, {"params": vectors}], lr=RATE, momentum=0.9)
    config = deepspeed_config(recipe, sum(one.numel() for one in model.parameters()))
    engine, *_ = deepspeed.initialize(
        model=model, optimizer=optimizer, config=config | {"zero_allow_untested_optimizer": True}
    )
    weights = partitions.flats(engine)
    anchor = [flat.detach().clone() for flat in weights]
    springs = Springs(
        engine, stage, anchor, partitions.spread(engine, lambda name: importance[name], weights)
    )
    inputs, targets = data(ranks)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    for step in range(STEPS):
        engine.micro_steps = 0
        for turn in range(MICRO_BATCHES):
            made = engine(inputs[step, turn, rank].to(kind))
            engine.backward(((made - targets[step, turn, rank]) ** 2).mean())
            if engine.is_gradient_accumulation_boundary():
                springs.before_step()
            engine.step()
    return dict(partitions.gather(engine, [flat.detach() for flat in weights]))


def main() -> None:
    """Compare all modes."""
    meeting, zero, precision = sys.argv[1:4]
    start_process_group(Path(meeting))
    found = {}
    for mode in MODES:
        made = by_deepspeed(mode, int(zero), precision)
        plain, moved = by_plain_torch(mode, dist.get_world_size())
        apart = max(float((made[name] - one.detach()).abs().max()) for name, one in plain.named_parameters())
        found[mode] = (apart, moved)
    if os.environ["RANK"] == "0":
        print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
