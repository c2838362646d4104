"""Model folders in the layout of transformers: loaded without remote code, written as safetensors."""

import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel

from domainstudio.problems import Problem, UserError
from domainstudio.recipe.base_model import read_base_model

_DROPOUTS = (
    "attention_dropout", "hidden_dropout", "attn_pdrop", "resid_pdrop", "embd_pdrop",
    "attention_probs_dropout_prob", "hidden_dropout_prob", "resid_dropout", "embd_dropout", "dropout",
)  # fmt: skip


def load_model(folder: Path) -> PreTrainedModel:
    """Return the model in a local folder with fp32 weights on the CPU.

    Raises:
        UserError: the folder is refused by `read_base_model`, or its weights do not fit its architecture.
    """
    read_base_model(folder)
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            Problem("model.unreadable", "base", {"folder": str(folder), "reason": str(error)})
        ) from None
    return model


def set_dropout(model: PreTrainedModel, share: float) -> None:
    """Set every dropout of the model, in its config and its modules."""
    for name in _DROPOUTS:
        if hasattr(model.config, name):
            setattr(model.config, name, share)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), int | float):
            module.attention_dropout = share


def check_saved(model: PreTrainedModel, state: dict[str, torch.Tensor], folder: Path) -> None:
    """Save the model and load it back as others will: every weight must come back bit for bit.

    Done before the first step, so that no long run ends in a model that cannot be loaded. `folder` must not
    exist and is removed again.

    Raises:
        UserError: the saved model cannot be loaded or differs.
    """
    try:
        save_model(model, state, folder)
        loaded = load_model(folder).state_dict()
        changed = [name for name in state if not torch.equal(loaded[name], state[name].cpu().float())]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if changed:
        raise UserError(Problem("model.not_saved_whole", None, {"name": changed[0], "count": len(changed)}))


def save_model(model: PreTrainedModel, state: dict[str, torch.Tensor], folder: Path) -> None:
    """Write config, generation config and `state` (the whole weights, as safetensors) into `folder`."""
    model.save_pretrained(folder, state_dict=state)
