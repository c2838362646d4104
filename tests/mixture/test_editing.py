"""Moving shares: the sum stays 1, nothing is negative, and what is locked never moves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.mixture.editing import Balance, balance

NAMES = ("law", "cases", "news", "web")
SIZES = st.integers(0, 10**12)


@st.composite
def balances(draw: st.DrawFn) -> Balance:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    return balance(
        {name: draw(st.floats(0, 1) | st.just(0.0)) for name in names if draw(st.booleans())},
        draw(st.sets(st.sampled_from(NAMES))),
        draw(st.sets(st.sampled_from(NAMES))),
        {name: draw(SIZES) for name in names},
    )


MOVES = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "replay", "lock", "free"]), st.floats(-0.5, 1.5), st.sampled_from(NAMES)
    ),
    max_size=8,
)


def moved(found: Balance, what: str, wish: float, name: str) -> Balance:
    if what == "replay":
        return found.with_replay(wish)
    if what in ("lock", "free"):
        return found.with_lock(name, what == "lock") if name in found.shares else found
    return found.moved(what, wish) if what in found.shares else found


@given(balances(), MOVES)
def test_shares_sum_to_one_whatever_is_moved_and_locked_ones_stay(
    found: Balance, moves: list[tuple[str, float, str]]
) -> None:
    for move in moves:
        after = moved(found, *move)
        assert math.isclose(sum(after.shares.values()), 1, rel_tol=0, abs_tol=1e-9)
        assert all(share >= 0 for share in after.shares.values())
        assert all(after.shares[name] == found.shares[name] for name in found.locked)
        found = after


@given(balances(), st.floats(-0.5, 1.5), st.data())
def test_a_share_reaches_its_wish_or_the_limit_and_the_others_keep_their_proportions(
    found: Balance, wish: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(found.shares)))
    low, high = found.limits(name)
    after = found.moved(name, wish)
    assert math.isclose(after.shares[name], min(max(wish, low), high), abs_tol=1e-12)
    free = [other for other in found.shares if other != name and other not in found.locked]
    if sum(found.shares[other] for other in free) > 1e-6:
        for one in free:
            for other in free:
                assert math.isclose(
                    after.shares[one] * found.shares[other],
                    after.shares[other] * found.shares[one],
                    abs_tol=1e-9,
                )


@given(balances(), st.floats(0, 1))
def test_replay_is_what_was_typed_or_as_near_as_the_locks_allow(found: Balance, wish: float) -> None:
    low, high = found.replay_limits()
    assert low - 1e-9 <= found.replay <= high + 1e-9
    assert math.isclose(found.with_replay(wish).replay, min(max(wish, low), high), abs_tol=1e-9)


def four(locked: str = "") -> Balance:
    shares = {"law": 0.6, "cases": 0.2, "news": 0.15, "web": 0.05}
    return balance(shares, locked.split(), ["news", "web"], dict.fromkeys(shares, 100))


def test_moving_one_share_rescales_the_others() -> None:
    after = four().moved("law", 0.2).shares
    assert after == pytest.approx({"law": 0.2, "cases": 0.4, "news": 0.3, "web": 0.1})


def test_a_share_is_limited_by_what_is_locked() -> None:
    found = four(locked="cases news")
    assert found.limits("law") == pytest.approx((0, 0.65))
    assert found.moved("law", 0.9).shares == pytest.approx(
        {"law": 0.65, "cases": 0.2, "news": 0.15, "web": 0}
    )


def test_a_share_whose_others_are_all_locked_cannot_move() -> None:
    found = four(locked="cases news web")
    assert found.limits("law") == (0.6, 0.6)
    assert found.moved("law", 0.1) == found


def test_the_ratio_sets_both_sides_and_keeps_proportions_within_each() -> None:
    after = four().with_replay(0.5).shares
    assert after == pytest.approx({"law": 0.375, "cases": 0.125, "news": 0.375, "web": 0.125})
    kept = four(locked="news").with_replay(0.4).shares
    assert kept == pytest.approx({"law": 0.45, "cases": 0.15, "news": 0.15, "web": 0.25})
    assert four(locked="news").with_replay(0.0).replay == pytest.approx(0.15)


def test_without_general_text_there_is_nothing_to_replay() -> None:
    found = balance({"law": 1}, [], [], {"law": 10, "cases": 10})
    assert found.replay_limits() == (0, 0)
    assert found.with_replay(0.5) == found


def test_a_side_that_was_at_zero_is_filled_by_size() -> None:
    found = balance({"law": 1.0}, [], ["news", "web"], {"law": 10, "news": 300, "web": 100})
    after = found.with_replay(0.2).shares
    assert after == pytest.approx({"law": 0.8, "news": 0.15, "web": 0.05})
    empty = balance({"law": 1.0}, [], ["news", "web"], {"law": 10, "news": 0, "web": 0})
    assert empty.moved("law", 0.5).shares == pytest.approx({"law": 0.5, "news": 0.25, "web": 0.25})


def test_a_saved_mixture_fits_the_sources_there_are() -> None:
    found = balance(
        {"law": 3, "gone": 5, "news": 1}, ["gone", "news"], ["news"], {"law": 1, "news": 1, "new": 1}
    )
    assert found.shares == {"law": 0.75, "news": 0.25, "new": 0}
    assert found.locked == {"news"}
    assert balance({}, [], [], {"law": 30, "news": 10}).shares == {"law": 0.75, "news": 0.25}
    assert balance({"gone": 1}, [], [], {"law": 0, "news": 0}).shares == {"law": 0.5, "news": 0.5}
