"""LoRA: two small matrices beside every linear layer of a model, trained in its place and merged for saving.

Hu et al. 2021 (arXiv 2106.09685); all linear layers and alpha = 2 * rank: Biderman et al. 2024 (arXiv
2405.09673). At step 0 their product is zero.
"""

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from transformers import Conv1D, PreTrainedModel

_NAME = "default"
_OF_BASE = ".base_layer."
_LORA = ".lora_"


def add_adapters(model: PreTrainedModel, rank: int, seed: int, *, with_embeddings: bool) -> None:
    """Put adapters beside all linear layers but the head; nothing else of the model is trained.

    Args:
        model: changed in place; no number of its base is.
        rank: the smaller side of each matrix.
        seed: decides the matrices that are drawn, the same on every rank.
        with_embeddings: train embeddings and head too, all of them.
    """
    head = model.get_output_embeddings()
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules=list(layers),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in layers.values()),
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # of the CPU alone: GPUs keep theirs for dropout
        inject_adapter_in_model(config, model, _NAME)
    if with_embeddings:
        for module in filter(None, (model.get_input_embeddings(), head)):
            module.requires_grad_(True)


@torch.no_grad()
def merged(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights of the plain model that does what base and adapters do together.

    Args:
        model: with adapters, or without: then its weights are returned as they are.
        state: its whole weights by name.

    Returns:
        Weights under the base's own names; where something was added to them, in fp32 on the CPU: the
        nearest bf16 numbers would lose most of what is small.
    """
    found = {name: weights for name, weights in state.items() if _LORA not in name}
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            first, second = (state[f"{name}.lora_{side}.{_NAME}.weight"].float() for side in "AB")
            change = second @ first * module.scaling[_NAME]
            own = f"{name}{_OF_BASE}weight"
            found[own] = (found[own].float() + (change.T if module.fan_in_fan_out else change)).cpu()
    return {name.replace(_OF_BASE, "."): weights for name, weights in found.items()}
