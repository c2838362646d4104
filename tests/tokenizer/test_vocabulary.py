"""Vocabularies: trained on bytes, so that every text comes back."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from domainstudio.problems import UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.train import MINIMUM_SIZE, train_byte_level_bpe

TEXTS = [
    "The law of contract is the law of promises; the law of tort is the law of wrongs.\n\n",
    "法律面前人人平等。合同法规定，合同自成立时生效。合同双方应当遵守合同。",
    "Numbers 1234567 and 😀 and tabs\tand  spaces   and CamelCase, don't they?",
] * 20
SIZE = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vocabulary trained on TEXTS."""
    path = tmp_path_factory.mktemp("tokenizer")
    assert MINIMUM_SIZE < train_byte_level_bpe(iter(TEXTS), SIZE, path) <= SIZE
    return path


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return vocabulary.load(folder)


@settings(deadline=None, max_examples=300)
@given(
    st.text(
        st.one_of(st.sampled_from("法律合同 \n\tlawABC123😀'’"), st.characters(exclude_categories=["Cs"]))
    )
)
@example("合同法\r\n\r\n  第１条　😀👩‍👩‍👧 e\u0301 \x00 \ufeff")
@example(" leading and trailing  ")
@example("<|endoftext|>")
def test_every_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_training_makes_frequent_words_one_token(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("合同").ids) == 1
    assert len(tokenizer.encode(" law").ids) == 1
    assert vocabulary.end_of_text(tokenizer) == 0


def test_a_smaller_vocabulary_is_a_prefix_of_a_larger_one(tmp_path: Path, tokenizer: Tokenizer) -> None:
    size = train_byte_level_bpe(iter(TEXTS), 300, tmp_path)
    smaller = vocabulary.load(tmp_path)
    assert size == 300
    assert [smaller.id_to_token(number) for number in range(300)] == [
        tokenizer.id_to_token(number) for number in range(300)
    ]


def test_the_smallest_vocabulary_is_the_bytes(tmp_path: Path) -> None:
    assert train_byte_level_bpe(iter(TEXTS), MINIMUM_SIZE, tmp_path) == MINIMUM_SIZE
    assert len(vocabulary.load(tmp_path).encode("合同").ids) == 6


def test_text_short_of_repeated_pairs_makes_a_smaller_vocabulary(tmp_path: Path) -> None:
    assert train_byte_level_bpe(iter(["abab"]), 1000, tmp_path) < 270


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        vocabulary.load(tmp_path)
    assert refusal.value.problem.code == "tokenizer.missing"


@pytest.mark.parametrize("data", [b"", b"{}", b'{"model": {"type": "BPE"}}', b"\xff\xfe"])
def test_a_file_that_is_no_tokenizer_is_refused_with_its_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(data)
    with pytest.raises(UserError) as refusal:
        vocabulary.load(tmp_path)
    assert refusal.value.problem.code == "tokenizer.unreadable"
    assert str(tmp_path / "tokenizer.json") in str(refusal.value)


@pytest.mark.parametrize("end", ["</s>", "<|end_of_text|>", "<eos>", None])
def test_the_end_of_text_is_known_by_its_usual_names(tmp_path: Path, folder: Path, end: str | None) -> None:
    values = json.loads((folder / "tokenizer.json").read_text().replace("<|endoftext|>", end or "<stop>"))
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    renamed = vocabulary.load(tmp_path)
    if end:
        assert vocabulary.end_of_text(renamed) == 0
    else:
        with pytest.raises(UserError) as refusal:
            vocabulary.end_of_text(renamed)
        assert refusal.value.problem.code == "tokenizer.no_end_of_text"
