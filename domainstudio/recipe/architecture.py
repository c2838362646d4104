"""What of a model's architecture decides the memory and the arithmetic of training it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domainstudio.recipe.base_model import configuration, shapes_in
from domainstudio.recipe.shapes import ModelShape
from domainstudio.recipe.size import HEADS, Shapes, blocks_in, is_table

_HEAD_WIDTH = 64
"""Taken where a configuration does not tell the heads; most models have 64 to 128."""


@dataclass(frozen=True)
class Architecture:
    """A decoder as far as its cost goes."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    """Heads of keys and values: fewer where several queries share one."""
    intermediate: int
    vocabulary: int
    is_gated: bool
    """Whether the feed-forward part has a gate, which keeps four tensors of its width and not two."""
    multiplied: int
    """Parameters that a token is multiplied with: all but tables that are only looked up."""

    @property
    def kv_width(self) -> int:
        """Width of the keys of all heads."""
        return self.hidden * self.kv_heads // self.heads


def of_preset(shape: ModelShape, vocabulary: int) -> Architecture:
    """Return the architecture of a model made from random weights."""
    values = {
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
    }
    return of_tensors(shape.tensors(vocabulary), values)


def of_folder(folder: Path) -> Architecture:
    """Return the architecture of a model folder, reading its configuration and the headers of its weights.

    Raises:
        UserError: either is missing or damaged.
    """
    return of_tensors(shapes_in(folder), configuration(folder))


def of_tensors(shapes: Shapes, values: dict[str, Any]) -> Architecture:
    """Return the architecture of a model with these tensors; its configuration says what they do not.

    Sizes come from the tensors, which are what is trained; the numbers of heads, which no tensor tells, from
    the configuration, and where that has none, heads of 64.
    """
    tables = [(shape[0], shape[1]) for name, shape in shapes.items() if is_table(name, shape)]
    vocabulary, hidden = max(tables, default=(1, 1))
    inner = dict(values.get("text_config") or {}) or values
    heads = _count(inner, "num_attention_heads", "n_head", "n_heads") or max(1, hidden // _HEAD_WIDTH)
    return Architecture(
        hidden=hidden,
        layers=max(1, blocks_in(shapes)),
        heads=heads,
        kv_heads=min(heads, _count(inner, "num_key_value_heads", "num_kv_heads") or heads),
        intermediate=_count(inner, "intermediate_size", "n_inner", "ffn_dim") or 4 * hidden,
        vocabulary=vocabulary,
        is_gated=any(".gate" in name for name in shapes),
        multiplied=_multiplied(shapes),
    )


def _multiplied(shapes: Shapes) -> int:
    """Return the parameters but those of tables that are only looked up; a tied one is the head as well."""
    tables = {name: shape for name, shape in shapes.items() if is_table(name, shape)}
    heads = [name for name in tables if name.endswith(HEADS)]
    rows = max((shape[0] for shape in tables.values()), default=0)
    kept = heads or [name for name, shape in tables.items() if shape[0] == rows][:1]
    looked_up = sum(math.prod(shape) for name, shape in tables.items() if name not in kept)
    return sum(math.prod(shape) for shape in shapes.values()) - looked_up


def _count(values: dict[str, Any], *names: str) -> int:
    """Return the first of some settings that is a whole number above 0; 0 if none is."""
    found = (values.get(name) for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), 0)
