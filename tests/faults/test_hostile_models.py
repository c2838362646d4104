"""A base model from a stranger: no code, no pickle, nothing beside it read, nothing larger than its files."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.hostile_world import safetensors, write_base
from support import Command

from domainstudio.export.model_folder import copy_tokenizer, write_model_folder
from domainstudio.problems import UserError
from domainstudio.recipe.base_model import count_parameters, read_base_model
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.encode import Encoder
from domainstudio.tokenizer.pieces import cut
from domainstudio.tokenizer.training.train import train_byte_level_bpe

Change = Callable[[dict[str, Any]], object]
GOOD = {"dtype": "F32", "shape": [512, 4], "data_offsets": [0, 8192]}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    train_byte_level_bpe(iter(["the law of contract " * 20]), 300, folder)
    return folder


@pytest.fixture
def base(tmp_path: Path, tokenizer: Path) -> Path:
    return write_base(tmp_path / "base", tokenizer)


def code_of(folder: Path) -> str:
    with pytest.raises(UserError) as refusal:
        read_base_model(folder)
    return refusal.value.problem.code


def test_a_whole_base_model_is_accepted(base: Path, tmp_path: Path, command: Command) -> None:
    assert count_parameters(base) == 2052
    assert command("project", "new", tmp_path / "new", "--base", base)["vocabulary"] > 256


@pytest.mark.parametrize(
    "header",
    [
        [],
        7,
        {"w": None},
        {"w": []},
        {"w": GOOD | {"data_offsets": [0, 8193]}},
        {"w": GOOD | {"data_offsets": [8192, 0]}},
        {"w": GOOD | {"data_offsets": [-8192, 0]}},
        {"w": GOOD | {"data_offsets": [1 << 60, (1 << 60) + 8192]}},
        {"w": GOOD | {"data_offsets": [0, 10**40]}},
        {"w": GOOD | {"shape": [-512, -4]}},
        {"w": GOOD | {"shape": [10**40, 10**40]}},
        {"w": GOOD | {"shape": [True, 2048]}},
        {"w": GOOD | {"shape": [512.0, 4]}},
        {"w": GOOD | {"shape": "512"}},
        {"w": GOOD | {"shape": [1] * 1000}},
        {"w": GOOD | {"dtype": "PICKLE"}},
        {"w": GOOD | {"surprise": 1}},
        {},
    ],
)
def test_a_crafted_header_of_weights_is_refused(base: Path, header: object) -> None:
    (base / "model.safetensors").write_bytes(safetensors(header, 8208))
    assert code_of(base) in ("model.unreadable", "model.no_safetensors")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        b"\x80\x04pickle.",
    ],
)
def test_what_only_calls_itself_safetensors_is_refused(base: Path, data: bytes) -> None:
    (base / "model.safetensors").write_bytes(data)
    assert code_of(base) == "model.unreadable"


def test_a_header_of_gigabytes_is_not_read(base: Path) -> None:
    with (base / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", 1 << 38))
        file.truncate(1 << 39)  # sparse
    assert code_of(base) == "model.unreadable"


@pytest.mark.parametrize(
    "names", [{"w": "../x.safetensors"}, {"w": "/etc/x"}, {"w": "a.bin"}, {"w": 7}, [], None]
)
def test_an_index_that_names_other_files_is_refused(base: Path, names: object) -> None:
    (base / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert code_of(base) == "model.unreadable"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "evil.Model"}}, "model.remote_code"),
        ({"text_config": {"auto_map": {}}}, "model.remote_code"),
        ({"attn_implementation": "evil/kernel"}, "model.remote_code"),
        ({"_attn_implementation": {"": "evil/kernel"}}, "model.remote_code"),
        ({"transformers_weights": "../other.safetensors"}, "model.remote_code"),
        ({"vocab_size": 10**12}, "model.no_config"),
        ({"vocab_size": -1}, "model.no_config"),
        ({"vocab_size": float("inf")}, "model.no_config"),
        ({"max_position_embeddings": 10**15}, "model.no_config"),
        ({"num_hidden_layers": 10**9}, "model.unreadable"),
        ({"num_local_experts": 10**9}, "model.unreadable"),
    ],
)
def test_a_configuration_that_wants_more_than_a_model_is_refused(
    base: Path, settings: dict[str, Any], code: str
) -> None:
    config = json.loads((base / "config.json").read_text()) | settings
    (base / "config.json").write_text(json.dumps(config))
    assert code_of(base) == code


def test_a_configuration_of_brackets_alone_is_refused(base: Path) -> None:
    (base / "config.json").write_text('{"a":' * 100_000)
    assert code_of(base) == "model.no_config"


def test_an_adapter_is_no_base_model(base: Path) -> None:
    """peft would load another model in its place, by a path or a name of the Hub that the adapter gives."""
    (base / "adapter_config.json").write_text('{"base_model_name_or_path": "/home/me/private"}')
    assert code_of(base) == "model.adapter"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_pipe_in_a_model_is_not_waited_for(base: Path, tmp_path: Path, refused: Command, name: str) -> None:
    (base / name).unlink()
    os.mkfifo(base / name)
    assert refused("project", "new", tmp_path / "new", "--base", base)
    assert not (tmp_path / "new").exists()


def test_a_file_of_the_person_is_not_copied_as_part_of_a_tokenizer(
    base: Path, tmp_path: Path, refused: Command
) -> None:
    """It would lie in the project, and in every model exported from it."""
    (tmp_path / "id_rsa").write_text("private")
    (base / "tokenizer.model").symlink_to(tmp_path / "id_rsa")
    assert "leads out of" in refused("project", "new", tmp_path / "new", "--base", base)
    with pytest.raises(UserError):
        copy_tokenizer(base, tmp_path)


def test_a_snapshot_of_the_hubs_cache_is_accepted(base: Path, tmp_path: Path, command: Command) -> None:
    """Its files are links to where the cache keeps them."""
    cache = tmp_path / "models--who--what"
    snapshot = cache / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    shutil.move(base, cache / "blobs")
    for file in (cache / "blobs").iterdir():
        (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
    assert command("project", "new", tmp_path / "new", "--base", snapshot)["vocabulary"] > 256


def test_a_tokenizer_that_brings_code_is_refused(base: Path, tmp_path: Path, refused: Command) -> None:
    """Its configuration would be exported with the model, and run by whoever trusts that."""
    (base / "tokenizer_config.json").write_text('{"auto\\u005fmap": {"AutoTokenizer": ["evil.T", null]}}')
    assert "code of its own" in refused("project", "new", tmp_path / "new", "--base", base)


def test_an_export_holds_what_was_trained_and_nothing_beside_it(base: Path, tmp_path: Path) -> None:
    (base / "evil.py").write_text("")
    (base / "pytorch_model.bin").write_bytes(b"pickle")
    write_model_folder(base, base, tmp_path / "out", str)
    assert not {"evil.py", "pytorch_model.bin"} & {file.name for file in (tmp_path / "out").iterdir()}


def changed(folder: Path, tokenizer: Path, change: Change) -> Path:
    """Return a folder with the tokenizer changed."""
    document = json.loads((tokenizer / "tokenizer.json").read_bytes())
    change(document)
    (folder / "tokenizer.json").write_text(json.dumps(document))
    return folder


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
        lambda document: document.update(
            normalizer={"type": "Sequence", "normalizers": 4 * [
                {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}
            ]}
        ),
        lambda document: document["model"]["vocab"].update(word=-1),
        lambda document: document["model"]["merges"].append(["no", "where"]),
        lambda document: document["model"].update(dropout=5.0),
        lambda document: document.clear(),
    ],
)  # fmt: skip
def test_a_tokenizer_that_cannot_work_is_refused(tmp_path: Path, tokenizer: Path, change: Change) -> None:
    with pytest.raises(UserError) as refusal:
        vocabulary.load(changed(tmp_path, tokenizer, change))
    assert refusal.value.problem.code == "tokenizer.unreadable" and "\n" not in str(refusal.value)


def test_an_id_beyond_every_model_is_refused(tmp_path: Path, tokenizer: Path) -> None:
    folder = changed(tmp_path, tokenizer, lambda document: document["model"]["vocab"].update(word=2**32 - 1))
    with pytest.raises(UserError) as refusal:
        Encoder(folder)
    assert refusal.value.problem.code == "tokenizer.id_too_high"


def test_a_rule_that_never_ends_is_given_up(tmp_path: Path, tokenizer: Path) -> None:
    """The library panics then, which is no Exception: it would end window and command without a word."""
    text = "a" * 40 + "b"
    folder = changed(tmp_path, tokenizer, lambda document: document.update(pre_tokenizer=_split("(a+)+$")))
    for use in (lambda: Encoder(folder).encode([text]), lambda: cut(folder, text)):
        with pytest.raises(UserError) as refusal:
            use()
        assert refusal.value.problem.code == "tokenizer.unreadable"


def test_a_tokenizer_neither_cuts_off_nor_pads(tmp_path: Path, tokenizer: Path) -> None:
    padding = {
        "strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "x",
    }  # fmt: skip
    truncation = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 5}
    folder = changed(
        tmp_path, tokenizer, lambda document: document.update(padding=padding, truncation=truncation)
    )
    text = "the law of contract"
    assert vocabulary.load(folder).encode(text).ids == vocabulary.load(tokenizer).encode(text).ids


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"num_hidden_layers": 3}, "model.weights_missing"),
        ({"model_type": "gpt2"}, "model.weights_missing"),
        ({"hidden_size": 1 << 20}, "model.too_large_for_weights"),
        ({"intermediate_size": 65}, "model.unreadable"),
        ({"num_attention_heads": 0}, "model.unreadable"),
        ({"hidden_size": "64"}, "model.unreadable"),
        ({"quantization_config": 5}, "model.unreadable"),
        ({"hidden_act": "os.system"}, "model.unreadable"),
    ],
)
def test_weights_and_configuration_that_do_not_belong_together_are_refused(
    tmp_path: Path, settings: dict[str, Any], code: str
) -> None:
    """transformers draws what is missing at random, and a run would go on from half a model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from domainstudio.model.folder import load_model

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=64, max_position_embeddings=64, **sizes))
    model.save_pretrained(tmp_path)
    assert load_model(tmp_path).num_parameters() == model.num_parameters()
    config = json.loads((tmp_path / "config.json").read_text()) | settings
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError) as refusal:
        load_model(tmp_path)
    assert refusal.value.problem.code == code


def test_a_folder_does_not_decide_how_text_is_written(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from domainstudio.model.folder import load_model, write_plainly

    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    LlamaForCausalLM(LlamaConfig(vocab_size=64, **sizes)).save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"num_beams": 100000, "min_length": 100000}')
    model = load_model(tmp_path)
    assert model.generation_config.num_beams == 100_000
    write_plainly(model)
    assert model.generation_config.num_beams in (None, 1) and not model.generation_config.min_length


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """DeepSpeed keeps the optimizer in pickles; what a stranger put there must not run on resume."""
    import torch

    from domainstudio.trainer.states import read_state

    file = tmp_path / "zero_pp_rank_0_mp_rank_00_optim_states.pt"
    torch.save({"step": torch.ones(2)}, file)
    assert read_state(tmp_path, str(file))["step"].tolist() == [1, 1]
    for made in (Evil(tmp_path / "ran"), {"optimizer_state_dict": [Evil(tmp_path / "ran")]}):
        torch.save(made, file)
        with pytest.raises(UserError) as refusal:
            read_state(tmp_path, str(file))
        assert refusal.value.problem.code == "checkpoint.damaged"
    assert not (tmp_path / "ran").exists()
