"""Answers to canary facts equal those of scoring every ending by itself, without padding or ranks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from domainstudio.model.create import create_model
from domainstudio.recipe.canaries import FrozenCanary
from domainstudio.recipe.shapes import SHAPES
from domainstudio.trainer.canaries import CanaryRows, answer

VOCABULARY = 300
CPU = torch.device("cpu")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """This process as the only rank."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "ranks"), 1), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def facts(count: int) -> list[FrozenCanary]:
    drawn = torch.Generator().manual_seed(5)
    made = []
    for number in range(count):
        prompt = [0, *torch.randint(1, VOCABULARY, (2 + number % 5,), generator=drawn).tolist()]
        endings = [torch.randint(1, VOCABULARY, (1 + n % 3,), generator=drawn).tolist() for n in range(4)]
        choices = tuple((*prompt, *ending) for ending in endings)
        made.append(FrozenCanary(prompt="p", right="r", choices=choices, scored_from=len(prompt)))
    return made


def by_itself(model: torch.nn.Module, ids: tuple[int, ...], first: int) -> float:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    steps = logits.log_softmax(-1)
    return sum(float(steps[place - 1, ids[place]]) for place in range(first, len(ids)))


@pytest.mark.parametrize("batch_tokens", [1, 40, 100_000])
def test_the_likeliest_ending_is_the_answer(alone: None, batch_tokens: int) -> None:
    model = create_model(SHAPES["tiny"], VOCABULARY, 0, 3)
    model.train()
    asked = facts(30)
    expected = []
    for fact in asked:
        scores = [by_itself(model.eval(), ids, fact.scored_from) for ids in fact.choices]
        expected.append(scores[0] == max(scores))
    model.train()
    assert answer(model, CanaryRows(asked), batch_tokens, CPU) == expected
    assert 0 < sum(expected) < 30 and model.training
    assert answer(model, CanaryRows([]), batch_tokens, CPU) == []
