"""New blocks and adapters on several architectures: they change nothing at first, and are saved plainly."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from domainstudio.model.adapters import add_adapters, merged
from domainstudio.model.blocks import LARGEST_CHANGE, expanded, freeze, train_new_blocks
from domainstudio.model.create import create_model
from domainstudio.model.folder import save_model
from domainstudio.problems import UserError
from domainstudio.recipe.recipe import Stage
from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.trained import size_of

_SMALL = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
_ENDS = {"bos_token_id": 0, "eos_token_id": 0}


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=64, n_embd=32, n_layer=3, n_head=2, **_ENDS))


def qwen2() -> PreTrainedModel:
    kinds = ["full_attention"] * 3
    config = Qwen2Config(
        **_SMALL, **_ENDS, intermediate_size=48, num_key_value_heads=1, max_position_embeddings=64,
        layer_types=kinds,
    )  # fmt: skip
    return Qwen2ForCausalLM(config)


MAKERS: dict[str, Callable[[], PreTrainedModel]] = {
    **{name: lambda shape=shape: create_model(shape, 64, 0, 1) for name, shape in SHAPES.items()},
    "gpt2": gpt2,
    "qwen2": qwen2,
}
IDS = torch.randint(0, 64, (2, 20), generator=torch.Generator().manual_seed(1))


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS, use_cache=False).logits


def shapes(model: PreTrainedModel) -> dict[str, list[int]]:
    return {name: list(one.shape) for name, one in model.named_parameters()}


def trained(model: PreTrainedModel) -> int:
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


@pytest.fixture(params=MAKERS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(0)
    return MAKERS[request.param]()


@pytest.mark.parametrize("name", SHAPES)
def test_a_preset_says_what_its_model_will_be(name: str) -> None:
    assert shapes(create_model(SHAPES[name], 64, 0, 1)) == SHAPES[name].tensors(64)


def test_new_blocks_change_no_logit_and_can_be_saved(model: PreTrainedModel, tmp_path: Path) -> None:
    before, expected = logits(model), size_of(shapes(model), Stage(method="expansion"))
    made = expanded(model, 2)
    assert torch.equal(logits(model), before), "the base is left as it was"
    model = made
    train_new_blocks(model, 2)
    assert float((logits(model) - before).abs().max()) < LARGEST_CHANGE
    assert (trained(model), model.num_parameters()) == (expected.trained, expected.parameters)
    for weights in (one for one in model.parameters() if one.requires_grad):
        torch.nn.init.normal_(weights, std=0.1)
    save_model(model, model.state_dict(), tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert torch.equal(logits(loaded), logits(model)) and not torch.allclose(logits(model), before, atol=1e-2)
    written = [one.generate(IDS[:1], attention_mask=torch.ones(1, 20), max_new_tokens=4, do_sample=False)
               for one in (loaded, model)]  # fmt: skip
    assert torch.equal(*written), "with a cache, which finds its layers by number"


def test_blocks_that_would_change_the_model_at_once_are_refused() -> None:
    """Of GPT-2 with attention scaled by the number of the block, other numbers make another model."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=64, n_embd=32, n_layer=3, n_head=2, scale_attn_by_inverse_layer_idx=True, **_ENDS
    )
    model = GPT2LMHeadModel(config)
    for block in model.transformer.h:
        torch.nn.init.normal_(block.attn.c_attn.weight, std=1.0)
    with pytest.raises(UserError, match="GPT2LMHeadModel"):
        expanded(model, 2)


def test_adapters_change_nothing_at_first_and_merge_into_a_plain_model(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    before, names = logits(model), set(model.state_dict())
    expected = size_of(shapes(model), Stage(method="lora", lora_rank=4))
    state = torch.get_rng_state()
    add_adapters(model, 4, 7, with_embeddings=False)
    assert torch.equal(torch.get_rng_state(), state), "the draw of everything else stays what it was"
    assert torch.equal(logits(model), before)
    assert (trained(model), model.num_parameters()) == (expected.trained, expected.parameters)
    for name, weights in model.named_parameters():
        if weights.requires_grad:
            torch.nn.init.normal_(weights, std=0.1)
            assert ".lora_" in name
    plain = merged(model, model.state_dict())
    assert plain.keys() == names
    save_model(model, plain, tmp_path / "model")
    assert torch.allclose(
        logits(AutoModelForCausalLM.from_pretrained(tmp_path / "model")), logits(model), atol=1e-4
    )
    assert not torch.allclose(logits(model), before, atol=1e-2)
    assert not (tmp_path / "model" / "adapter_config.json").exists()


def test_adapters_are_drawn_alike_on_every_rank_and_may_take_the_embeddings_along() -> None:
    drawn = []
    for seed in (1, 2):
        model = create_model(SHAPES["small-neox"], 64, 0, 1)
        expected = size_of(shapes(model), Stage(method="lora", lora_rank=4, lora_embeddings=True))
        torch.manual_seed(seed)
        add_adapters(model, 4, 7, with_embeddings=True)
        assert trained(model) == expected.trained
        drawn.append(model.state_dict())
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])


def test_the_first_blocks_and_the_embeddings_can_be_held_fast(model: PreTrainedModel) -> None:
    expected = size_of(shapes(model), Stage(frozen_blocks=2))
    freeze(model, 2)
    assert trained(model) == expected.trained < expected.base
    assert not model.get_input_embeddings().weight.requires_grad
