"""How many weights a run has and how many of them it trains, by the tensors of its base."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domainstudio.recipe.recipe import Stage

_BLOCK = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
HEADS = ("lm_head.weight", "embed_out.weight")
"""Endings of the names of heads that are a tensor of their own."""

Shapes = Mapping[str, Sequence[int]]
"""Shapes of a model's tensors by their names; tied ones are there once."""


@dataclass(frozen=True)
class Size:
    """Parameters of a run."""

    base: int
    """Of the model that it starts from."""
    added: int
    """Put in beside those: LoRA's matrices, or new blocks."""
    trained: int

    @property
    def parameters(self) -> int:
        """All there are while it trains."""
        return self.base + self.added


def block_of(name: str) -> int | None:
    """Return the block that a parameter is in; None for embedding, last norm and head."""
    found = _BLOCK.search(name)
    return int(found[1]) if found else None


def in_block(name: str, block: int) -> str:
    """Return the name that a parameter of a block has in another."""
    return _BLOCK.sub(lambda found: found[0].replace(found[1], str(block)), name, count=1)


def blocks_in(shapes: Shapes) -> int:
    """Return how many blocks a model has."""
    return 1 + max((block for name in shapes if (block := block_of(name)) is not None), default=-1)


def copied_blocks(blocks: int, copies: int) -> list[int]:
    """Return which blocks get a copy behind them: the last of each of so many even groups."""
    return [(group + 1) * blocks // copies - 1 for group in range(copies)]


def size_of(shapes: Shapes, stage: "Stage") -> Size:
    """Return the parameters of a run that starts from a model with these tensors."""
    counts = {name: math.prod(shape) for name, shape in shapes.items()}
    base = sum(counts.values())
    if stage.method == "lora":
        layers = (shape for name, shape in shapes.items() if block_of(name) is not None and len(shape) == 2)
        added = stage.lora_rank * sum(map(sum, layers))
        tables = {name: shape for name, shape in shapes.items() if is_table(name, shape)}
        vocabulary = max((shape[0] for shape in tables.values()), default=0)
        whole = sum(counts[name] for name, shape in tables.items() if shape[0] == vocabulary)
        return Size(base, added, added + whole * stage.lora_embeddings)
    if stage.method == "expansion":
        copied = copied_blocks(blocks_in(shapes), stage.expanded_blocks)
        added = sum(count for name, count in counts.items() if block_of(name) in copied)
        return Size(base, added, added)
    if not stage.frozen_blocks:
        return Size(base, 0, base)
    frozen = sum(
        counts[name] for name, shape in shapes.items() if _is_before(name, shape, stage.frozen_blocks)
    )
    return Size(base, 0, base - frozen)


def is_table(name: str, shape: Sequence[int]) -> bool:
    """Return whether a tensor is an embedding, also one of positions, or the head."""
    return block_of(name) is None and len(shape) == 2


def _is_before(name: str, shape: Sequence[int], blocks: int) -> bool:
    """Return whether a tensor is in the first blocks or an embedding."""
    block = block_of(name)
    return block < blocks if block is not None else is_table(name, shape) and not name.endswith(HEADS)
