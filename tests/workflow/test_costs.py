"""What protection costs before it is chosen: memory, disk, and seconds once a speed was measured."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import create_job
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.recipe.methods import DEFAULT_METHODS
from domainstudio.units import format_size
from domainstudio.workflow.planning import set_recipe
from domainstudio.workflow.protection.costs import (
    importance_seconds,
    measures_importance,
    method_costs,
    protection_words,
)
from domainstudio.workflow.training.planned import RunChoice, Speed, planned
from domainstudio.workflow.training.starting import TRAIN, freeze


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


def measure_speed(project: Project, tokens_per_second: float) -> None:
    """Leave a run of this model that was so fast."""
    spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    worker = Worker(folder)
    worker.emit(Step(1, 128, 5.0, 1e-3, 1.0, tokens_per_second, 1))
    worker.finish("done")


def test_each_method_says_what_it_takes_beyond_plain_training(project: Project) -> None:
    parameters = planned(project, RunChoice()).size.base
    costs = method_costs(project, [*DEFAULT_METHODS, "kl", "ewc:1+replay:0.1"])
    assert costs["naive"] == costs["replay:0.5"] == costs["rate:0.3"] == "nothing more"
    assert "without a run" in costs["interpolation"]
    once, twice = format_size(4 * parameters), format_size(8 * parameters)
    assert costs["l2-sp:1"] == f"{once} more memory · {once} disk"
    assert costs["ewc:1"] == f"{twice} more memory · {twice} disk · first 240 sequences"
    assert costs["ewc:1+replay:0.1"] == costs["ewc:1"] == costs["si:1"]
    assert "longer" in costs["kl"] and "less memory" in costs["lora:64"]

    measure_speed(project, 240 * 64 / 8)
    assert method_costs(project, ["ewc:1"])["ewc:1"].endswith("first about 8 s")


def test_a_method_that_cannot_be_trained_says_why_and_the_others_their_costs(project: Project) -> None:
    costs = method_costs(project, ["expansion:9", "naive"])
    assert "expanded_blocks" in costs["expansion:9"] and costs["naive"] == "nothing more"


def test_a_recorder_reads_on_every_device_what_fisher_shares_out(project: Project) -> None:
    for spring, seconds in (("ewc", 15.36), ("si", 30.72), ("hierarchical", 30.72)):
        set_recipe(project, {"spring": spring, "processes": "2"})
        spec = planned(project, RunChoice()).spec
        assert measures_importance(spec)
        assert importance_seconds(spec, Speed("train-1", 1000.0)) == pytest.approx(seconds)
    set_recipe(project, {"spring": "l2-sp"})
    assert not measures_importance(planned(project, RunChoice()).spec)


def test_a_plan_names_seconds_and_memory_of_the_first_pass_once_they_are_known(project: Project) -> None:
    set_recipe(project, {"spring": "si"})
    words = protection_words(planned(project, RunChoice()))
    assert "240 sequences" in words and "takes about" not in words
    parameters = planned(project, RunChoice()).size.base
    assert format_size(28 * parameters) in words
    measure_speed(project, 240 * 64 / 90)
    assert "about 1 min 30 s at the speed of train-1" in protection_words(planned(project, RunChoice()))
