"""Which blend is named: the most gain within what is accepted, and nothing where nothing fits."""

import pytest

from domainstudio.evaluation.blends import BlendOutcome, verdict


def test_the_verdict_is_the_most_gain_within_what_is_accepted() -> None:
    points = [
        BlendOutcome(0, 0, 0), BlendOutcome(0.5, 0.3, 0.02), BlendOutcome(0.7, 0.43, 0.043),
        BlendOutcome(1, 0.5, 0.09),
    ]  # fmt: skip
    found = verdict(points, 0.05)
    assert found is not None and found.best.share == 0.7 and found.share_of_gain == pytest.approx(0.86)
    assert verdict(points, None) is not None and verdict(points[1:], 0.01) is None
    assert verdict([*points[:2], BlendOutcome(1, -0.1, 0.5)], 0.05).share_of_gain is None  # type: ignore[union-attr]
