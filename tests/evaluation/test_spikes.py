"""A spike is far above the scatter of the last losses and above what text alone does; nothing else is one."""

import math
from statistics import NormalDist, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.evaluation.spikes import (
    FEWEST_LOSSES,
    HIGH_Z,
    LEAST_NATS,
    MOST_ROLL_BACKS,
    Skip,
    SpikeState,
    deviations,
    is_spike,
)
from domainstudio.evaluation.stability import MEMORY

LOSSES = st.lists(st.floats(0, 20), min_size=FEWEST_LOSSES, max_size=MEMORY)


@given(LOSSES, st.floats(0, 40))
def test_neither_scatter_nor_a_small_rise_is_a_spike(losses: list[float], loss: float) -> None:
    if deviations(losses, loss) <= HIGH_Z or loss < median(losses) + LEAST_NATS:
        assert not is_spike(losses, loss)
    else:
        assert is_spike(losses, loss)


@given(LOSSES)
def test_what_lies_among_the_last_losses_is_never_a_spike_nor_is_a_fall(losses: list[float]) -> None:
    assert not is_spike(losses, median(losses))
    assert not is_spike(losses, min(losses) - 5)


@given(st.lists(st.floats(0, 20), max_size=FEWEST_LOSSES - 1), st.floats(0, 1e6))
def test_too_few_losses_tell_nothing(losses: list[float], loss: float) -> None:
    assert not is_spike(losses, loss)


def test_deviations_are_those_of_a_normal_distribution_whatever_one_outlier_does() -> None:
    normal = [NormalDist(5, 0.1).inv_cdf((number + 0.5) / 41) for number in range(41)]
    assert deviations(normal, 5.2) == pytest.approx(2.0, rel=0.05)
    assert deviations([*normal, 1e6], 5.2) == pytest.approx(2.0, rel=0.15)
    assert deviations([1.0] * 30, 1.0) == 0 and deviations([1.0] * 30, 1.1) == math.inf


def test_a_state_remembers_the_last_losses_and_goes_back_three_times() -> None:
    state = SpikeState()
    for loss in range(MEMORY + 5):
        state = state.after(float(loss))
    assert state.losses == tuple(float(loss) for loss in range(5, MEMORY + 5))
    for turn in range(MOST_ROLL_BACKS):
        assert state.may_go_back
        state = state.skipping(Skip(after=turn, draws=8), (1.0,))
    assert not state.may_go_back and state.losses == (1.0,) and len(state.skips) == MOST_ROLL_BACKS
    assert SpikeState.model_validate_json(state.model_dump_json()) == state
