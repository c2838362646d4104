"""Forgetting in nats, in per cent of the base's loss, and as a ratio of perplexities."""

import math
from dataclasses import dataclass

import pytest

from domainstudio.evaluation.forgetting import changes, outcome


@dataclass(frozen=True)
class Point:
    step: int
    source: str
    role: str
    nats_per_token: float
    bits_per_byte: float = 1.0


POINTS = [
    Point(0, "web", "general", 4.0), Point(0, "news", "general", 2.0), Point(0, "law", "domain", 3.0),
    Point(9, "web", "general", 4.3), Point(9, "news", "general", 2.0), Point(9, "law", "domain", 2.5),
]  # fmt: skip


def test_the_rate_of_forgetting_is_the_rise_of_the_mean_in_per_cent() -> None:
    found = outcome(changes(POINTS))
    assert found.forgetting == pytest.approx(0.15)
    assert found.forgetting_percent == pytest.approx(5.0), "of a mean of 3 nats"
    assert found.perplexity_ratio == pytest.approx(math.exp(0.15))
    assert [round(change.change_percent, 6) for change in changes(POINTS)] == [7.5, 0.0, -16.666667]


def test_without_general_text_there_is_no_rate() -> None:
    found = outcome(changes(point for point in POINTS if point.role == "domain"))
    assert (found.forgetting, found.forgetting_percent, found.perplexity_ratio) == (None, None, None)


def test_an_exploded_loss_has_no_finite_ratio() -> None:
    found = outcome(changes([Point(0, "web", "general", 4.0), Point(9, "web", "general", 4000.0)]))
    assert found.perplexity_ratio == math.inf
