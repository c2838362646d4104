"""Checkpoints that no other beats."""

from hypothesis import given
from hypothesis import strategies as st

from domainstudio.evaluation.front import undominated

POINTS = st.lists(st.tuples(st.integers(-3, 3).map(float), st.integers(-3, 3).map(float)), max_size=12)


def test_more_gain_at_no_more_forgetting_beats_and_a_trade_does_not() -> None:
    points = [(0.2, 0.01), (0.3, 0.05), (0.3, 0.04), (0.1, 0.02), (0.4, 0.5)]
    assert undominated(points) == [True, False, True, False, True]
    assert undominated([(0.2, 0.1), (0.2, 0.1)]) == [True, True]
    assert undominated([]) == []


@given(POINTS)
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points: list[tuple[float, float]]) -> None:
    front = [point for point, is_on in zip(points, undominated(points), strict=True) if is_on]
    for point in points:
        assert any(best == point or (best[0] >= point[0] and best[1] <= point[1]) for best in front)
