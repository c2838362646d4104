"""Shares: what a mixture takes of each source, and when it is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domainstudio.mixture.shares import Mixture, SourceTokens, check, normalise, plan
from domainstudio.problems import UserError

SHARES = st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-6, 1e6), min_size=1)


def sources(**tokens: int) -> list[SourceTokens]:
    return [SourceTokens(name=name, role="domain", tokens=count) for name, count in tokens.items()]


@given(SHARES)
def test_shares_sum_to_one_and_keep_their_ratios(shares: dict[str, float]) -> None:
    found = normalise(shares)
    assert math.isclose(sum(found.values()), 1)
    for one in shares:
        for other in shares:
            assert math.isclose(found[one] * shares[other], found[other] * shares[one])


def test_a_share_of_zero_is_dropped() -> None:
    assert normalise({"law": 3, "old": 0, "general": 1}) == {"law": 0.75, "general": 0.25}


@pytest.mark.parametrize("share", [-0.1, math.nan, math.inf])
def test_a_share_that_is_no_share_is_refused_by_its_source(share: float) -> None:
    with pytest.raises(UserError) as refusal:
        normalise({"law": 0.5, "news": share})
    assert refusal.value.problem.code == "mixture.bad_share"
    assert refusal.value.problem.field == "shares.news"
    assert "news" in str(refusal.value)


def test_shares_that_are_all_zero_are_refused() -> None:
    with pytest.raises(UserError) as refusal:
        normalise({"law": 0, "general": 0})
    assert refusal.value.problem.code == "mixture.all_zero"


def test_a_plan_counts_tokens_epochs_and_shortfall_of_each_source() -> None:
    mixture = Mixture(shares={"law": 3, "general": 1}, tokens=1000, max_epochs=2)
    law, general = plan(mixture, sources(general=1000, law=300))
    assert (law.source, law.tokens, law.available, law.epochs, law.shortfall) == ("law", 750, 300, 2.5, 150)
    assert (general.tokens, general.epochs, general.shortfall) == (250, 0.25, 0)


def test_a_source_that_is_not_packed_is_refused_with_those_that_are() -> None:
    with pytest.raises(UserError) as refusal:
        plan(Mixture(shares={"lwa": 1}, tokens=10), sources(law=100, general=100))
    assert refusal.value.problem.code == "mixture.unknown_source"
    assert "law, general" in str(refusal.value)


def test_a_source_without_tokens_falls_short() -> None:
    mixture = Mixture(shares={"law": 1, "empty": 1}, tokens=100)
    portions = plan(mixture, sources(law=100, empty=0))
    with pytest.raises(UserError) as refusal:
        check(mixture, portions)
    assert refusal.value.problem.params["source"] == "empty"
    assert str(refusal.value)


@settings(deadline=None)
@given(SHARES, st.integers(1, 10**10), st.floats(0.01, 8), st.data())
def test_a_plan_is_refused_exactly_where_text_is_missing_and_says_what_would_do(
    shares: dict[str, float], tokens: int, max_epochs: float, data: st.DataObject
) -> None:
    offered = sources(**{name: data.draw(st.integers(1, 10**9)) for name in shares})
    mixture = Mixture(shares=shares, tokens=tokens, max_epochs=max_epochs)
    portions = plan(mixture, offered)
    assert abs(sum(portion.tokens for portion in portions) - tokens) <= len(portions)
    missing = [portion for portion in portions if portion.tokens > int(portion.available * max_epochs)]
    if not missing:
        check(mixture, portions)
        return
    with pytest.raises(UserError) as refusal:
        check(mixture, portions)
    params = refusal.value.problem.params
    assert params["source"] == missing[0].source
    if params["enough"] >= 1:
        smaller = plan(mixture.model_copy(update={"tokens": params["enough"]}), offered)
        assert not next(portion for portion in smaller if portion.source == params["source"]).shortfall


@pytest.mark.parametrize("max_epochs", [0, -1, math.inf, math.nan])
def test_a_cap_on_epochs_that_cannot_be_stored_makes_no_mixture(max_epochs: float) -> None:
    with pytest.raises(ValidationError):
        Mixture(shares={"law": 1}, tokens=10, max_epochs=max_epochs)


def test_a_mixture_survives_being_stored() -> None:
    mixture = Mixture(shares={"法律": 0.1, "general": 1e-6}, tokens=20_000_000, max_epochs=1.5)
    assert Mixture.model_validate_json(mixture.model_dump_json()) == mixture
