"""The Chinese catalogue is whole and fits the code, and the wish for a language is followed."""

import importlib.util
import locale
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from domainstudio.language import RESOURCES, preferred, translate
from domainstudio.problems import Problem, sentence

SCRIPT = Path(__file__).resolve().parents[1] / "packaging" / "catalogue.py"
BAD_SHARE = Problem("mixture.bad_share", "shares.law", {"source": "law", "share": -0.25})


@pytest.fixture(scope="module")
def shown() -> set[str]:
    """Every message in the code that may be shown."""
    spec = importlib.util.spec_from_file_location("catalogue", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found: set[str] = script.messages()
    return found


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    """Message → translation."""
    with (RESOURCES / "locale" / "zh_CN.po").open("rb") as source:
        entries: Catalog = read_po(source, locale="zh_CN", abort_invalid=True)
    assert not entries.obsolete and not any(entry.fuzzy for entry in entries if entry.id)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id}


@pytest.fixture
def plain_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that asks for no language."""
    for name in ("DOMAINSTUDIO_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


def placeholders(text: str) -> set[tuple[str, str | None, str | None]]:
    """Return (key, conversion, format) of each placeholder."""
    return {(key, how, form) for _, key, form, how in Formatter().parse(text) if key is not None}


def test_every_message_is_translated_and_none_is_dead(shown: set[str], chinese: dict[str, str]) -> None:
    hint = "run packaging/catalogue.py and fill what is empty"
    assert [text for text in sorted(shown) if not chinese.get(text, "").strip()] == [], hint
    assert sorted(chinese.keys() - shown) == [], hint


def test_placeholders_agree_and_can_be_filled(chinese: dict[str, str]) -> None:
    for text, translation in chinese.items():
        expected = placeholders(text)
        assert placeholders(translation) == expected, text
        translation.format(**{key: 7 for key, _, _ in expected})


def test_only_what_has_a_percent_sign_gets_one(chinese: dict[str, str]) -> None:
    """A bare one in the help of an argument would break --help."""
    assert [text for text, translation in chinese.items() if "%" in translation and "%" not in text] == []


@pytest.mark.usefixtures("plain_system")
def test_english_is_spoken_where_nobody_asks_for_another() -> None:
    assert preferred() == "en"
    assert translate("Source") == "Source"
    assert sentence(BAD_SHARE) == "The share of law is -0.25; a share is a number from 0 upwards."


@pytest.mark.usefixtures("plain_system")
def test_the_wish_for_chinese_is_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "zh_CN")
    assert preferred() == "zh_CN"
    assert translate("Source") == "来源"
    assert sentence(BAD_SHARE) == "law 的占比为 -0.25；占比必须是不小于 0 的数。"
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "en")
    assert translate("Source") == "Source"


@pytest.mark.usefixtures("plain_system")
def test_what_the_catalogue_lacks_shows_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "zh_CN")
    assert translate("train-1") == "train-1"
    assert "job.from_the_future" in sentence(Problem("job.from_the_future"))
