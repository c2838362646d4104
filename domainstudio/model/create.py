"""A model from scratch: a preset's architecture with freshly drawn weights."""

import math

import torch
from transformers import AutoModelForCausalLM, GPTNeoXConfig, LlamaConfig, PretrainedConfig, PreTrainedModel

from domainstudio.recipe.shapes import ModelShape

_RESIDUAL_OUTPUTS = ("o_proj.weight", "down_proj.weight", "attention.dense.weight", "dense_4h_to_h.weight")
"""Matrices that write into the residual stream, in either family."""


def create_model(shape: ModelShape, vocabulary: int, end_of_text: int, seed: int) -> PreTrainedModel:
    """Return a model with fp32 weights on the CPU, the same for the same arguments."""
    model = AutoModelForCausalLM.from_config(_config(shape, vocabulary, end_of_text))
    initialise(model, seed)
    return model


def initialise(model: PreTrainedModel, seed: int) -> None:
    """Draw the weights: N(0, sqrt(1/(3D))), those that write into the residual stream times 1/sqrt(2L).

    Source: BloombergGPT (arXiv 2303.17564, section 3.3). Norm weights are 1, biases 0.
    """
    generator = torch.Generator().manual_seed(seed)
    deviation = math.sqrt(1 / (3 * model.config.hidden_size))
    residual = deviation / math.sqrt(2 * model.config.num_hidden_layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2:
                parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            else:
                scale = residual if name.endswith(_RESIDUAL_OUTPUTS) else deviation
                parameter.normal_(0.0, scale, generator=generator)


def _config(shape: ModelShape, vocabulary: int, end_of_text: int) -> PretrainedConfig:
    common = {
        "vocab_size": vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions,
        "tie_word_embeddings": shape.tied_embeddings,
        "initializer_range": math.sqrt(1 / (3 * shape.hidden)),
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
    }
    if shape.family == "llama":
        return LlamaConfig(**common)
    return GPTNeoXConfig(**common)
