"""The map of a run's layers: how much their weights mattered, and how far they moved from step 0."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.recipe.size import block_of

LAYERS_FILE = "layers.json"
"""The map, in the result folder of a run that knows where its weights began."""
LayerKind = Literal["embedding", "block", "norm", "head"]
LayerKey = tuple[LayerKind, int | None]
_ORDER: tuple[LayerKind, ...] = ("embedding", "block", "norm", "head")
_HEADS = frozenset({"lm_head", "embed_out"})


class Layer(BaseModel):
    """The trained weights of one layer."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: LayerKind
    block: int | None = Field(default=None, ge=0)
    """Number of the block, of a block alone."""
    weights: int = Field(ge=1)
    importance: float | None
    """Mean over the weights, 1 over all of a run; None if none was measured."""
    moved: float = Field(ge=0)
    """Root mean square distance from the anchor."""
    anchor: float = Field(ge=0)
    """Root mean square of the anchor."""

    @property
    def moved_share(self) -> float | None:
        """The distance as a share of the anchor's size; None if that is 0, as of LoRA's second matrices."""
        return self.moved / self.anchor if self.anchor else None


class LayerMap(BaseModel):
    """The layers of a run from the embedding to the head, without those that it does not train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int = Field(ge=0)
    """The last step of the run, whose weights these are."""
    layers: tuple[Layer, ...]


def layer_of(name: str, shape: Sequence[int]) -> LayerKey:
    """Return kind and block of the layer that a parameter belongs to.

    A tied head is part of the embedding; outside of the blocks, norms alone have vectors.
    """
    block = block_of(name)
    if block is not None:
        return "block", block
    if _HEADS.intersection(name.split(".")):
        return "head", None
    return ("embedding" if len(shape) > 1 else "norm"), None


def place_of(key: LayerKey) -> tuple[int, int]:
    """Return what sorts layers from the embedding to the head."""
    kind, block = key
    return _ORDER.index(kind), block or 0
