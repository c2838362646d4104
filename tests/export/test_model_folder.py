"""A model folder: appears whole, with a tokenizer others can load, and never over something else."""

import json
from pathlib import Path

import pytest

from domainstudio.export.model_folder import hash_weights, write_model_folder
from domainstudio.problems import UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.train import train_byte_level_bpe


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"first half")
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"second half")
    return folder


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    train_byte_level_bpe(iter(["the law of contract"]), 300, folder)
    return folder


def test_the_folder_holds_weights_and_a_tokenizer_with_its_configuration(
    tmp_path: Path, weights: Path, tokenizer: Path
) -> None:
    target = tmp_path / "deep" / "out"
    digest = write_model_folder(weights, tokenizer, target, "weights {}".format)
    assert (target / "README.md").read_text() == f"weights {digest}"
    assert sorted(file.name for file in target.iterdir()) == [
        "README.md", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert (target / "model-00002-of-00002.safetensors").read_bytes() == b"second half"
    assert vocabulary.hash_of(target) == vocabulary.hash_of(tokenizer)
    config = json.loads((target / "tokenizer_config.json").read_text())
    assert config["eos_token"] == "<|endoftext|>"
    assert digest == hash_weights(weights) == hash_weights(target)
    assert sorted(file.name for file in target.parent.iterdir()) == ["out"]


def test_a_tokenizer_that_came_with_its_configuration_keeps_it(
    tmp_path: Path, weights: Path, tokenizer: Path
) -> None:
    (tokenizer / "tokenizer_config.json").write_text('{"chat": 1}')
    (tokenizer / "merges.txt").write_text("a b")
    (tokenizer / "notes.txt").write_text("private")
    write_model_folder(weights, tokenizer, tmp_path / "out", str)
    assert (tmp_path / "out" / "tokenizer_config.json").read_text() == '{"chat": 1}'
    assert (tmp_path / "out" / "merges.txt").is_file()
    assert not (tmp_path / "out" / "notes.txt").exists()


def test_the_hash_knows_every_weight_file_and_its_name(tmp_path: Path, weights: Path) -> None:
    before = hash_weights(weights)
    (weights / "config.json").write_text("{}")
    assert hash_weights(weights) == before
    second = weights / "model-00002-of-00002.safetensors"
    second.write_bytes(b"second hald")
    changed = hash_weights(weights)
    second.rename(weights / "other.safetensors")
    assert len({before, changed, hash_weights(weights)}) == 3


def test_an_empty_folder_may_be_filled(tmp_path: Path, weights: Path, tokenizer: Path) -> None:
    (tmp_path / "out").mkdir()
    write_model_folder(weights, tokenizer, tmp_path / "out", str)
    assert (tmp_path / "out" / "tokenizer.json").is_file()


@pytest.mark.parametrize("taken_by", ["folder", "file"])
def test_a_taken_target_is_refused_and_left_alone(
    tmp_path: Path, weights: Path, tokenizer: Path, taken_by: str
) -> None:
    target = tmp_path / "out"
    if taken_by == "folder":
        target.mkdir()
        (target / "thesis.doc").write_text("work")
    else:
        target.write_text("work")
    with pytest.raises(UserError) as refusal:
        write_model_folder(weights, tokenizer, target, str)
    assert refusal.value.problem.code == "export.folder_taken"
    assert str(target) in str(refusal.value)
    assert (target / "thesis.doc" if taken_by == "folder" else target).read_text() == "work"


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "no-tokenizer").mkdir()
    with pytest.raises(UserError) as refusal:
        write_model_folder(weights, tmp_path / "no-tokenizer", tmp_path / "out", str)
    assert refusal.value.problem.code == "tokenizer.missing"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "no-tokenizer"]


def test_a_folder_whose_writer_was_killed_before_it_could_say_so_is_taken_for_written(
    tmp_path: Path, weights: Path, tokenizer: Path
) -> None:
    """The export that is resumed would refuse its own result for ever."""
    target = tmp_path / "out"
    digest = write_model_folder(weights, tokenizer, target, "weights {}".format)
    assert write_model_folder(weights, tokenizer, target, "weights {}".format) == digest
    with pytest.raises(UserError, match="out"):
        write_model_folder(weights, tokenizer, target, "another card of {}".format)
    (target / "model-00001-of-00002.safetensors").write_bytes(b"first hale")
    with pytest.raises(UserError, match="out"):
        write_model_folder(weights, tokenizer, target, "weights {}".format)
