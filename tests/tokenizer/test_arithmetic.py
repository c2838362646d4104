"""Amounts of text: what was measured is reckoned with, rules of thumb only before that."""

from pathlib import Path

import pytest
from support import Command

from domainstudio.project.project import Project
from domainstudio.tokenizer.arithmetic import FOLKLORE, TokenRatios, converted
from domainstudio.tokenizer.words import NO_WORDS, WordCount, count_words
from domainstudio.workflow.tokenizer.amount_words import name_words, note_words
from domainstudio.workflow.tokenizer.packing import fertility
from domainstudio.workflow.tokenizer.text_amounts import amounts


def test_a_hundred_million_tokens_are_the_books_people_say() -> None:
    english = converted(100e6, "tokens", FOLKLORE[0])
    assert english is not None
    assert english["words"] == pytest.approx(69e6, rel=0.01)
    assert english["sentences"] == pytest.approx(3.45e6, rel=0.01)
    assert "bytes" not in english
    back = converted(english["words"], "words", FOLKLORE[0])
    assert back is not None and back["tokens"] == pytest.approx(100e6)
    assert converted(1, "words", FOLKLORE[1]) is None


def test_the_rules_for_chinese_contradict_each_other_and_are_said_to() -> None:
    found = [converted(1e9, "tokens", ratios) for ratios in FOLKLORE[1:]]
    assert [round((one or {})["unspaced"] / 1e9, 2) for one in found] == [1.0, 1.33]
    assert "contradict" in note_words(False) and "rules of thumb" in note_words(False)
    assert all(name_words(one.name) for one in FOLKLORE)


def test_books_are_of_both_kinds_of_script() -> None:
    both = TokenRatios("x", words=0.5, unspaced=0.5)
    assert converted(180_000, "tokens", both) == {
        "tokens": 180_000, "words": 90_000, "unspaced": 90_000, "books": pytest.approx(1.6),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Is 3.14 three?\n", 3), ("合同成立。生效！\n第二", 2), ("no end", 1),
        ('He said "yes." Then "no."', 2), ("www.example.org is one.", 1),
    ],
)  # fmt: skip
def test_sentences_are_counted_by_their_ends(text: str, sentences: int) -> None:
    assert count_words(text).sentences == sentences


def test_a_sum_with_text_whose_sentences_were_not_counted_has_none() -> None:
    old = WordCount(documents=1, characters=5, words=1)
    assert (NO_WORDS + count_words("One.")).sentences == 1
    assert (NO_WORDS + old).sentences is None


def test_a_packed_project_reckons_with_its_own_text(
    packed_project: Path, tmp_path: Path, command: Command
) -> None:
    with Project(packed_project, read_only=True) as project:
        found = amounts(project, 1000, "words")
        measured = {source.source: source for source in fertility(project)}
    assert [one.ratios.name for one in found] == ["general", "domain"] and all(
        one.is_measured for one in found
    )
    for one in found:
        source = measured[one.ratios.name]
        assert one.units["bytes"] / one.units["tokens"] == pytest.approx(source.bytes_per_token)
        assert 1 < one.units["tokens"] / 1000 < 10
        assert 5 < 1000 / one.units["sentences"] < 100
    document = command("tokenizer", "amount", packed_project, "100M", "--unit", "tokens")
    assert [one["ratios"]["name"] for one in document] == ["general", "domain"]
    command("project", "new", tmp_path / "p", "--from-scratch", "tiny")
    document = command("tokenizer", "amount", tmp_path / "p", "100M")
    assert [one["is_measured"] for one in document] == [False] * 3
