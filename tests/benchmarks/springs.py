"""What springs and importance cost: `.venv/bin/python tests/benchmarks/springs.py`.

One process, ZeRO-1, fp32, 2,048 tokens a step of made text, a model of a few million parameters. Of each kind
the CPU seconds inside our hooks are compared with those of the rest of the same steps; medians of five turns,
the kinds in turn. Then a pass of the Fisher information and one of the recorder by itself over the same
sequences: what the factor between Fisher and recording says depends on how many are read for the first.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "OMP_NUM_THREADS": "1"}

import torch
from transformers import PreTrainedModel

from domainstudio.model.create import create_model
from domainstudio.model.held_out import cross_entropy
from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.recipe.shapes import SHAPES
from domainstudio.trainer import partitions
from domainstudio.trainer.engine import start_engine, start_process_group
from domainstudio.trainer.importance import PathIntegral, fisher, recorded
from domainstudio.trainer.springs import Springs

LENGTH, ROWS, VOCABULARY = 256, 8, 8192
TURNS, STEPS = 5, 6
KINDS = {
    "none": {},
    "l2-sp, pre-clip": {"spring": "l2-sp", "spring_mode": "pre-clip"},
    "ewc, pre-clip": {"spring": "ewc", "spring_mode": "pre-clip"},
    "ewc, post-clip": {"spring": "ewc", "spring_mode": "post-clip"},
    "ewc, decoupled": {"spring": "ewc", "spring_mode": "decoupled"},
    "recorder": {},
}


class Clock:
    """CPU seconds spent in the functions that it goes with."""

    def __init__(self) -> None:
        """Begin at none."""
        self.seconds = 0.0

    def within(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, its time counted."""

        def timed(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.process_time() - began

        return timed


def model() -> PreTrainedModel:
    """Return the model that is trained."""
    return create_model(SHAPES["small-neox"], VOCABULARY, 0, 0)


def batches() -> list[torch.Tensor]:
    """Return made text: int64 [rows, length + 1] each."""
    chooser = torch.Generator().manual_seed(0)
    return [torch.randint(0, VOCABULARY, (ROWS, LENGTH + 1), generator=chooser) for _ in range(STEPS)]


def trained(kind: str) -> tuple[float, float]:
    """Return CPU seconds in the hooks and in all of some steps."""
    stage = Stage.model_validate({"micro_batch": ROWS, "sequence_length": LENGTH, **KINDS[kind]})
    engine, clock = start_engine(model(), Recipe(stages=(stage,))), Clock()
    weights, before = partitions.flats(engine), lambda: None
    for name in ("_add_to_step", "_draw_near", "before_step"):
        setattr(Springs, name, clock.within(_PLAIN[Springs, name]))
    for name in ("_remember", "_add"):
        setattr(PathIntegral, name, clock.within(_PLAIN[PathIntegral, name]))
    if kind == "recorder":
        PathIntegral(engine.optimizer.optimizer, weights)
    elif stage.spring != "none":
        anchor = [one.detach().clone() for one in weights]
        importance = None if stage.spring == "l2-sp" else [torch.rand_like(one) for one in anchor]
        before = Springs(engine, stage, anchor, importance).before_step
    texts = batches()
    _step(engine, texts[0], before)  # what is made once is not counted
    clock.seconds, began = 0.0, time.process_time()
    for batch in texts:
        _step(engine, batch, before)
    return clock.seconds, time.process_time() - began


def _step(engine: Any, batch: torch.Tensor, before: Callable[[], None]) -> None:
    logits = engine(input_ids=batch[:, :-1], use_cache=False).logits
    engine.backward(cross_entropy(logits, batch[:, 1:]))
    before()
    engine.step()


_PLAIN = {
    (owner, name): getattr(owner, name)
    for owner, names in ((Springs, ("_add_to_step", "_draw_near", "before_step")),
                         (PathIntegral, ("_remember", "_add")))
    for name in names
}  # fmt: skip


def passes() -> None:
    """Print what a pass over the same sequences takes."""
    texts, own = batches(), model()
    for name, run in (
        (
            "Fisher, each sequence alone",
            lambda: fisher(own, (row for batch in texts for row in batch), _quiet),
        ),
        ("recorder's own pass", lambda: recorded(own, texts, 1e-4, len(texts), _quiet)),
    ):
        began = time.process_time()
        run()
        seconds = time.process_time() - began
        print(f"{name:28} {seconds:6.2f} CPU seconds for {len(texts) * ROWS} sequences of {LENGTH} tokens")


def _quiet(_done: int) -> None:
    """Tell nobody."""


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as meeting:
        start_process_group(Path(meeting))
        shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
        steps: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _turn in range(TURNS):
            for kind in KINDS:
                inside, whole = trained(kind)
                shares[kind].append(inside / (whole - inside))
                steps[kind].append((whole - inside) / STEPS)
        print(f"{model().num_parameters():,} parameters, {ROWS * LENGTH:,} tokens a step\n")
        print("                    hooks, % of the rest   (all turns)          rest of a step, CPU s")
        for kind, found in shares.items():
            spread = f"{100 * min(found):.2f} to {100 * max(found):.2f}"
            print(
                f"{kind:20} {100 * median(found):12.2f}           ({spread})        {median(steps[kind]):.2f}"
            )
        print()
        passes()


if __name__ == "__main__":
    main()
