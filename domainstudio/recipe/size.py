"""Tensors of a model by name and shape, and how many parameters a run has."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def is_table(name: str, shape: Sequence[int]) -> bool:
    """Return whether a tensor is an embedding, also one of positions, or the head."""
    return block_of(name) is None and len(shape) == 2
