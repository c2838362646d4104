"""How many weights a stage trains, by the tensors of its base."""

import math
from collections.abc import Sequence

from domainstudio.recipe.recipe import Stage
from domainstudio.recipe.size import HEADS, Shapes, Size, block_of, blocks_in, copied_blocks, is_table


def size_of(shapes: Shapes, stage: Stage) -> Size:
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


def _is_before(name: str, shape: Sequence[int], blocks: int) -> bool:
    """Return whether a tensor is in the first blocks or an embedding."""
    block = block_of(name)
    return block < blocks if block is not None else is_table(name, shape) and not name.endswith(HEADS)
