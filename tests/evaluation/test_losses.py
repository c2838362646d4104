"""Loss figures, by hand-computed numbers."""

import math
from dataclasses import dataclass

import pytest

from domainstudio.evaluation.forgetting import SourceChange, changes, outcome, text_shift
from domainstudio.evaluation.losses import Loss


@dataclass(frozen=True)
class Point:
    step: int
    source: str
    role: str
    nats_per_token: float
    bits_per_byte: float = 1.0


def test_bits_per_byte_is_nats_over_bytes_and_the_logarithm_of_two() -> None:
    loss = Loss(total_nats=1000 * math.log(2), tokens=500, bytes=2000)
    assert loss.nats_per_token == pytest.approx(2 * math.log(2))
    assert loss.bits_per_byte == pytest.approx(0.5)


def test_bits_per_byte_does_not_depend_on_how_the_text_is_cut_into_tokens() -> None:
    coarse, fine = Loss(1234.5, 100, 4000), Loss(1234.5, 900, 4000)
    assert coarse.bits_per_byte == fine.bits_per_byte
    assert coarse.nats_per_token == pytest.approx(9 * fine.nats_per_token)


def test_loss_of_no_text_is_not_a_number() -> None:
    assert math.isnan(Loss(0.0, 0, 0).nats_per_token)
    assert math.isnan(Loss(0.0, 0, 0).bits_per_byte)


PROBES = [
    Point(0, "law", "domain", 3.0, 1.5), Point(0, "news", "general", 2.0, 1.0),
    Point(0, "books", "general", 2.5), Point(0, "tax", "domain", 4.0),
    Point(50, "law", "domain", 1.0), Point(50, "news", "general", 9.0),
    Point(100, "law", "domain", 2.25, 1.25), Point(100, "news", "general", 2.5, 1.3),
    Point(100, "books", "general", 2.4), Point(100, "tax", "domain", 3.75),
]  # fmt: skip


def test_a_change_is_the_last_probe_against_step_0() -> None:
    law, news, books, tax = changes(PROBES)
    assert law == SourceChange("law", "domain", 100, 3.0, 2.25, 1.5, 1.25)
    assert (news.base_nats, news.nats, news.base_bits, news.bits) == (2.0, 2.5, 1.0, 1.3)
    assert law.change_nats == pytest.approx(-0.75)
    assert [change.source for change in (law, news, books, tax)] == ["law", "news", "books", "tax"]


def test_the_shift_is_how_much_worse_the_base_predicts_the_domain() -> None:
    assert text_shift(PROBES) == pytest.approx((1.5 + 1.0) / 2 - (1.0 + 1.0) / 2)
    assert text_shift([point for point in PROBES if point.role == "domain"]) is None


def test_forgetting_is_the_mean_rise_of_general_and_gain_the_mean_fall_of_domain_loss() -> None:
    found = changes(PROBES)
    assert outcome(found).forgetting == pytest.approx((0.5 - 0.1) / 2)
    assert outcome(found).gain == pytest.approx((0.75 + 0.25) / 2)


def test_gain_counts_the_domain_sources_in_the_mixture_and_all_if_none_is() -> None:
    found = changes(PROBES)
    assert outcome(found, {"law", "news"}).gain == pytest.approx(0.75)
    assert outcome(found, {"news"}).gain == pytest.approx((0.75 + 0.25) / 2)


def test_learning_that_helps_everywhere_is_negative_forgetting() -> None:
    found = changes([Point(0, "news", "general", 2.0), Point(10, "news", "general", 1.5)])
    assert outcome(found).forgetting == pytest.approx(-0.5)


@pytest.mark.parametrize("role", ["task", "instruction"])
def test_without_a_source_of_the_role_there_is_no_figure(role: str) -> None:
    found = changes([Point(0, "x", role, 2.0), Point(10, "x", role, 1.5)])
    assert outcome(found).forgetting is None
    assert outcome(found).gain is None
    assert outcome([]).forgetting is None and outcome([]).gain is None


def test_before_the_first_probe_after_step_0_nothing_has_changed() -> None:
    found = changes(PROBES[:4])
    assert outcome(found).gain == 0
    assert outcome(found).forgetting == 0


def test_a_source_without_a_base_line_has_no_change() -> None:
    assert changes([Point(10, "late", "general", 1.0)]) == []


def test_gain_leaves_out_domain_sources_that_were_not_trained_on() -> None:
    found = [
        SourceChange("law", "domain", 10, base_nats=3.0, nats=2.0, base_bits=1.0, bits=0.5),
        SourceChange("tax", "domain", 10, base_nats=3.0, nats=5.0, base_bits=1.0, bits=2.0),
    ]
    assert outcome(found, {"law", "general"}).gain == pytest.approx(1.0)
    assert outcome(found, {"general"}).gain == pytest.approx(-0.5)


def test_against_the_control_what_more_training_does_is_taken_out() -> None:
    run, control = (
        [
            SourceChange("law", "domain", 10, base_nats=3.0, nats=law, base_bits=1.0, bits=1.0),
            SourceChange("news", "general", 10, base_nats=2.0, nats=news, base_bits=1.0, bits=1.0),
        ]
        for law, news in ((2.0, 2.25), (2.75, 1.75))
    )
    found = outcome(run, {"law"}, control)
    assert (found.gain, found.forgetting) == (1.0, 0.25)
    assert (found.gain_against_control, found.forgetting_against_control) == (0.75, 0.5)
    alone = outcome(run, {"law"})
    assert alone.gain_against_control is None and alone.forgetting_against_control is None
