"""Ticks at round numbers, labels that never overlap, zoom that never leaves the data."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from domainstudio.gui.widgets.plot_scale import Scale, padded, spread, tick_words, ticks, zoomed

VALUES = st.floats(-1e9, 1e9)


@given(VALUES, st.floats(1e-6, 1e9), st.integers(1, 8))
def test_ticks_are_few_even_and_in_sight(low: float, width: float, most: int) -> None:
    high = low + width
    assume(high - low > abs(low) * 1e-9)
    found = ticks(low, high, most)
    assert len(found) <= most
    assert all(low - width * 1e-6 <= tick <= high + width * 1e-6 for tick in found)
    steps = [b - a for a, b in zip(found, found[1:], strict=False)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-3) for step in steps)


def test_ticks_of_usual_ranges_are_those_one_would_choose() -> None:
    assert ticks(0, 9412) == [0, 2000, 4000, 6000, 8000]
    assert ticks(0, 9412, 4) == [0, 2500, 5000, 7500]
    assert tick_words(ticks(0, 22_888)) == ["0", "5,000", "10,000", "15,000", "20,000"]
    assert tick_words(ticks(1.98, 2.32)) == ["2.0", "2.1", "2.2", "2.3"]
    assert tick_words(ticks(-0.32, 0.04), signed=True) == ["−0.3", "−0.2", "−0.1", "0"]
    assert tick_words(ticks(-0.002, 0.054), signed=True) == ["0", "+0.02", "+0.04"]
    assert tick_words(ticks(0, 3.1e-5)) == ["0", "1e-5", "2e-5", "3e-5"]
    assert ticks(1.0, 1.0) == [] and ticks(0.0, math.nan) == [] and tick_words([]) == []


@given(st.lists(st.floats(0, 200), max_size=12), st.floats(1, 20))
def test_labels_keep_their_distance_and_their_order(wanted: list[float], gap: float) -> None:
    places = spread(wanted, gap, 0.0, 200.0)
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    for before, after in zip(order, order[1:], strict=False):
        assert places[after] - places[before] >= gap * 0.999
    if (len(wanted) - 1) * gap <= 200:
        assert all(-1e-6 <= place <= 200 + 1e-6 for place in places)


@given(st.lists(st.floats(0, 1000), max_size=6, unique=True))
def test_labels_that_do_not_collide_stay_where_they_belong(wanted: list[float]) -> None:
    order = sorted(wanted)
    assume(all(b - a >= 15 for a, b in zip(order, order[1:], strict=False)))
    assert spread(wanted, 14, 0, 1000) == wanted


@given(VALUES, VALUES)
def test_a_padded_range_can_be_drawn(one: float, other: float) -> None:
    low, high = padded(min(one, other), max(one, other))
    assert low < high and low <= min(one, other) and max(one, other) <= high
    scale = Scale(low, high, 100, 0)
    assert math.isclose(scale.to_pixel(scale.to_value(50)), 50, abs_tol=1e-3)


@given(st.tuples(st.floats(0, 100), st.floats(0, 100)), st.floats(0.2, 5), st.floats(0, 100))
def test_zooming_stays_within_the_data(shown: tuple[float, float], factor: float, about: float) -> None:
    low, high = min(shown), max(shown)
    assume(high - low > 0.01)
    found = zoomed((low, high), (0, 100), factor, about)
    if found is None:
        assert (high - low) * factor >= 99
    else:
        assert 0 <= found[0] < found[1] <= 100 + 1e-9
        assert math.isclose(found[1] - found[0], (high - low) * factor, rel_tol=1e-6)
