"""CPU time of a training step against plain PyTorch: `.venv/bin/python tests/benchmarks/trainer_overhead.py`.

8.9 million parameters (GPT-NeoX, 8,192 entries), ZeRO-1, one rank, 2,048 tokens a step, fp32, one thread.
Both loops take turns in one process on equal models and the same blocks; figures are CPU seconds a step.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "OMP_NUM_THREADS": "1"}

import torch

from domainstudio.model.create import create_model
from domainstudio.model.held_out import cross_entropy
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.run import ModelOrigin, RunSpec, TrainingSource
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer.packed import PartWriter, write_meta
from domainstudio.trainer import engine as engines
from domainstudio.trainer.data import TrainingData

VOCABULARY, TURNS, STEPS = 8192, 5, 6


def make_tokens(folder: Path) -> None:
    """Write 200,000 random tokens as a token file: their values do not change the time."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    with PartWriter(folder, 0, "uint16", 0) as part:
        documents = [generator.integers(1, VOCABULARY, 999).astype("<u2") for _ in range(200)]
        part.add(documents, [4000] * 200)
        write_meta(folder, "uint16", VOCABULARY, "0" * 64, 0, [part.close("random")])


def ours(engine: Any, recipe: Recipe, data: TrainingData, step: int) -> None:
    """Do one step as trainer/loop.py does it."""
    engines.set_learning_rate(engine, recipe.stage.learning_rate_at(step, 1000))
    engines.set_accumulation(engine, recipe.stage.accumulation_at(step))
    for batch in data.micro_batches(step):
        loss = cross_entropy(engine(input_ids=batch[:, :-1], use_cache=False).logits, batch[:, 1:])
        engine.backward(loss)
        engine.step()
    float(loss.detach())
    float(engine.get_global_grad_norm() or 0.0)


def plain(model: Any, optimizer: Any, recipe: Recipe, data: TrainingData, step: int) -> None:
    """Do one step as a plain PyTorch loop does it: forward, backward, clip, step."""
    for group in optimizer.param_groups:
        group["lr"] = recipe.stage.learning_rate_at(step, 1000)
    optimizer.zero_grad()
    for batch in data.micro_batches(step):
        loss = cross_entropy(model(input_ids=batch[:, :-1], use_cache=False).logits, batch[:, 1:])
        loss.backward()
    float(torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.stage.gradient_clip))
    optimizer.step()
    float(loss.detach())


def main() -> None:
    """Print CPU seconds a step of both and their ratio, five turns each."""
    torch.set_num_threads(1)
    recipe = change(Recipe(), {"micro_batch": "8", "sequence_length": "256"})
    with tempfile.TemporaryDirectory() as folder:
        device = engines.start_process_group(Path(folder))
        assert device.type == "cpu", "this benchmark compares CPU time"
        make_tokens(Path(folder) / "tokens")
        source = TrainingSource(name="random", role="domain", share=1.0, tokens="tokens")
        spec = RunSpec(
            recipe=recipe, steps=1000, model=ModelOrigin(preset="small-neox"), tokenizer="-",
            tokenizer_sha256="0" * 64, vocabulary=VOCABULARY, sources=(source,), held_out=(), mixture="-",
        )  # fmt: skip
        data = TrainingData(spec, Path(folder), 0, 1)
        first, second = (create_model(SHAPES["small-neox"], VOCABULARY, 0, seed=0) for _ in range(2))
        parameters = first.num_parameters() / 1e6
        print(f"{parameters:.2f} million parameters, {recipe.tokens_per_step():,} tokens a step")
        engine = engines.start_engine(first, recipe)
        second.train()
        groups = [[p for p in second.parameters() if (p.ndim >= 2) == decays] for decays in (True, False)]
        optimizer = torch.optim.AdamW(
            [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}],
            lr=1e-3, betas=(0.9, 0.95),
        )  # fmt: skip
        figures: dict[str, list[float]] = {"trainer": [], "plain": []}
        for turn in range(TURNS + 1):
            for name in figures:
                began = time.process_time()
                for step in range(1, STEPS + 1):
                    number = turn * STEPS + step
                    if name == "trainer":
                        ours(engine, recipe, data, number)
                    else:
                        plain(second, optimizer, recipe, data, number)
                if turn:  # the first turn warms up
                    figures[name].append((time.process_time() - began) / STEPS)
        for name, values in figures.items():
            print(
                f"{name:8} median {median(values):.3f} s   all {' '.join(f'{value:.3f}' for value in values)}"
            )
        ratios = [ours_ / plain_ for ours_, plain_ in zip(figures["trainer"], figures["plain"], strict=True)]
        print(f"ratio    median {median(ratios):.3f}     all", *(f"{ratio:.3f}" for ratio in ratios))


if __name__ == "__main__":
    main()
