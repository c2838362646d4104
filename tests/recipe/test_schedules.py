"""Learning-rate schedules: where they start, peak and end, and that they never jump."""

import math
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.recipe.schedules import ScheduleName, decayed_rate, learning_rate_at

NAMES = get_args(ScheduleName)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[int, int, float, list[float]]:
    """Return (steps, warm-up steps, peak, rate of every step from 1)."""
    steps = draw(st.integers(2, 1500))
    warmup = draw(st.integers(0, steps - 1))
    peak, floor = draw(st.floats(1e-6, 1)), draw(st.floats(0, 1))
    name = draw(st.sampled_from(NAMES))
    rates = [
        learning_rate_at(step, steps, name=name, peak=peak, warmup_steps=warmup, floor=floor)
        for step in range(1, steps + 1)
    ]
    ends = {"constant": 1.0, "infinite": (1 + floor) / 2}
    end = peak * ends.get(name, floor)
    assert math.isclose(rates[-1], end, abs_tol=1e-15), (name, rates[-1], end)
    return steps, warmup, peak, rates


@settings(deadline=None)
@given(schedules())
def test_a_rate_is_never_negative_nor_above_the_peak(schedule: tuple[int, int, float, list[float]]) -> None:
    _, _, peak, rates = schedule
    assert all(0 <= rate <= peak * (1 + 1e-12) for rate in rates)


@settings(deadline=None)
@given(schedules())
def test_warm_up_rises_evenly_to_the_peak_and_then_it_only_falls(
    schedule: tuple[int, int, float, list[float]],
) -> None:
    _, warmup, peak, rates = schedule
    for step in range(1, warmup + 1):
        assert math.isclose(rates[step - 1], peak * step / warmup)
    after = rates[max(0, warmup - 1) :]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(after, after[1:], strict=False))


@settings(deadline=None)
@given(schedules())
def test_neighbouring_steps_have_neighbouring_rates(schedule: tuple[int, int, float, list[float]]) -> None:
    """The steepest fall is that of wsd, 1 - sqrt, where its decay begins."""
    steps, warmup, peak, rates = schedule
    rise, fall = peak / max(1, warmup), peak * math.sqrt(10 / (steps - warmup))
    for earlier, later in zip(rates, rates[1:], strict=False):
        assert -fall * (1 + 1e-9) <= later - earlier <= rise * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "middle"),
    [("cosine", 0.55), ("linear", 0.55), ("constant", 1.0), ("wsd", 1.0), ("infinite", 0.55)],
)
def test_half_way_down_each_shape_has_its_height(name: ScheduleName, middle: float) -> None:
    rate = learning_rate_at(60, 110, name=name, peak=1.0, warmup_steps=10, floor=0.1)
    assert math.isclose(rate, middle)


def test_wsd_falls_in_its_last_tenth() -> None:
    rates = [
        learning_rate_at(step, 1000, name="wsd", peak=1.0, warmup_steps=0, floor=0.0)
        for step in (900, 925, 1000)
    ]
    assert rates == pytest.approx([1.0, 0.5, 0.0])


@settings(deadline=None)
@given(st.integers(8, 3000), st.integers(0, 500), st.floats(1e-6, 1), st.floats(0, 1))
def test_infinite_holds_one_rate_from_the_end_of_its_cool_down(
    steps: int, warmup: int, peak: float, floor: float
) -> None:
    steps += warmup
    rates = [
        learning_rate_at(step, steps, name="infinite", peak=peak, warmup_steps=warmup, floor=floor)
        for step in range(max(1, warmup), steps + 1)
    ]
    held = rates[len(rates) // 4 + 1 :]
    assert max(held) - min(held) <= 1e-12 * peak
    assert held[-1] == pytest.approx(peak * (1 + floor) / 2)
    assert max(rates) == rates[0], "from the peak on it only falls"


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 1000))
def test_a_decay_begins_at_its_rate_only_falls_and_ends_at_the_floor(
    rate: float, lowest: float, steps: int
) -> None:
    rates = [decayed_rate(rate, lowest, taken, steps) for taken in range(steps + 1)]
    assert rates[0] == rate and rates[-1] == pytest.approx(min(rate, lowest))
    assert all(later <= earlier for earlier, later in zip(rates, rates[1:], strict=False))


@pytest.mark.parametrize("name", NAMES)
def test_a_warm_up_longer_than_the_run_only_rises(name: ScheduleName) -> None:
    rates = [
        learning_rate_at(step, 5, name=name, peak=1.0, warmup_steps=10, floor=0.1) for step in range(1, 6)
    ]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
