"""A model's blocks: new ones put in between that change nothing at first, or the first ones held fast."""

import copy

import torch
from transformers import PreTrainedModel

from domainstudio.problems import Problem, UserError
from domainstudio.recipe.size import copied_blocks

LARGEST_CHANGE = 1e-4
"""How far a logit may be from what it was when new blocks are in (arXiv 2401.02415: not at all)."""
_OUTPUTS = ("o_proj", "down_proj", "dense", "dense_4h_to_h", "c_proj", "out_proj", "fc2")
"""What attention and feed-forward of the usual architectures write into the residual stream with."""
_PROBED_TOKENS = 16


def expand(model: PreTrainedModel, copies: int) -> None:
    """Put copies of blocks in evenly, each doing nothing at first (LLaMA-Pro, arXiv 2401.02415).

    What a copy adds to the residual stream is zero until it is trained, one after the other or in parallel.

    Raises:
        UserError: the architecture is none in which that is so.
    """
    blocks = _blocks(model)
    before = _logits(model)
    kinds = getattr(model.config, "layer_types", None)
    for place, number in enumerate(copied_blocks(len(blocks), copies)):
        copied = number + place
        blocks.insert(copied + 1, _idle_copy(blocks[copied], model))
        if kinds is not None:
            kinds.insert(copied + 1, kinds[copied])
    model.config.num_hidden_layers = len(blocks)
    _number(blocks)
    if float((_logits(model) - before).abs().max()) > LARGEST_CHANGE:
        raise _not_expandable(model)


def train_new_blocks(model: PreTrainedModel, copies: int) -> None:
    """Train the copies that `expand` has put in, and nothing else."""
    blocks = _blocks(model)
    model.requires_grad_(False)
    for place, number in enumerate(copied_blocks(len(blocks) - copies, copies), 1):
        blocks[number + place].requires_grad_(True)


def freeze(model: PreTrainedModel, count: int) -> None:
    """Hold the first blocks and all embeddings fast."""
    for block in _blocks(model)[:count]:
        block.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.requires_grad_(False)


def _blocks(model: PreTrainedModel) -> torch.nn.ModuleList:
    """Return the list of blocks.

    Raises:
        UserError: the model keeps them in no list, or in several.
    """
    count = model.config.num_hidden_layers
    found = [one for one in model.modules() if isinstance(one, torch.nn.ModuleList) and len(one) == count]
    if len(found) != 1:
        raise _not_expandable(model)
    return found[0]


@torch.no_grad()
def _idle_copy(block: torch.nn.Module, model: PreTrainedModel) -> torch.nn.Module:
    """Return a copy of a block whose attention and feed-forward put out zero."""
    made = copy.deepcopy(block)
    outputs = [one for name, one in made.named_modules() if name.rpartition(".")[2] in _OUTPUTS]
    if len(outputs) != 2:
        raise _not_expandable(model)
    for module in outputs:
        for weights in module.parameters():
            weights.zero_()
    return made


def _number(blocks: torch.nn.ModuleList) -> None:
    """Tell each block its number: attention finds its cache by it."""
    for number, block in enumerate(blocks):
        for module in block.modules():
            if isinstance(getattr(module, "layer_idx", None), int):
                setattr(module, "layer_idx", number)  # noqa: B010 (torch types every attribute as a tensor)


@torch.no_grad()
def _logits(model: PreTrainedModel) -> torch.Tensor:
    was_training = model.training
    model.eval()
    ids = torch.arange(_PROBED_TOKENS)[None] % model.config.vocab_size
    found: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    model.train(was_training)
    return found


def _not_expandable(model: PreTrainedModel) -> UserError:
    return UserError(Problem("model.blocks_unknown", "method", {"architecture": type(model).__name__}))
