"""Byte-level Unigram vocabularies: every text comes back, and the libraries cut alike."""

import math
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.alphabet import LETTERS, spell
from domainstudio.tokenizer.training.counting import count_types
from domainstudio.tokenizer.training.splitting import Split, compiled, expression
from domainstudio.tokenizer.training.unigram import (
    SENTENCEPIECE_FILE,
    expected,
    pieces_in,
    pruned,
    save_unigram,
    train_unigram,
)

TEXTS = [
    "The law of contract is the law of promises; the law of tort is the law of wrongs in 1999.\n\n",
    "法律面前人人平等。合同法规定，合同自成立时生效。合同双方应当遵守合同。",
    "Numbers 1234567 and 😀 and tabs\tand  spaces   and CamelCase, don't they?",
    "the United States of America and the law of the United States of America",
] * 20
SIZE = 480
SPLITS: tuple[Split, ...] = ("words", "multi-word", "multi-word-unicode")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A vocabulary of each split."""
    made = {}
    for split in SPLITS:
        folder = made[split] = tmp_path_factory.mktemp(split)
        counts = count_types(TEXTS, expression(split, parts_digits=True)).counts
        pieces = train_unigram(counts, SIZE, split, model_file=folder / SENTENCEPIECE_FILE)
        assert 257 < save_unigram(pieces, split, folder) <= SIZE
    return made


@pytest.fixture(scope="module")
def tokenizers(folders: dict[str, Path]) -> dict[str, Tokenizer]:
    return {split: vocabulary.load(folder) for split, folder in folders.items()}


@settings(max_examples=200)
@given(
    st.text(
        st.one_of(st.sampled_from("法律合同 \n\tlawABC123😀'’"), st.characters(exclude_categories=["Cs"]))
    )
)
@example("合同法\r\n\r\n  第１条　😀👩‍👩‍👧 e\u0301 \x00 \ufeff")
@example(" leading and trailing  ")
@example("<|endoftext|>")
@example("".join(map(chr, range(0x2FF))))
def test_every_text_comes_back(tokenizers: dict[str, Tokenizer], text: str) -> None:
    for tokenizer in tokenizers.values():
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("split", SPLITS)
def test_all_bytes_are_there_and_the_end_of_text_is_0(tokenizers: dict[str, Tokenizer], split: Split) -> None:
    names = set(tokenizers[split].get_vocab())
    assert set(LETTERS) <= names
    assert vocabulary.end_of_text(tokenizers[split]) == 0


@pytest.mark.parametrize("split", SPLITS)
def test_the_libraries_cut_alike(
    folders: dict[str, Path], tokenizers: dict[str, Tokenizer], split: Split
) -> None:
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(folders[split] / SENTENCEPIECE_FILE))
    assert theirs.id_to_piece(0) == vocabulary.END_OF_TEXT
    pattern = compiled(expression(split, parts_digits=True))
    for text in [*TEXTS[:4], "unseen words: ŝtrange 😀 漢字 \x7f"]:
        parts = [theirs.encode(spell(part.encode())) for part in pattern.findall(text)]
        assert [number for part in parts for number in part] == tokenizers[split].encode(text).ids


def test_digits_stand_apart_and_several_words_may_be_one_token(tokenizers: dict[str, Tokenizer]) -> None:
    for tokenizer in tokenizers.values():
        assert not [name for name in tokenizer.get_vocab() if len(name) > 1 and set(name) & set("0123456789")]
    several = {
        split: [name for name in tokenizer.get_vocab() if "Ġ" in name.strip("Ġ")]
        for split, tokenizer in tokenizers.items()
    }
    assert several["multi-word"] and several["multi-word-unicode"] and not several["words"]


def test_pieces_come_back_and_are_probabilities(folders: dict[str, Path]) -> None:
    pieces = pieces_in(folders["words"])
    kept = pruned(pieces, 270)
    assert len(kept) == 269 and {name for name, _ in kept} >= set(LETTERS)
    assert sum(math.exp(score) for _, score in kept) == pytest.approx(1)
    longer = [name for name, _ in pieces if len(name) > 1]
    assert [name for name, _ in kept if len(name) > 1] == longer[: 269 - 256]
    assert [name for name, _ in pruned([("Ġlaw", -0.1)], 300)][0] == "Ġlaw"


def test_a_larger_vocabulary_is_pruned_to_one_that_is_as_good(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    counts = count_types(TEXTS, expression("words", parts_digits=True)).counts
    tokens = []
    for number, seeds in enumerate((None, expected(pieces_in(folders["words"])))):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_unigram(train_unigram(counts, 320, "words", seeds), "words", folder)
        tokenizer = vocabulary.load(folder)
        tokens.append(sum(len(tokenizer.encode(text).ids) for text in TEXTS[:4]))
    assert tokens[1] <= 1.03 * tokens[0]
