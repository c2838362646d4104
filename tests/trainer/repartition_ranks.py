"""One rank that saves or takes over a checkpoint: `repartition_ranks.py MEETING FOLDER ZERO PRECISION RANKS`.

RANK and WORLD_SIZE say which; RANKS is the number of ranks that saved, 0 to train and save. Rank 0 prints, as
JSON, a digest of weights, moments and contributions of each parameter.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from safetensors.torch import save_file

from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.trainer import partitions
from domainstudio.trainer.engine import start_process_group
from domainstudio.trainer.position import TAG
from domainstudio.trainer.repartition import SavedPartitions, take_over

STEPS, ROWS = 3, 2


class Net(torch.nn.Module):
    """A net whose parameters no number of ranks divides, the first of them frozen."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.norm = torch.nn.Linear(7, 11), torch.nn.LayerNorm(11)
        self.last, self.unused = torch.nn.Linear(11, 5), torch.nn.Linear(3, 1)
        self.first.requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.norm(torch.tanh(self.first(inputs))))
        return found + 0 * self.unused.weight.sum() + 0 * self.unused.bias.sum()


def start(zero: int, precision: str) -> Any:
    model = Net()
    recipe = Recipe.model_validate(
        {"stages": (Stage(micro_batch=ROWS),), "zero_stage": zero, "precision": precision}
    )
    trained = [one for one in model.parameters() if one.requires_grad]
    groups = [
        {"params": [one for one in trained if one.ndim >= 2]},
        {"params": [one for one in trained if one.ndim < 2]},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.05)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=deepspeed_config(recipe, 500))
    return engine


def train(engine: Any, precision: str) -> list[torch.Tensor]:
    """Do some steps and return what a recording might have summed up."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    for step in range(STEPS):
        chooser = torch.Generator().manual_seed(100 * step + dist.get_rank())
        made = engine(torch.randn(ROWS, 7, generator=chooser).to(kind))
        engine.backward((made.float() ** 2).mean())
        engine.step()
    return [flat.detach() * 3 for flat in partitions.flats(engine)]


def digest(engine: Any, contributions: list[torch.Tensor]) -> dict[str, str]:
    states = engine.optimizer.optimizer.state
    own = partitions.flats(engine)
    parts = {"weights": [flat.detach() for flat in own], "contributions": contributions}
    parts |= {kind: [states[flat][kind] for flat in own] for kind in ("exp_avg", "exp_avg_sq")}
    whole = {
        f"{kind} {name}": hashlib.sha256(values.numpy().tobytes()).hexdigest()
        for kind, flats in parts.items()
        for name, values in partitions.gather(engine, flats)
    }
    return whole | {"step": str({float(states[flat]["step"]) for flat in own})}


def output(engine: Any, precision: str) -> list[float]:
    """Return what the model says, frozen part and all."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    engine.eval()
    with torch.no_grad():
        said: torch.Tensor = engine(torch.arange(14, dtype=torch.float32).view(2, 7).to(kind) / 7)
    return said.float().view(-1).tolist()  # type: ignore[no-any-return]


def main() -> None:
    meeting, folder, zero, precision, ranks_then = sys.argv[1:6]
    start_process_group(Path(meeting))
    engine = start(int(zero), precision)
    if int(ranks_then):
        for _name, one in engine.module.first.named_parameters():  # frozen: what a base read anew may lack
            getattr(one, "ds_tensor", one.data).zero_()
        saved = SavedPartitions(engine, Path(folder), int(ranks_then))
        take_over(engine, saved)
        contributions = partitions.spread(engine, saved.contributions, partitions.flats(engine))
    else:
        contributions = train(engine, precision)
        engine.save_checkpoint(folder, tag=TAG, save_latest=False)
        parts = {f"path-{number}": one for number, one in enumerate(contributions)}
        save_file(parts, Path(folder, f"path-{dist.get_rank()}.safetensors"))
    found = [digest(engine, contributions), output(engine, precision)]
    if os.environ["RANK"] == "0":
        print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
