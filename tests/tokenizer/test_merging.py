"""Merging over counted types: the merges are those of `tokenizers`, in its order."""

import json
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from domainstudio.tokenizer.training.merging import Merge, merges

TEXT = "the law of contract and the laws of contracting parties aaaa aaa abab banana 合同 合同法 law law"


def merged(words: list[str], most: int) -> tuple[list[str], list[Merge]]:
    """Return the alphabet and at most so many merges of some words."""
    counts = Counter(words)
    alphabet = sorted({letter for word in counts for letter in word})
    symbols = np.array([alphabet.index(letter) for word in counts for letter in word], np.int32)
    lengths = np.array([len(word) for word in counts], np.int64)
    found = merges(symbols, lengths, np.array(list(counts.values()), np.int64), alphabet)
    return alphabet, [merge for _, merge in zip(range(most), found, strict=False)]


def strings_of(alphabet: list[str], found: list[Merge]) -> list[tuple[str, str]]:
    names, pairs = list(alphabet), []
    for merge in found:
        pairs.append((names[merge.left], names[merge.right]))
        if merge.made == len(names):
            names.append("".join(pairs[-1]))
    return pairs


def of_tokenizers(words: list[str], most: int) -> list[tuple[str, str]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    letters = len({letter for word in words for letter in word})
    trainer = trainers.BpeTrainer(vocab_size=letters + most, min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator([" ".join(words)], trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]][:most]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("abc", min_size=1, max_size=7), min_size=1, max_size=30), st.integers(1, 12))
def test_merges_are_those_of_tokenizers_up_to_its_first_string_made_twice(
    words: list[str], most: int
) -> None:
    alphabet, found = merged(words, most)
    ours, theirs = strings_of(alphabet, found), of_tokenizers(words, most)
    once = next((n for n, merge in enumerate(found) if merge.made < len(alphabet) + n), len(found))
    assert ours[:once] == theirs[:once]


def test_merges_of_real_words_are_those_of_tokenizers() -> None:
    words = [word for word in TEXT.split() for _ in range(random.Random(word).randrange(2, 9))]
    alphabet, found = merged(words, 30)
    assert len(found) == 30
    assert strings_of(alphabet, found) == of_tokenizers(words, 30)


def test_what_is_saved_is_what_a_text_gets_shorter_by() -> None:
    words = ["aaaa"] * 3 + ["aab"] * 2
    _, found = merged(words, 9)
    assert found[0] == Merge(0, 0, 2, saved=3 * 2 + 2)
    # aaaa and aab are one token each in the end.
    assert sum(merge.saved for merge in found) == sum(map(len, words)) - len(words)


def test_a_string_made_by_two_pairs_is_one_symbol() -> None:
    words = ["ab"] * 9 + ["bc"] * 8 + ["abc"] * 5 + ["xbc"] * 4 + ["axbc"] * 4
    alphabet, found = merged(words, 99)
    names = list(alphabet)
    for merge in found:
        if merge.made == len(names):
            names.append(names[merge.left] + names[merge.right])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("words", [["a"], ["ab"], ["a", "b", "a"]])
def test_text_without_a_repeated_pair_has_no_merges(words: list[str]) -> None:
    assert merged(words, 9)[1] == []
