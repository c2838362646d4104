"""A model with rows for new pieces: old rows and logits as they were, new ones the mean of their parts."""

import json
from pathlib import Path

import pytest
import torch
import vocabularies
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PhiConfig, PreTrainedModel

from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model
from domainstudio.model.grow import MULTIPLE, grow, write_grown
from domainstudio.problems import UserError
from domainstudio.recipe.growth import GrowWork
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.extend import extend
from domainstudio.tokenizer.extension.report import NewRows, read_rows, write_extended

BASE = ["The law of contract is the law of promises; the law of tort is the law of wrongs.\n"] * 20
BASE += ["Sphinx of black quartz, judge my vow: 0123456789 U T!\n"] * 3
FIELD = ["The usufructuary enjoys the   usufruct. Usufructuary rights, 2024: the usufruct ends.\n"] * 30
ROWS = NewRows(first=300, base_ids=((5, 9), (7,), (5, 9, 11)))


def _llama(*, tied: bool) -> PreTrainedModel:
    sizes = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=300, max_position_embeddings=64, tie_word_embeddings=tied, **sizes)
    return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_are_the_mean_of_their_parts_and_old_ones_stay(tied: bool) -> None:
    model = _llama(tied=tied)
    old = [model.get_input_embeddings().weight.clone(), model.get_output_embeddings().weight.clone()]
    ids = torch.arange(60)[None]
    before = model(input_ids=ids).logits
    grow(model, ROWS)
    new = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    assert (new[0] is new[1]) == tied
    for one, other in zip(old, new, strict=True):
        assert other.shape == (3 * MULTIPLE, 32)
        assert torch.equal(other[:300], one)
        assert torch.allclose(other[300], (one[5] + one[9]) / 2)
        assert torch.equal(other[301], one[7])
        assert torch.allclose(other[302], (one[5] + one[9] + one[11]) / 3)
        assert torch.allclose(other[303:], one.mean(dim=0).expand(81, 32))
    assert model.config.vocab_size == 3 * MULTIPLE
    assert (model(input_ids=ids).logits[..., :300] - before).abs().max() <= 1e-5


def test_rows_that_the_base_has_to_spare_are_used_first() -> None:
    model = create_model(SHAPES["tiny-neox"], 300, 0, seed=0)
    old = model.get_input_embeddings().weight.clone()
    grow(model, NewRows(first=290, base_ids=((5, 9), (7,))))
    new = model.get_input_embeddings().weight
    assert new.shape[0] == 3 * MULTIPLE or new.shape[0] == 300
    assert torch.allclose(new[290], (old[5] + old[9]) / 2) and torch.equal(new[292:300], old[292:300])


@pytest.mark.parametrize(
    "rows", [NewRows(first=301, base_ids=((5,),)), NewRows(first=300, base_ids=((300,),))]
)
def test_rows_of_another_model_are_refused(rows: NewRows) -> None:
    with pytest.raises(UserError) as refusal:
        grow(_llama(tied=True), rows)
    assert refusal.value.problem.code == "model.vocabulary"


def write_base(kind: str, folder: Path, spare: int) -> int:
    """Write a base with rows to spare beyond its vocabulary; return how many entries that has."""
    make = vocabularies.llama_like if kind == "llama" else vocabularies.neox_like
    make(folder, BASE, 330)
    names = {"llama": "LlamaTokenizer"}
    settings = {"tokenizer_class": names.get(kind, "GPTNeoXTokenizer"), "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    size = vocabulary.size_of(vocabulary.load(folder))
    if kind == "llama":
        model = create_model(SHAPES["tiny"], size + spare, 2, seed=0)
    elif kind.startswith("phi"):
        torch.manual_seed(0)
        sizes = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48)
        model = AutoModelForCausalLM.from_config(PhiConfig(vocab_size=size + spare, bos_token_id=0, **sizes))
        model.get_output_embeddings().bias.data.normal_()
    else:
        model = create_model(SHAPES["tiny-neox"], size + spare, 0, seed=0).to(torch.bfloat16)
    model.save_pretrained(folder)
    return size


@pytest.mark.parametrize("spare", [0, 10, 100])
def test_a_base_with_rows_to_spare_gives_them_to_new_pieces_first(tmp_path: Path, spare: int) -> None:
    """As Pythia and Qwen have: their matrices are padded already."""
    for name in ("base", "extended", "grown"):
        (tmp_path / name).mkdir()
    size = write_base("neox in bf16", tmp_path / "base", spare)
    write_extended(extend(tmp_path / "base", lambda: FIELD, 20), tmp_path / "base", tmp_path / "extended")
    work = GrowWork(model="base", tokenizer="extended", base_tokenizer="base", probe=(*BASE[:1], *FIELD[:1]))
    growth = write_grown(work, tmp_path, tmp_path / "grown", lambda _phase: None)
    assert (growth.rows_before, growth.rows) == (size + spare, max(size + spare, 3 * MULTIPLE))
    assert growth.largest_change <= 1e-5 and (growth.added_parameters > 0) == (spare < 100)
    base, grown = (
        load_file(tmp_path / name / "model.safetensors")["gpt_neox.embed_in.weight"]
        for name in ("base", "grown")
    )
    assert torch.equal(base[:size], grown[:size])
    for place, ids in enumerate(read_rows(tmp_path / "extended").base_ids):
        assert torch.allclose(grown[size + place].float(), base[list(ids)].float().mean(dim=0), rtol=1e-2)


@pytest.mark.parametrize("kind", ["neox in bf16", "llama", "phi, with a bias"])
def test_model_and_tokenizer_are_written_together_and_load_elsewhere(tmp_path: Path, kind: str) -> None:
    for name in ("base", "extended", "grown"):
        (tmp_path / name).mkdir()
    size = write_base(kind, tmp_path / "base", spare=0)
    extension = extend(tmp_path / "base", lambda: FIELD, 20)
    write_extended(extension, tmp_path / "base", tmp_path / "extended")
    work = GrowWork(model="base", tokenizer="extended", base_tokenizer="base", probe=(*BASE[:1], *FIELD[:1]))
    phases: list[str] = []
    growth = write_grown(work, tmp_path, tmp_path / "grown", phases.append)
    assert phases == ["measuring", "growing", "measuring", "saving"]
    assert (growth.rows_before, growth.new, growth.rows % MULTIPLE) == (size, 20, 0)
    assert growth.largest_change <= 1e-5 and growth.added_parameters > 0
    assert growth.nats_after < 2 * growth.nats_before
    files, before = (load_file(tmp_path / name / "model.safetensors") for name in ("grown", "base"))
    assert files.keys() == before.keys()
    assert all(files[name].dtype == before[name].dtype for name in files)
    changed = {name for name in files if files[name].shape != before[name].shape}
    assert len(changed) == (3 if "phi" in kind else 1)
    assert all(torch.equal(files[name], before[name]) for name in files.keys() - changed)
    assert all(torch.equal(files[name][: len(before[name])], before[name]) for name in changed)
    grown = load_model(tmp_path / "grown")
    theirs, ours = AutoTokenizer.from_pretrained(tmp_path / "grown"), vocabulary.load(tmp_path / "grown")
    for text in (*BASE[:1], *FIELD[:1], "  two   three\n"):
        assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text).ids
    assert grown.config.vocab_size == growth.rows >= vocabulary.size_of(ours)
    assert not (tmp_path / "grown" / "tokenizer.model").exists()
