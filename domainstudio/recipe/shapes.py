"""Model shapes to train from scratch, by preset name."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ModelShape(BaseModel):
    """A decoder's architecture; the vocabulary comes from the tokenizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Literal["llama", "gpt_neox"]
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    tied_embeddings: bool

    def parameters(self, vocabulary: int) -> int:
        """Return the number of parameters with a vocabulary of this size."""
        embeddings = vocabulary * self.hidden * (1 if self.tied_embeddings else 2)
        if self.family == "llama":
            layer = 4 * self.hidden**2 + 3 * self.hidden * self.intermediate + 2 * self.hidden
            return embeddings + self.layers * layer + self.hidden
        attention = 4 * self.hidden**2 + 4 * self.hidden
        feed_forward = 2 * self.hidden * self.intermediate + self.intermediate + self.hidden
        return embeddings + self.layers * (attention + feed_forward + 4 * self.hidden) + 2 * self.hidden


SHAPES = {
    "tiny": ModelShape(
        family="llama", hidden=128, layers=4, heads=4, intermediate=344, positions=2048, tied_embeddings=True
    ),
    "tiny-neox": ModelShape(
        family="gpt_neox",
        hidden=128,
        layers=4,
        heads=4,
        intermediate=512,
        positions=2048,
        tied_embeddings=True,
    ),
    "small-neox": ModelShape(
        family="gpt_neox",
        hidden=256,
        layers=6,
        heads=8,
        intermediate=1024,
        positions=2048,
        tied_embeddings=False,
    ),
}
"""About 1, 1 and 9 million parameters."""
