"""The plateau playbook: what counts as standing still, and the plays in their order."""

from hypothesis import given
from hypothesis import strategies as st

from domainstudio.evaluation.plateau import LEAST_GAIN_NATS, PLAYBOOK, Plateau, watch_plateau
from domainstudio.jobs.events import Intervention
from domainstudio.recipe.recipe import OnPlateau


def played(then: OnPlateau, probes: int, losses: list[float]) -> list[Intervention]:
    plateau, done = Plateau(), list[Intervention]()
    for step, loss in enumerate(losses):
        plateau, more = watch_plateau(then, probes, plateau, step, loss)
        done += more
        if any(one.what == "end" for one in more):
            break
    return done


def test_the_plays_come_in_order_each_after_its_own_plateau() -> None:
    done = played("act", 3, [3.0] * 20)
    assert [(one.step, one.what, one.value) for one in done] == [
        (3, "rate", 2 / 3), (6, "rate", 0.5), (6, "dropout", 0.1), (9, "rate", 0.5), (12, "end", 0.0),
    ]  # fmt: skip
    assert {one.reason for one in done} == {"plateau"}


def test_a_slow_fall_is_a_plateau_and_a_steady_one_is_none() -> None:
    slow = [3.0 - 0.1 * LEAST_GAIN_NATS * step for step in range(9)]
    assert len(played("act", 4, slow)) == 3
    assert played("act", 4, [3.0 - 1.1 * LEAST_GAIN_NATS * step for step in range(60)]) == []


@given(st.integers(1, 6), st.lists(st.floats(0, 5), max_size=60))
def test_off_does_nothing_tell_only_tells_and_the_end_is_the_last_play(
    probes: int, losses: list[float]
) -> None:
    assert played("off", probes, losses) == []
    told = played("tell", probes, losses)
    assert {one.what for one in told} <= {"tell"}
    steps = [one.step for one in told]
    assert all(later - one >= probes for one, later in zip(steps, steps[1:], strict=False))
    plays = played("act", probes, losses)
    order = [(what, value) for play in PLAYBOOK for what, value in play]
    assert [(one.what, one.value) for one in plays] == order[: len(plays)]
