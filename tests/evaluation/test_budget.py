"""The guard of the forgetting budget: it tells at once, acts late and seldom, and never on a short rise."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.evaluation.budget import (
    EXPLODES_NATS,
    MOST_ACTS,
    MOST_GENERAL,
    WAITED_PROBES,
    Budget,
    Standing,
    Watch,
    accepted_in_nats,
    limit_in_nats,
    watch_budget,
)
from domainstudio.jobs.events import Intervention
from domainstudio.recipe.recipe import OnBudget, Recipe, change

BASE = 4.0
CHOICES = get_args(OnBudget)
RISES = st.lists(st.tuples(st.floats(-0.3, 0.4), st.booleans(), st.floats(1, 5)), min_size=1, max_size=40)


def standing(step: int, rise: float, *, has_fallen: bool = True, domain: float = 3.0) -> Standing:
    return Standing(step, rise, 100 * rise / BASE, None, domain, 0.2, has_fallen)


def watched(budget: Budget, points: list[Standing]) -> tuple[list[Intervention], Watch]:
    """Return what the guard does along a run, replay taking effect as it goes, and what it remembers."""
    watch, done = Watch(), list[Intervention]()
    for point in points:
        shares = [one.value for one in done if one.what == "replay"]
        now = replace(point, general_share=shares[-1]) if shares else point
        watch, more = watch_budget(budget, watch, now)
        done += more
        if any(one.what == "end" for one in more):
            break
    return done, watch


def whats(done: list[Intervention]) -> list[tuple[int, str]]:
    return [(one.step, one.what) for one in done]


@given(st.sampled_from(CHOICES), RISES)
def test_it_never_acts_before_the_rate_falls_and_tells_once_a_crossing(
    then: OnBudget, run: list[tuple[float, bool, float]]
) -> None:
    points = [
        standing(n + 1, rise, has_fallen=falls, domain=loss) for n, (rise, falls, loss) in enumerate(run)
    ]
    budget = Budget(0.05, None, None, then)
    done, _watch = watched(budget, points)
    by_step = {point.step: point for point in points}
    for one in done:
        point = by_step[one.step]
        assert point.forgetting is not None and point.forgetting > 0.05
        assert one.what == "alarm" or point.has_fallen
        assert then != "alarm" or one.what == "alarm"
    crossings = [
        point.step
        for before, point in zip([None, *points], points, strict=False)
        if (point.forgetting or 0) > 0.05 and (before is None or (before.forgetting or 0) <= 0.05)
    ]
    alarms = [one.step for one in done if one.what == "alarm"]
    ended = next((one.step for one in done if one.what == "end"), len(points))
    assert alarms == [step for step in crossings if step <= ended]


@given(st.sampled_from(("replay", "rate")), RISES, st.floats(0.01, 0.6))
def test_it_acts_at_most_three_times_with_probes_between_and_then_pauses(
    then: OnBudget, run: list[tuple[float, bool, float]], share: float
) -> None:
    points = [replace(standing(n + 1, rise), general_share=share) for n, (rise, _, _) in enumerate(run)]
    done, _watch = watched(Budget(0.05, None, None, then), points)
    acts = [one for one in done if one.what == then]
    assert len(acts) <= MOST_ACTS
    assert all(later.step - one.step >= WAITED_PROBES for one, later in zip(acts, acts[1:], strict=False))
    shares = [share, *(one.value for one in acts)] if then == "replay" else [share]
    assert all(later == min(MOST_GENERAL, 2 * one) for one, later in zip(shares, shares[1:], strict=False))
    if then == "rate":
        assert {one.value for one in acts} <= {0.5}


def test_after_three_acts_in_vain_the_run_is_paused_once_and_goes_on_when_resumed() -> None:
    points = [standing(step, 0.2) for step in range(1, 15)]
    done, _watch = watched(Budget(0.05, None, None, "rate"), points)
    assert whats(done) == [(1, "alarm"), (1, "rate"), (3, "rate"), (5, "rate"), (7, "pause")]
    falls_again = [*points, standing(15, 0.0), standing(16, 0.2)]
    done, _watch = watched(Budget(0.05, None, None, "pause"), falls_again)
    assert whats(done) == [(1, "alarm"), (1, "pause"), (16, "alarm"), (16, "pause")]


def test_replay_goes_up_to_half_and_without_general_text_the_run_is_paused() -> None:
    budget = Budget(0.05, None, None, "replay")
    points = [standing(step, 0.2) for step in range(1, 9)]
    done, _watch = watched(budget, points)
    assert [(one.step, one.what, one.value) for one in done] == [
        (1, "alarm", 0.2), (1, "replay", 0.4), (3, "replay", 0.5), (5, "pause", 0.2),
    ]  # fmt: skip
    bare = [replace(point, general_share=0.0) for point in points]
    assert whats(watched(budget, bare)[0]) == [(1, "alarm"), (1, "pause")]


def test_only_an_explosion_is_acted_on_while_the_rate_rises() -> None:
    for limits in ((0.05, None), (None, 1.0), (0.05, 1.0)):
        budget = Budget(*limits, None, "pause")
        gap = [standing(1, EXPLODES_NATS - 0.01, has_fallen=False)]
        assert whats(watched(budget, gap)[0]) == [(1, "alarm")]
        explosion = [standing(1, EXPLODES_NATS + 0.01, has_fallen=False)]
        done, _watch = watched(budget, explosion)
        assert whats(done) == [(1, "alarm"), (1, "pause")] and done[1].reason == "explosion"
    much = Budget(0.3, None, None, "pause")
    assert whats(watched(much, [standing(1, 2.9, has_fallen=False)])[0]) == [(1, "alarm")]


@given(RISES)
def test_the_best_is_within_the_budget_has_the_lowest_domain_loss_and_is_the_result(
    run: list[tuple[float, bool, float]],
) -> None:
    points = [
        standing(n + 1, rise, has_fallen=falls, domain=loss) for n, (rise, falls, loss) in enumerate(run)
    ]
    done, watch = watched(Budget(0.05, None, None, "keep"), points)
    end = next((one for one in done if one.what == "end"), None)
    seen = points[: end.step if end else None]
    within = [point for point in seen if (point.forgetting or 0) <= 0.05]
    lowest = min((point.domain or 0 for point in within), default=None)
    best = next((point.step for point in within if point.domain == lowest), 0)
    assert watch.best_step == best and (end is None or end.value == best)


def test_each_limit_counts_and_what_was_not_measured_sets_off_nothing() -> None:
    now = Standing(1, 0.04, 1.0, 0.8, 3.0, 0.2, True)
    for budget, reason in (
        (Budget(0.03, 5, 0.1, "alarm"), "nats"),
        (Budget(None, 0.9, None, "alarm"), "percent"),
        (Budget(0.05, 2, 0.9, "alarm"), "canaries"),
        (Budget(0.05, 2, 0.8, "alarm"), None),
        (Budget(None, None, None, "pause"), None),
    ):
        _watch, done = watch_budget(budget, Watch(), now)
        assert [one.reason for one in done] == ([reason] if reason else [])
    blind = Standing(1, None, None, None, None, 0.2, True)
    assert watch_budget(Budget(0.0, 0.0, 1.0, "pause"), Watch(), blind)[1] == []


def test_at_the_last_step_nothing_is_left_to_change_and_the_best_may_still_be_chosen() -> None:
    last = replace(standing(9, 0.2), is_last=True)
    for then in ("pause", "replay", "rate"):
        assert whats(watched(Budget(0.05, None, None, then), [last])[0]) == [(9, "alarm")]
    assert whats(watched(Budget(0.05, None, None, "keep"), [last])[0]) == [(9, "alarm"), (9, "end")]


def test_the_line_in_the_plot_is_the_lower_limit() -> None:
    assert limit_in_nats(0.05, 1.0, 4.0) == pytest.approx(0.04)
    assert limit_in_nats(0.05, 3.0, 4.0) == 0.05 and limit_in_nats(None, None, 4.0) is None
    assert limit_in_nats(None, 3.0, None) is None
    recipe = change(Recipe(), {"accepted_forgetting": "none", "accepted_percent": "3"})
    assert accepted_in_nats(recipe, 4.0) == pytest.approx(0.12)
