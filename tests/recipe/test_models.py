"""Model shapes and base models: what is said of a model before its weights are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from domainstudio.problems import UserError
from domainstudio.recipe.base_model import read_base_model
from domainstudio.recipe.shapes import SHAPES

CONFIG = {"architectures": ["LlamaForCausalLM"], "vocab_size": 32_000, "max_position_embeddings": 4096}


def model_folder(folder: Path, config: Any = CONFIG, weights: str = "model.safetensors") -> Path:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    header = b'{"lm_head.weight": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}'
    (folder / weights).write_bytes(len(header).to_bytes(8, "little") + header + b"four")
    return folder


def test_the_counted_parameters_are_those_of_the_model() -> None:
    from domainstudio.model.create import create_model

    for name, shape in SHAPES.items():
        model = create_model(shape, vocabulary=777, end_of_text=0, seed=0)
        assert shape.parameters(777) == sum(parameter.numel() for parameter in model.parameters()), name


def test_a_base_model_tells_its_size_without_its_weights(tmp_path: Path) -> None:
    base = read_base_model(model_folder(tmp_path))
    assert (base.architecture, base.vocabulary, base.positions) == ("LlamaForCausalLM", 32_000, 4096)
    again = read_base_model(model_folder(tmp_path, CONFIG | {"vocab_size": 32_001}))
    assert again.config_sha256 != base.config_sha256


def test_a_model_type_stands_in_for_a_missing_architecture(tmp_path: Path) -> None:
    config = {"model_type": "llama", "vocab_size": "512", "max_position_embeddings": 64}
    base = read_base_model(model_folder(tmp_path, config))
    assert (base.architecture, base.vocabulary) == ("llama", 512)


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "null", "7", "{}", json.dumps(CONFIG | {"vocab_size": "many"})]
)
def test_a_folder_without_a_language_models_configuration_is_refused(tmp_path: Path, config: str) -> None:
    with pytest.raises(UserError) as refusal:
        read_base_model(model_folder(tmp_path, config))
    assert refusal.value.problem.code == "model.no_config"
    assert str(tmp_path) in str(refusal.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        read_base_model(tmp_path / "nowhere")
    assert refusal.value.problem.code == "model.no_config"


def test_a_model_that_brings_code_is_refused(tmp_path: Path) -> None:
    config = CONFIG | {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    with pytest.raises(UserError) as refusal:
        read_base_model(model_folder(tmp_path, config))
    assert refusal.value.problem.code == "model.remote_code"


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        read_base_model(model_folder(tmp_path, weights="pytorch_model.bin"))
    assert refusal.value.problem.code == "model.no_safetensors"
