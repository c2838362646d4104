"""Attempts that overlap: one line of points stands, nothing measured is lost."""

from dataclasses import dataclass, replace
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from domainstudio.jobs.curves import Curves, gather
from domainstudio.jobs.events import Body, Checkpoint, Event, Log, Probe, Progress, RollBack, Start, Step

Point = TypeVar("Point")
SOURCES = ("general", "domain")
PROBE_EVERY, CHECKPOINT_EVERY = 3, 4


@dataclass(frozen=True)
class Story:
    """What a run wrote: its attempts' events, each with the step at which the attempt broke off."""

    bodies: list[Body]

    def events(self) -> list[Event]:
        return [Event(number, 1, float(number), body) for number, body in enumerate(self.bodies, 1)]


def step_at(step: int, loss: float) -> Step:
    return Step(step, step * 10, loss, 1e-3, 1.0, 1.0, 1)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Attempts as a trainer writes them: each goes on from a whole checkpoint, or from the beginning.

    Within an attempt the trainer may go back to a checkpoint too.
    """
    bodies: list[Body] = []
    whole = [0]
    for attempt in range(draw(st.integers(1, 6))):
        last = draw(st.sampled_from(whole))
        whole = [step for step in whole if step <= last]
        goes_back = attempt > 0 and last > 0 and draw(st.booleans())
        bodies.append(RollBack(last + 1) if goes_back else Start(last + 1 if last else 0))
        probed = [0] if last == 0 else []
        end = last + draw(st.integers(0, 9))
        for step in (*probed, *range(last + 1, end + 1)):
            if step:
                bodies += [step_at(step, float(attempt)), Progress(step, 100, "steps", "training")]
            if step % PROBE_EVERY == 0:
                bodies += [Probe(step, source, source, float(attempt), 1.0, 1, 1) for source in SOURCES]
            if step and step % CHECKPOINT_EVERY == 0:
                bodies.append(Checkpoint(step, f"result/checkpoints/{step}", 1))
                whole.append(step)
        bodies += [Log("torn")] * draw(st.integers(0, 1))
    return Story(bodies)


def written(story: Story, kind: type[Point]) -> list[Point]:
    return [body for body in story.bodies if isinstance(body, kind)]


def superseded(curves: Curves) -> list[Step]:
    return [point for tail in curves.superseded for point in tail.points()]


def told(curves: Curves) -> list[object]:
    """Everything that curves say, comparable."""
    few = (curves.probes, curves.superseded_probes, curves.checkpoints, curves.marks, curves.attempts)
    return [curves.steps.points(), superseded(curves), few, curves.worked_seconds]


@given(stories())
def test_one_point_stands_for_each_step(story: Story) -> None:
    curves = gather(story.events())
    steps = curves.steps.column("step").tolist()
    assert steps == list(range(1, len(steps) + 1))
    for source in SOURCES:
        probed = [point.step for point in curves.probes if point.source == source]
        assert probed == list(range(0, len(probed) * PROBE_EVERY, PROBE_EVERY))
    saved = [point.step for point in curves.checkpoints]
    assert saved == sorted(set(saved))


@given(stories())
def test_the_point_that_stands_is_the_latest_and_the_others_are_kept(story: Story) -> None:
    curves = gather(story.events())
    key = lambda point: (point.step, point.loss)  # noqa: E731
    assert sorted(curves.steps.points() + superseded(curves), key=key) == sorted(
        written(story, Step), key=key
    )
    probes = curves.probes + curves.superseded_probes
    assert sorted(map(repr, probes)) == sorted(map(repr, written(story, Probe)))
    for point in curves.steps.points():
        assert point.loss == max(other.loss for other in written(story, Step) if other.step == point.step)
    assert curves.attempts == len(written(story, Start))


@given(stories(), st.data())
def test_curves_that_grow_are_the_curves_read_at_once(story: Story, data: st.DataObject) -> None:
    events = story.events()
    cut = data.draw(st.integers(0, len(events)))
    growing = Curves()
    growing.extend(events[:cut])
    assert told(growing) == told(gather(events[:cut]))
    growing.extend(events[cut:])
    assert told(growing) == told(gather(events))


def test_a_point_at_the_step_of_the_new_start_is_done_again_the_one_before_stands() -> None:
    bodies: list[Body] = [Start(0), step_at(4, 1.0), Probe(4, "domain", "domain", 1.0, 1.0, 1, 1)]
    bodies += [step_at(5, 1.0), Start(5), step_at(5, 2.0)]
    curves = gather(Story(bodies).events())
    assert curves.steps.points() == [step_at(4, 1.0), step_at(5, 2.0)]
    assert superseded(curves) == [step_at(5, 1.0)]
    assert [probe.step for probe in curves.probes] == [4]


def test_going_back_is_no_attempt_and_the_next_one_knows_what_stands() -> None:
    bodies: list[Body] = [Start(0), *(step_at(step, 1.0) for step in (1, 2, 3)), RollBack(2), step_at(2, 2.0)]
    curves = gather(Story(bodies).events())
    assert curves.steps.points() == [step_at(1, 1.0), step_at(2, 2.0)] and curves.attempts == 1
    assert superseded(curves) == [step_at(2, 1.0), step_at(3, 1.0)]
    assert [mark.kind for mark in curves.marks] == ["start"]


def test_of_a_branch_the_trunks_tokens_count_before_its_first_step() -> None:
    bodies: list[Body] = [
        Start(0),
        Probe(0, "law", "domain", 1.0, 1.0, 1, 1),
        step_at(9, 1.0),
        step_at(10, 1.0),
    ]
    curves = gather(Story(bodies).events())
    assert curves.at_steps("tokens", [0, 8, 9, 10]).tolist() == [0.0, 80.0, 90.0, 100.0]
    assert curves.at_steps("seconds", [0, 8]).tolist() == [0.0, 0.0]


def test_steps_that_go_back_within_an_attempt_leave_the_line_ascending() -> None:
    """Two processes that write one file by mistake must not tangle what is searched and drawn."""
    bodies: list[Body] = [Start(0), *(step_at(step, float(step)) for step in (1, 2, 5, 3, 5, 6, 1, 7))]
    curves = gather(Story(bodies).events())
    assert curves.steps.column("step").tolist() == [1, 2, 5, 6, 7] and curves.superseded == []


def test_steps_come_back_with_their_divergence_or_without() -> None:
    steps = [replace(step_at(1, 2.0), divergence=0.25), step_at(2, 1.0)]
    assert gather(Story([Start(0), *steps]).events()).steps.points() == steps
