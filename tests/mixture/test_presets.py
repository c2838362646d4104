"""Presets say whose they are and what they give; amounts count what was measured on the sources."""

from pathlib import Path

import pytest
from support import Command

from domainstudio.mixture.amount import TextRatio, amount
from domainstudio.mixture.presets import PRESETS, mixture_preset_of
from domainstudio.mixture.shares import Mixture, SourceTokens, plan
from domainstudio.problems import UserError
from domainstudio.tokenizer.arithmetic import BOOK_UNSPACED, BOOK_WORDS

MIXTURE = Mixture(shares={"law": 3, "法律": 1}, tokens=4000)
SOURCES = [SourceTokens(name=name, role="domain", tokens=5000) for name in ("law", "法律")]


def test_every_preset_has_reason_source_and_caveat() -> None:
    for preset in PRESETS.values():
        assert preset.reason and preset.source.startswith("arXiv ") and preset.caveat
        assert 0 < preset.replay < 1


def test_chathome_is_mostly_general_text_and_says_how_it_was_published() -> None:
    preset = mixture_preset_of("chathome")
    assert preset.replay == pytest.approx(5 / 6)
    assert "1 : 5" in preset.caveat and "domain first" in preset.caveat


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError) as refusal:
        mixture_preset_of("replay-7")
    assert "replay-5 replay-10" in str(refusal.value)


def test_an_amount_is_what_each_source_measured() -> None:
    ratios = {"law": TextRatio(4.0, 0.2, 0.0, 100), "法律": TextRatio(1.5, 0.0, 0.8, 50)}
    found = amount(plan(MIXTURE, SOURCES), ratios)
    assert found is not None
    assert (found.characters, found.words, found.unspaced) == pytest.approx((13_500, 2_400, 1_200))
    assert found.books == pytest.approx(2_400 / BOOK_WORDS + 1_200 / BOOK_UNSPACED)
    assert found.documents_sampled == 150


def test_an_amount_is_not_guessed_where_a_source_was_not_measured() -> None:
    assert amount(plan(MIXTURE, SOURCES), {"law": TextRatio(4.0, 0.2, 0.0, 100)}) is None


def test_commands_list_presets_and_set_one(small_project: Path, command: Command) -> None:
    listed = command("mixture", "presets", small_project)
    assert [preset["name"] for preset in listed] == list(PRESETS)
    arguments = ["--preset", "replay-10", "--tokens", "10k", "--lock", "general"]
    found = command("mixture", "set", small_project, *arguments)
    assert found["notations"]["replay"] == pytest.approx(0.1)
    assert found["mixture"]["shares"] == pytest.approx(listed[1]["shares"])
    assert found["mixture"]["locked"] == ["general"]
    text = command("mixture", "show", small_project)["text"]
    assert 3 < text["characters"] / text["words"] < 12


def test_shares_and_a_preset_exclude_each_other(small_project: Path, command: Command) -> None:
    with pytest.raises(SystemExit):
        command("mixture", "set", small_project, "--share", "law=1", "--preset", "replay-5", "--tokens", "1k")
