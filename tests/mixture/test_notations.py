"""A mixture in every notation: both sides named, so that no 1:5 is taken for the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.mixture.notations import notations, parse_ratio, ratio_words
from domainstudio.mixture.shares import Mixture, SourceTokens, plan
from domainstudio.problems import UserError


def written(general: float, domain: float) -> list[str]:
    sources = [
        SourceTokens(name="g", role="general", tokens=100),
        SourceTokens(name="d", role="domain", tokens=100),
    ]
    mixture = Mixture(shares={"g": general, "d": domain}, tokens=10)
    return notations(plan(mixture, sources)).words()


def test_one_to_five_is_a_sixth_of_replay() -> None:
    words = written(1, 5)
    assert words[:2] == ["replay 16.7% (general text)", "domain 83.3%"]
    assert words[2] == "general 1 : 5 domain"


def test_chathome_writes_one_to_five_for_the_opposite() -> None:
    words = written(5, 1)
    assert words[0] == "replay 83.3% (general text)"
    assert words[2] == "domain 1 : 5 general"


def test_replay_of_5_percent_is_1_to_19() -> None:
    assert "general 1 : 19 domain" in written(0.05, 0.95)


def test_one_side_alone_has_no_ratio() -> None:
    assert written(0, 1) == ["replay 0.0% (general text)", "domain 100.0%"]


@given(st.floats(0.001, 1000), st.floats(0.001, 1000))
def test_the_ratios_are_each_others_inverse_and_give_the_share(general: float, domain: float) -> None:
    sources = [
        SourceTokens(name="g", role="general", tokens=100),
        SourceTokens(name="d", role="task", tokens=100),
    ]
    found = notations(plan(Mixture(shares={"g": general, "d": domain}, tokens=10), sources))
    assert found.general_to_domain is not None and found.domain_to_general is not None
    assert found.general_to_domain * found.domain_to_general == pytest.approx(1)
    assert 1 / (1 + found.general_to_domain) == pytest.approx(found.replay)


@pytest.mark.parametrize(
    ("text", "replay"),
    [
        ("1 : 5", 1 / 6),
        ("1:5", 1 / 6),
        ("5 : 1", 5 / 6),
        ("1：1", 0.5),
        ("2/8", 0.2),
        ("1 : 1,999", 0.0005),
        ("0:1", 0),
        (".5:1.5", 0.25),
    ],
)
def test_a_ratio_is_read_as_general_to_domain(text: str, replay: float) -> None:
    assert parse_ratio(text) == pytest.approx(replay)


@pytest.mark.parametrize("text", ["", "5", "a:b", "0:0", "1:2:3", "-1:5", "nan:1"])
def test_what_is_no_ratio_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_ratio(text)
    assert refusal.value.problem.field == "ratio"
    assert "1 : 5" in str(refusal.value)


@pytest.mark.parametrize(
    ("replay", "words"),
    [
        (1 / 6, "1 : 5"),
        (5 / 6, "5 : 1"),
        (0.5, "1 : 1"),
        (0, "0 : 1"),
        (1, "1 : 0"),
        (0.15, "1 : 5.67"),
        (0.001, "1 : 999"),
    ],
)
def test_a_ratio_is_written_with_one_side_as_one(replay: float, words: str) -> None:
    assert ratio_words(replay) == words


@given(st.floats(0.0005, 0.9995))
def test_a_ratio_that_is_written_can_be_typed_again(replay: float) -> None:
    assert parse_ratio(ratio_words(replay)) == pytest.approx(replay, abs=0.002)
