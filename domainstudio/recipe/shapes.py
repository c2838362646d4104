"""Model shapes to train from scratch, by preset name."""

import math
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
        return sum(math.prod(shape) for shape in self.tensors(vocabulary).values())

    def tensors(self, vocabulary: int) -> dict[str, list[int]]:
        """Return the shapes of the model's tensors by name, tied ones once."""
        table, hidden = [vocabulary, self.hidden], self.hidden
        if self.family == "llama":
            outer = {"model.embed_tokens.weight": table, "model.norm.weight": [hidden]}
            blocks, block = "model.layers", self._llama_block()
        else:
            outer = {"gpt_neox.embed_in.weight": table} | _both("gpt_neox.final_layer_norm", [hidden])
            blocks, block = "gpt_neox.layers", self._neox_block()
        if not self.tied_embeddings:
            outer["lm_head.weight"] = table
        within = {f"{blocks}.{n}.{name}": shape for n in range(self.layers) for name, shape in block.items()}
        return outer | within

    def _llama_block(self) -> dict[str, list[int]]:
        hidden, inner = self.hidden, self.intermediate
        attention = {f"self_attn.{one}_proj.weight": [hidden, hidden] for one in "qkvo"}
        feed_forward = {f"mlp.{one}_proj.weight": [inner, hidden] for one in ("gate", "up")}
        norms = {f"{one}_layernorm.weight": [hidden] for one in ("input", "post_attention")}
        return attention | feed_forward | norms | {"mlp.down_proj.weight": [hidden, inner]}

    def _neox_block(self) -> dict[str, list[int]]:
        hidden, inner = self.hidden, self.intermediate
        shapes = {
            "input_layernorm": [hidden], "post_attention_layernorm": [hidden],
            "attention.query_key_value": [3 * hidden, hidden], "attention.dense": [hidden, hidden],
            "mlp.dense_h_to_4h": [inner, hidden], "mlp.dense_4h_to_h": [hidden, inner],
        }  # fmt: skip
        return {
            name: shape for module, whole in shapes.items() for name, shape in _both(module, whole).items()
        }


def _both(module: str, shape: list[int]) -> dict[str, list[int]]:
    """Return a module's weight and bias."""
    return {f"{module}.weight": shape, f"{module}.bias": shape[:1]}


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
