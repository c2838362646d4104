"""A run's work: the rate of a branch leaves its trunk's where it begins and ends at the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.recipe.run import Branch, ModelOrigin, RunSpec, TrainingSource
from domainstudio.recipe.schedules import WITH_PLATEAU, ScheduleName


def spec_of(schedule: ScheduleName, steps: int, branch: Branch | None = None, floor: float = 0.1) -> RunSpec:
    return RunSpec(
        recipe=Recipe(stages=(Stage(schedule=schedule, floor=floor, warmup_steps=10),)),
        steps=steps,
        model=ModelOrigin(preset="tiny"),
        tokenizer="tokenizer",
        tokenizer_sha256="0",
        vocabulary=512,
        sources=(TrainingSource(name="law", role="domain", share=1, tokens="tokens/law"),),
        held_out=(),
        mixture="default",
        branch=branch,
    )


def branch_at(step: int, trunk_steps: int) -> Branch:
    return Branch(run="train-1", step=step, checkpoint="../train-1/step", trunk_steps=trunk_steps)


@given(st.sampled_from(WITH_PLATEAU), st.integers(20, 500), st.data(), st.floats(0, 1))
def test_a_branch_falls_from_its_trunks_rate_to_the_floor(
    schedule: ScheduleName, trunk_steps: int, data: st.DataObject, floor: float
) -> None:
    step, decay = data.draw(st.integers(10, trunk_steps)), data.draw(st.integers(1, 300))
    trunk = spec_of(schedule, trunk_steps, floor=floor)
    branch = spec_of(schedule, step + decay, branch_at(step, trunk_steps), floor)
    before = [branch.learning_rate_at(one) for one in range(1, step + 1)]
    assert before == [trunk.learning_rate_at(one) for one in range(1, step + 1)]
    rates = [before[-1], *(branch.learning_rate_at(one) for one in range(step + 1, step + decay + 1))]
    assert all(later <= earlier for earlier, later in zip(rates, rates[1:], strict=False))
    assert rates[-1] == pytest.approx(floor * 1e-3)


def test_branches_are_compared_with_branches_of_the_same_step_and_length() -> None:
    one = spec_of("wsd", 120, branch_at(100, 200))
    assert one.start == spec_of("wsd", 120, branch_at(100, 200).model_copy(update={"run": "train-9"})).start
    others = [
        spec_of("wsd", 120),
        spec_of("wsd", 120, branch_at(90, 200)),
        spec_of("wsd", 130, branch_at(100, 200)),
    ]
    assert all(other.start != one.start for other in others)
    assert (one.origin, one.steps_before, one.schedule_steps) == ("train-1@100", 100, 200)


def test_a_branch_has_at_least_one_step() -> None:
    with pytest.raises(ValidationError, match="ends after"):
        spec_of("wsd", 100, branch_at(100, 200))
