"""The difference for the eye: nothing is lost, equal is equal, a change weighs what a reader would say."""

import gzip
import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.corpus.audit import difference as module
from domainstudio.corpus.audit.difference import Block, Same, collapsed, difference
from domainstudio.corpus.audit.tokens import cut

CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", "../shared/data"))
ALPHABETS = ("ab \n", "aB A,.1 \n-", "国法 。\n第", "a12.-% \u200b\u0301é\ud800😀ßﬁ１²", "\r\n\t 　")
Change = tuple[str, str, str]


def assert_whole(left: str, right: str, blocks: list[Block]) -> None:
    ends = (0, 0)
    for number, block in enumerate(blocks):
        assert (block.left[0], block.right[0]) == ends
        ends = (block.left[1], block.right[1])
        old, new = left[slice(*block.left)], right[slice(*block.right)]
        assert (old == new) == (block.weight is None)
        assert not number or blocks[number - 1].weight != block.weight
    assert ends == (len(left), len(right))


def changes(left: str, right: str) -> list[Change]:
    blocks = difference(left, right)
    assert_whole(left, right, blocks)
    return [
        (left[slice(*block.left)], right[slice(*block.right)], block.weight)
        for block in blocks
        if block.weight is not None
    ]


@st.composite
def versions(draw: st.DrawFn) -> tuple[str, str]:
    """A text and another version of it."""
    letters = st.text(draw(st.sampled_from(ALPHABETS)), max_size=8)
    left = draw(st.text(draw(st.sampled_from(ALPHABETS)), max_size=120))
    right = left
    for _ in range(draw(st.integers(0, 5))):
        place = draw(st.integers(0, len(right)))
        right = right[:place] + draw(letters) + right[place + draw(st.integers(0, 6)) :]
    return left, right


@given(versions())
def test_the_blocks_are_both_texts_and_equal_is_equal(texts: tuple[str, str]) -> None:
    assert_whole(*texts, difference(*texts))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts(left: str, right: str) -> None:
    assert_whole(left, right, difference(left, right))
    assert_whole(left, left, difference(left, left))


def naive_key(piece: str) -> str:
    solid = [letter for letter in piece if not letter.isspace() and unicodedata.category(letter) != "Cf"]
    folds = [
        letter if letter == "²" else unicodedata.normalize("NFKC", letter).casefold() for letter in solid
    ]
    return "".join(fold if len(fold) == 1 else letter for fold, letter in zip(folds, solid, strict=True))


@given(versions())
def test_tokens_are_the_text_and_their_numbers_tell_them_apart(texts: tuple[str, str]) -> None:
    pieces, exact, keys = list[str](), list[int](), list[int]()
    for text in texts:
        tokens = cut(text)
        starts = tokens.starts.tolist()
        found = [text[begin:end] for begin, end in zip(starts, starts[1:], strict=False)]
        assert "".join(found) == text and all(found)
        assert not any(piece[0].isspace() for piece in found[1:])
        pieces, exact, keys = pieces + found, exact + tokens.exact.tolist(), keys + tokens.keys.tolist()
    assert len(set(pieces)) == len(set(exact)) == len(set(zip(pieces, exact, strict=True)))
    naive = list(map(naive_key, pieces))
    assert len(set(naive)) == len(set(keys)) == len(set(zip(naive, keys, strict=True)))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Two days, at most.", ["Two ", "days", ", ", "at ", "most", "."]),
        ("国务院 有关部门", ["国", "务", "院 ", "有", "关", "部", "门"]),
        ("หนึ่ง", list("หนึ่ง")),
        ("हिन्दी में", ["हिन्दी ", "में"]),
        (
            "1,204.5 mg on 2026-11-21 at -5 °C",
            ["1,204.5 ", "mg ", "on ", "2026-11-21 ", "at ", "-5 ", "°", "C"],
        ),
        ("  so", ["  so"]),
        (" \n", [" \n"]),
    ],
)
def test_tokens_are_what_a_reader_sees_change(text: str, pieces: list[str]) -> None:
    starts = cut(text).starts.tolist()
    assert [text[begin:end] for begin, end in zip(starts, starts[1:], strict=False)] == pieces


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("written for the teams", "written for all teams", [("the", "all", "content")]),
        ("in acute hospitals", "in hospitals", [("acute ", "", "content")]),
        ("is two days. So", "is 48 hours. So", [("two days", "48 hours", "content")]),
        ("is set up; what", "is set up, what", [(";", ",", "punctuation")]),
        ("a well-known fact", "a well known fact", [("-", " ", "punctuation")]),
        ("Every HOSPITAL has", "Every hospital has", [("HOSPITAL", "hospital", "case")]),
        ("（一）１９９４年", "(一)1994年", [("（", "(", "case"), ("）１９９４", ")1994", "case")]),
        ("end\nof line", "end of line", [("\n", " ", "space")]),
        ("第三十三次会议", "第三十五次会议", [("三", "五", "content")]),
        ("第一章 总 则", "第一章 总则", [(" ", "", "space")]),
        ("dose 1.5 mg", "dose 15 mg", [("1.5", "15", "content")]),
        ("dose -5 mg", "dose 5 mg", [("-5", "5", "content")]),
        ("dose (-5) mg", "dose (5) mg", [("-5", "5", "content")]),
        ("dose .5 mg", "dose 5 mg", [(".5", "5", "content")]),
        ("10² of them", "102 of them", [("10²", "102", "content")]),
        ("dose 5 6 mg", "dose 56 mg", [("5 6", "56", "content")]),
        ("by 5% of", "by 5 of", [("%", "", "content")]),
        ("p < 0.05", "p > 0.05", [("<", ">", "content")]),
        ("it's", "its", [("it's", "its", "content")]),
        ("", "new", [("", "new", "content")]),
    ],
)
def test_a_change_weighs_what_a_reader_would_say(left: str, right: str, expected: list[Change]) -> None:
    assert changes(left, right) == expected
    assert changes(right, left) == [(new, old, weight) for old, new, weight in expected]


def test_a_new_paragraph_is_shown_as_a_paragraph() -> None:
    """The fewest edits would as well begin in the middle: "second.\\nThe " is inserted before "third."""
    left = "The first.\nThe third.\nThe fourth.\n"
    right = "The first.\nThe second.\nThe third.\nThe fourth.\n"
    assert changes(left, right) == [("", "The second.\n", "content")]


def test_new_articles_are_shown_whole_and_the_numbers_after_them_as_changed() -> None:
    left = "第十一条 甲方负责。\n第十二条 乙方应当报告。\n第十三条 施行。\n"
    right = "第十一条 甲方负责。\n第十二条 丙方承担。\n第十三条 乙方应当报告。\n第十四条 施行。\n"
    expected = [("", "第十二条 丙方承担。\n", "content"), ("二", "三", "content"), ("三", "四", "content")]
    assert changes(left, right) == expected
    assert changes(right, left) == [(new, old, weight) for old, new, weight in expected]
    left, right = "Article 1. Old.\n", "Article 1. New.\nArticle 2. Old.\n"
    assert changes(left, right) == [("", "Article 1. New.\n", "content"), ("1", "2", "content")]


def test_a_line_that_stays_between_two_changes_is_not_taken_for_chance() -> None:
    left = "The old heading of all this was long.\nEND\nAnd here begins some text of it."
    right = "Here is quite another one, by far.\nEND\nWhile that goes otherwise as well now."
    assert all("END" not in old for old, _, _ in changes(left, right))


def test_a_word_that_is_listed_among_new_ones_stays() -> None:
    left, right = "适用于书记员、鉴定人", "适用于法官助理、书记员、司法技术人员、鉴定人"
    assert "".join(old for old, _, _ in changes(left, right)) == ""
    left, right = (
        "the clerk and experts",
        "the judge, her assistant, the clerk, technical officers and experts",
    )
    assert "".join(old for old, _, _ in changes(left, right)) == ""


def test_one_character_in_common_does_not_break_up_a_phrase() -> None:
    left, right = "坚持中国共产党领导，实施战略", "坚持党中央集中统一领导，实施战略"
    assert changes(left, right) == [("中国共产党", "党中央集中统一", "content")]


def test_a_word_that_is_the_same_by_chance_does_not_break_up_a_change() -> None:
    left = "Members meet when the chair of this board thinks fit and proper. Then they vote."
    right = "Members convene if so asked by a third of those who have the right to it. Then they vote."
    assert len(changes(left, right)) == 1


def test_changes_in_a_few_characters_of_a_long_text_are_found() -> None:
    left = "".join(f"第{number}条 本条例自公布之日起施行。\n" for number in range(3000))
    right = left.replace("第1500条 本条例", "第1500条 本办法").replace("第2000条 本", "第2000条　本")
    assert changes(left, right) == [("条例", "办法", "content"), (" ", "　", "space")]


def test_a_million_characters_with_nothing_in_common() -> None:
    left = "".join(map(chr, range(0x4E00, 0x6E00))) * 61
    right = "".join(map(chr, range(0x6E00, 0x8E00))) * 61
    assert len(left) + len(right) <= module.MOST_CHARACTERS
    assert changes(left, right) == [(left, right, "content")]


def test_beyond_the_bound_all_between_the_ends_is_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 100)
    left = "a" * 40 + "b" + "c" * 40
    assert changes(left, "a" * 41 + "d" + "c" * 39) == [("bc", "ad", "content")]
    assert changes(left, left) == []
    assert changes("x" * 99, "x" * 98) == [("x", "", "content")]


def paragraphs(count: int) -> str:
    return "".join(f"Paragraph {number} says what the others do not say.\n\n" for number in range(count))


def test_whole_paragraphs_that_are_the_same_are_left_out() -> None:
    left = paragraphs(20) + "Here is a word. The rest of it stays.\n" + paragraphs(30)
    right = left.replace("a word", "the word")
    blocks = difference(left, right)
    shown = collapsed(blocks, left)
    assert [type(each) for each in shown] == [Same, Block, Block, Block, Same]
    first, before, _, after, last = shown
    assert isinstance(first, Same) and isinstance(last, Same)
    assert (first.paragraphs, first.characters) == (20, len(paragraphs(20)))
    assert (last.paragraphs, last.characters) == (30, len(paragraphs(30)))
    assert left[slice(*before.left)] == "Here is "
    assert left[slice(*after.left)] == " word. The rest of it stays.\n"


@given(versions(), st.integers(0, 8), st.integers(0, 8))
def test_leaving_out_loses_nothing(texts: tuple[str, str], before: int, after: int) -> None:
    left = paragraphs(before) + texts[0] + paragraphs(after)
    right = paragraphs(before) + texts[1] + paragraphs(after)
    blocks = difference(left, right)
    shown = collapsed(blocks, left)
    ends = (0, 0)
    for each in shown:
        assert (each.left[0], each.right[0]) == ends
        ends = (each.left[1], each.right[1])
        if isinstance(each, Same):
            assert left[slice(*each.left)] == right[slice(*each.right)]
    assert ends == (len(left), len(right))
    assert [each for each in shown if isinstance(each, Block) and each.weight] == [
        block for block in blocks if block.weight
    ]


@pytest.mark.skipif(not (CORPORA / "law_zh.jsonl.gz").is_file(), reason="the supplied corpora are not here")
def test_two_versions_of_a_statute() -> None:
    """An amended ordinance differs from the earlier one in a few places, and most of it can be left out."""
    versions: dict[str, list[str]] = {}
    with gzip.open(CORPORA / "law_zh.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            versions.setdefault(row["title"].split("(")[0], []).append(row["text"])
    pairs = [texts[:2] for texts in versions.values() if len(texts) > 1]
    assert len(pairs) > 50
    for left, right in pairs[:50]:
        blocks = difference(left, right)
        assert_whole(left, right, blocks)
        assert collapsed(blocks, left)
