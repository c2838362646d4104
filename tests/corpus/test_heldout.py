"""Held-out rules: how much is held out, that it stays so, and that no text is lost by cutting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.corpus.hashing import content_hash, normalise
from domainstudio.corpus.heldout import (
    CHARACTER_SHARE,
    HeldOutRule,
    choose_threshold,
    cut_passages,
    passage_length,
    split_document,
)

NOTHING = "0" * 32
PREFIXES = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60)
TEXT = st.text(st.one_of(st.sampled_from("\n 。.ab"), st.characters()), max_size=400)


def held_out(below: str, prefixes: "np.ndarray[tuple[int], np.dtype[np.uint64]]") -> "np.ndarray":
    rule = HeldOutRule(unit="document", below=below)
    return np.array(
        [rule.holds_out(int(prefix).to_bytes(8, "big") + b"\x00" * 8) for prefix in prefixes], bool
    )


def chosen(prefixes: list[int], lengths: list[int]) -> "np.ndarray":
    array = np.array(prefixes, np.uint64)
    return held_out(choose_threshold(array, np.array(lengths, np.int64)), array)


@pytest.mark.parametrize(("documents", "expected"), [(320, 32), (1000, 32), (3200, 32), (10_000, 100)])
def test_one_percent_is_held_out_or_32_if_that_is_more(documents: int, expected: int) -> None:
    prefixes = np.random.default_rng(documents).integers(0, 2**64, documents, np.uint64)
    assert chosen(list(prefixes), [500] * documents).sum() == expected


@settings(deadline=None)
@given(PREFIXES.flatmap(lambda found: st.tuples(st.just(found), st.lists(
    st.integers(1, 5000), min_size=len(found), max_size=len(found)))))  # fmt: skip
def test_never_over_a_tenth_of_the_characters(units: tuple[list[int], list[int]]) -> None:
    prefixes, lengths = units
    held = chosen(prefixes, lengths)
    assert held.sum() <= 32
    assert np.array(lengths)[held].sum() <= CHARACTER_SHARE * sum(lengths)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(50, 400), st.integers(1, 3000))
def test_as_much_is_held_out_as_the_limits_allow(seed: int, units: int, longest: int) -> None:
    generator = np.random.default_rng(seed)
    prefixes = generator.integers(0, 2**64, units, np.uint64)
    lengths = generator.integers(1, longest + 1, units)
    held = chosen(list(prefixes), list(lengths))
    following = np.argsort(prefixes)[: held.sum() + 1]
    assert held.sum() == 32 or lengths[following].sum() > CHARACTER_SHARE * lengths.sum()


def test_equal_texts_stay_on_one_side() -> None:
    prefixes = [*range(1, 31), *[500] * 40, *range(1000, 1300)]
    held = chosen(prefixes, [100] * len(prefixes))
    assert held.sum() == 30
    assert not held[30:70].any()


@pytest.mark.parametrize("prefixes", [[], [7], [7] * 50])
def test_nothing_is_held_out_where_no_unit_fits(prefixes: list[int]) -> None:
    """Else the border would be an arbitrary hash, and later imports would lose an arbitrary share."""
    array = np.array(prefixes, np.uint64)
    assert choose_threshold(array, np.full(len(prefixes), 100)) == NOTHING


@given(st.binary(min_size=16, max_size=16))
def test_a_rule_of_zeros_holds_nothing_out(digest: bytes) -> None:
    assert not HeldOutRule(unit="document", below=NOTHING).holds_out(digest)


@settings(deadline=None, max_examples=300)
@given(TEXT, st.integers(1, 60))
def test_passages_joined_are_the_text(text: str, length: int) -> None:
    passages = cut_passages(text, length)
    assert "".join(passages) == text
    assert all(max(1, length // 2) <= len(passage) <= max(1, length * 3 // 2) for passage in passages[:-1])
    assert len(passages[-1]) <= max(1, length * 3 // 2)


def test_passages_end_between_paragraphs_if_they_can() -> None:
    text = "".join(f"Paragraph {number}. " + "Some words. " * 10 + "\n\n" for number in range(50))
    passages = cut_passages(text, 400)
    assert len(passages) > 10
    assert all(passage.endswith("\n\n") for passage in passages)


def test_chinese_passages_end_after_a_sentence() -> None:
    passages = cut_passages("法律面前人人平等，任何人不得例外。" * 100, 100)
    assert all(passage.endswith("。") for passage in passages)


@settings(deadline=None, max_examples=200)
@given(TEXT, st.integers(2, 60), st.integers(0, 2**128 - 1))
def test_a_split_document_keeps_all_its_text_and_held_out_passages_stand_alone(
    text: str, length: int, below: int
) -> None:
    rule = HeldOutRule(unit="passage", below=f"{below:032x}", passage_characters=length)
    pieces = list(split_document(text, rule))
    assert "".join(piece for piece, _ in pieces) == text
    passages = cut_passages(text, length)
    assert [piece for piece, held in pieces if held] == [
        passage for passage in passages if rule.holds_out(content_hash(passage))
    ]
    assert not any(
        first is second is False for (_, first), (_, second) in zip(pieces, pieces[1:], strict=False)
    )


def test_passages_are_shorter_in_a_small_source() -> None:
    assert [passage_length(size) for size in (100, 20_000, 10**9)] == [200, 500, 4000]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The  Law\n\tof Contract ", "the law of contract"),
        ("ＡＢＣ１２３", "abc123"),
        ("ﬁne", "fine"),
        ("e\u0301tude", "étude"),
        ("法律　条文", "法律 条文"),
    ],
)
def test_texts_that_look_alike_have_one_hash(one: str, other: str) -> None:
    assert content_hash(one) == content_hash(other)


def test_texts_that_differ_have_different_hashes() -> None:
    texts = ["law", "laws", "l aw", "la-w", "法律", "法 律", "", "\ud800", "\ud801", "1", "２0"]
    assert len({content_hash(text) for text in texts}) == len(texts)


@given(st.text(), st.sampled_from(" \n\t\u3000"))
def test_white_space_around_a_text_does_not_count(text: str, space: str) -> None:
    assert normalise(space + text + space * 2) == normalise(text)


def test_the_hash_never_changes() -> None:
    """Frozen rules of existing projects depend on it."""
    assert content_hash("Domain Studio").hex() == "579be3e48e7271e7f2025f518379e6ce"
