"""Held-out curves: means over sources, against the base and against a control."""

import numpy as np
import pytest

from domainstudio.evaluation.forgetting import changes, outcome
from domainstudio.evaluation.held_out import HeldOut
from domainstudio.jobs.events import Probe


def probe(step: int, source: str, nats: float) -> Probe:
    role = "general" if source.startswith("general") else "domain"
    return Probe(step, source, role, nats, 1.0, 10, 40)


RUN = [
    probe(0, "general a", 3.0), probe(0, "general b", 2.0), probe(0, "law", 4.0),
    probe(50, "general a", 3.2), probe(50, "general b", 2.0), probe(50, "law", 3.0),
    probe(60, "general a", 3.4), probe(60, "general b", 2.2), probe(60, "law", 2.5),
]  # fmt: skip
CONTROL = [probe(0, "general a", 3.0), probe(50, "general a", 2.9), probe(60, "general a", 2.8)]


def test_means_by_step_agree_with_the_outcome_of_the_run() -> None:
    held_out = HeldOut(RUN)
    steps, values = held_out.forgetting
    assert steps.tolist() == [0, 50, 60]
    assert values.tolist() == pytest.approx([0.0, 0.1, 0.3])
    end = outcome(changes(RUN), {"law"})
    assert values[-1] == pytest.approx(end.forgetting)
    assert -held_out.domain_change[1][-1] == pytest.approx(end.gain)


def test_a_source_without_base_has_a_loss_and_no_change() -> None:
    held_out = HeldOut([probe(50, "law", 3.0), probe(0, "general a", 3.0)])
    assert np.isnan(held_out.curves[0].base)
    assert len(held_out.domain_change[0]) == 0
    assert held_out.domain_loss[1].tolist() == [3.0]


def test_against_a_control_only_what_both_measured_counts() -> None:
    steps, values = HeldOut(RUN).forgetting_against(HeldOut(CONTROL[:2]))
    assert steps.tolist() == [0, 50]
    assert values.tolist() == pytest.approx([0.0, 0.3])


def test_nothing_measured_is_nothing() -> None:
    held_out = HeldOut([])
    assert held_out.curves == () and len(held_out.forgetting[0]) == 0
    assert len(held_out.forgetting_against(HeldOut(CONTROL))[0]) == 0
