"""Model folders in the layout of transformers: loaded without remote code, written as safetensors."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from domainstudio.problems import Problem, UserError
from domainstudio.recipe.base_model import count_parameters, read_base_model

_DROPOUTS = (
    "attention_dropout", "hidden_dropout", "attn_pdrop", "resid_pdrop", "embd_pdrop",
    "attention_probs_dropout_prob", "hidden_dropout_prob", "resid_dropout", "embd_dropout", "dropout",
)  # fmt: skip
_MOST_DESCRIBED = 2
"""How many times the parameters in its files a model may describe: tied weights are stored once."""
_REASON_CHARACTERS = 300


def load_model(folder: Path) -> PreTrainedModel:
    """Return the model in a local folder with fp32 weights on the CPU.

    Raises:
        UserError: the folder is refused by `read_base_model`, or its weights are not its architecture's.
    """
    read_base_model(folder)
    held = count_parameters(folder)
    with _one_sentence(folder):
        described = _parameters_described(folder)
    if described > _MOST_DESCRIBED * held:
        params = {"folder": str(folder), "described": described, "held": held}
        raise UserError(Problem("model.too_large_for_weights", "base", params))
    with _one_sentence(folder):
        model, loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    if missing := sorted(loaded["missing_keys"]):  # transformers would have drawn them at random
        params = {"folder": str(folder), "count": len(missing), "name": missing[0]}
        raise UserError(Problem("model.weights_missing", "base", params))
    if damaged := [name for name, weights in model.named_parameters() if not weights.isfinite().all()]:
        params = {"folder": str(folder), "count": len(damaged), "name": damaged[0]}
        raise UserError(Problem("model.not_finite", "base", params))
    return model


def write_plainly(model: PreTrainedModel) -> None:
    """Forget how a folder's generation_config.json wants text written: with beams without number."""
    model.generation_config = GenerationConfig()


@contextmanager
def _one_sentence(folder: Path) -> Iterator[None]:
    """Turn what transformers says of a folder into a UserError: its architectures raise anything."""
    try:
        yield
    except Exception as error:
        params = {"folder": str(folder), "reason": str(error)[:_REASON_CHARACTERS]}
        raise UserError(Problem("model.unreadable", "base", params)) from None


def _parameters_described(folder: Path) -> int:
    """Return the parameters of the architecture that a configuration describes, taking no memory for them."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config, trust_remote_code=False).num_parameters())


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
    """Write config, generation config and `state` (the whole weights, as safetensors) into `folder`.

    Of several ranks every one that calls this writes: by itself transformers would on rank 0 alone, and say
    nothing on others, whose node has a disk of its own.
    """
    model.should_save_on_this_rank = lambda is_main_process: is_main_process
    try:
        model.save_pretrained(folder, state_dict=state)
    finally:
        del model.should_save_on_this_rank
