"""A model's blocks: new ones put in between that change nothing at first, or the first ones held fast."""

import copy

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from domainstudio.problems import Problem, UserError
from domainstudio.recipe.size import block_of, blocks_in, copied_blocks, in_block

LARGEST_CHANGE = 1e-4
"""How far a logit may be from what it was when new blocks are in."""
_OUTPUTS = ("o_proj", "down_proj", "dense", "dense_4h_to_h", "c_proj", "out_proj", "fc2")
"""What attention and feed-forward of the usual architectures write into the residual stream with."""
_PROBED_TOKENS = 16


def expanded(model: PreTrainedModel, copies: int) -> PreTrainedModel:
    """Return a model with copies of blocks put in evenly, each doing nothing at first (LLaMA-Pro).

    What a copy adds to the residual stream is zero until it is trained, be its attention and feed-forward one
    after the other or in parallel. Wu et al. 2024 (arXiv 2401.02415).

    Args:
        model: fp32 on the CPU; it is left as it was.
        copies: at most as many as it has blocks.

    Raises:
        UserError: the architecture is none in which a logit then stays within `LARGEST_CHANGE`.
    """
    blocks, config = model.config.num_hidden_layers, copy.deepcopy(model.config)
    copied = copied_blocks(blocks, copies)
    config.num_hidden_layers = blocks + copies
    if kinds := getattr(config, "layer_types", None):
        config.layer_types = [
            kind for number, kind in enumerate(kinds) for _ in range(1 + (number in copied))
        ]
    with torch.random.fork_rng(devices=[]):
        made: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    made.generation_config = model.generation_config
    state = model.state_dict()
    is_known = blocks_in({name: one.shape for name, one in state.items()}) == blocks
    try:
        made.load_state_dict(_with_copies(state, copied))
    except RuntimeError:  # names or shapes that go by another rule
        is_known = False
    if not is_known or float((_logits(made) - _logits(model)).abs().max()) > LARGEST_CHANGE:
        raise UserError(Problem("model.blocks_unknown", "method", {"architecture": type(model).__name__}))
    return made


def train_new_blocks(model: PreTrainedModel, copies: int) -> None:
    """Train the copies that `expanded` has put in, and nothing else."""
    before = copied_blocks(model.config.num_hidden_layers - copies, copies)
    new = [number + place for place, number in enumerate(before, 1)]
    for name, weights in model.named_parameters():
        weights.requires_grad_(block_of(name) in new)


def freeze(model: PreTrainedModel, count: int) -> None:
    """Hold the first blocks and all embeddings fast, nothing if the count is 0."""
    if not count:
        return
    for name, weights in model.named_parameters():
        block = block_of(name)
        weights.requires_grad_(block is None or block >= count)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.requires_grad_(False)


def _with_copies(state: dict[str, torch.Tensor], copied: list[int]) -> dict[str, torch.Tensor]:
    """Return the weights with those of the copies, whose attention and feed-forward put out zero."""
    found = {}
    for name, weights in state.items():
        block = block_of(name)
        if block is None:
            found[name] = weights
            continue
        place = block + sum(earlier < block for earlier in copied)
        found[in_block(name, place)] = weights
        if block in copied:
            is_output = name.split(".")[-2] in _OUTPUTS
            found[in_block(name, place + 1)] = torch.zeros_like(weights) if is_output else weights
    return found


@torch.no_grad()
def _logits(model: PreTrainedModel) -> torch.Tensor:
    was_training = model.training
    model.eval()
    ids = torch.arange(_PROBED_TOKENS)[None] % model.config.vocab_size
    found: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    model.train(was_training)
    return found
