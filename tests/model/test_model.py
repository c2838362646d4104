"""The model's own rules: initialisation, refusals, dropout."""

import json
import math
from pathlib import Path

import pytest
import torch

from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model, save_model, set_dropout
from domainstudio.problems import UserError
from domainstudio.recipe.shapes import SHAPES


@pytest.mark.parametrize("preset", ["tiny", "tiny-neox"])
def test_weights_are_drawn_as_bloomberggpt_draws_them(preset: str) -> None:
    shape = SHAPES[preset]
    model = create_model(shape, 2048, 0, seed=3)
    deviation = math.sqrt(1 / (3 * shape.hidden))
    weights = dict(model.named_parameters())
    residual = [name for name in weights if name.endswith(("down_proj.weight", "dense_4h_to_h.weight"))]
    inner = [name for name in weights if name.endswith(("up_proj.weight", "dense_h_to_4h.weight"))]
    assert len(residual) == len(inner) == shape.layers
    for name in inner:
        assert weights[name].std().item() == pytest.approx(deviation, rel=0.02)
    for name in residual:
        assert weights[name].std().item() == pytest.approx(deviation / math.sqrt(2 * shape.layers), rel=0.02)
    assert all(weights[name].eq(1).all() for name in weights if name.endswith("norm.weight"))
    assert all(weights[name].eq(0).all() for name in weights if name.endswith(".bias"))


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (create_model(SHAPES["tiny"], 300, 0, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_saved_and_loaded_weights_are_equal(tmp_path: Path) -> None:
    model = create_model(SHAPES["tiny-neox"], 300, 0, seed=0)
    save_model(model, model.state_dict(), tmp_path)
    assert [file.suffix for file in tmp_path.iterdir() if file.name.startswith("model")] == [".safetensors"]
    loaded = load_model(tmp_path).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in model.state_dict().items())


def test_code_and_pickles_are_refused(tmp_path: Path) -> None:
    model = create_model(SHAPES["tiny"], 300, 0, seed=0)
    save_model(model, model.state_dict(), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pickled weights are not loaded"):
        load_model(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "evil.py").write_text("raise SystemExit('executed')")
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"auto_map"):
        load_model(tmp_path)


def test_weights_cut_short_are_refused_in_one_sentence(tmp_path: Path) -> None:
    model = create_model(SHAPES["tiny"], 300, 0, seed=0)
    save_model(model, model.state_dict(), tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"cannot be loaded"):
        load_model(tmp_path)


@pytest.mark.parametrize("preset", ["tiny", "tiny-neox"])
def test_dropout_acts_in_training_alone(preset: str) -> None:
    model = create_model(SHAPES[preset], 300, 0, seed=0)
    set_dropout(model, 0.3)
    ids = torch.arange(32)[None]
    model.eval()
    assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    model.train()
    assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
