"""Prompts continued by a base and a checkpoint, in the real process with real models."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Command

from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import follow
from domainstudio.jobs.worker import Worker
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.runs.samples import samples_of, start_samples
from domainstudio.workflow.training.starting import TRAIN, freeze

pytestmark = pytest.mark.usefixtures("warm_start")

PROMPTS = ["Return the", ""]


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


def new_run(project: Project, model: ModelOrigin | None = None, seed: int = 1) -> JobFolder:
    """Leave a run with one checkpoint of a model with weights of its own."""
    from domainstudio.model.create import create_model
    from domainstudio.recipe.shapes import SHAPES

    spec, _ = freeze(project, "base", "default", "default", {}, "treated")
    spec = spec.model_copy(update={"model": model or spec.model})
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    Worker(folder).finish("done", 40)
    weights = create_model(SHAPES["tiny"], spec.vocabulary, 0, seed)
    weights.save_pretrained(folder.result / "checkpoints" / "step-00000040" / "model")
    return folder


def finish(folder: JobFolder) -> JobFolder:
    for _event in follow(folder):
        continue
    assert folder.status() == "done", folder.log_file.read_text()
    return folder


def test_base_and_checkpoint_go_on_with_the_same_prompts_and_again_alike(project: Project) -> None:
    run = new_run(project)
    first = samples_of(finish(start_samples(project, run.job_id, 40, PROMPTS, 12)))
    assert [one.prompt for one in first] == PROMPTS
    assert all(one.base != one.text for one in first)
    assert {(one.name, one.base_name, one.base_is_random) for one in first} == {("train-1@40", "tiny", True)}
    assert samples_of(finish(start_samples(project, run.job_id, None, PROMPTS, 12))) == first


def test_drawn_text_depends_on_its_seed_alone(project: Project) -> None:
    """The second run starts from the first, with the same weights: nothing between them differs."""
    first = new_run(project)
    folder = f"../{first.job_id}/result/checkpoints/step-00000040/model"
    second = new_run(project, ModelOrigin(folder=folder, run=first.job_id, step=40))
    (one,) = samples_of(
        finish(start_samples(project, second.job_id, None, ["A"], 20, temperature=1.0, seed=3))
    )
    assert one.base == one.text and one.base_name == "train-1@40" and not one.base_is_random
    (other,) = samples_of(
        finish(start_samples(project, second.job_id, None, ["A"], 20, temperature=1.0, seed=4))
    )
    assert other.text != one.text


def test_what_cannot_be_sampled_is_refused_with_its_reason(project: Project) -> None:
    run = new_run(project)
    with pytest.raises(UserError, match="no checkpoint of step 7"):
        start_samples(project, run.job_id, 7, PROMPTS, 12)
    with pytest.raises(UserError, match="prompts"):
        start_samples(project, run.job_id, 40, [], 12)
    with pytest.raises(UserError, match="tokens"):
        start_samples(project, run.job_id, 40, PROMPTS, 0)
    gone = new_run(project, ModelOrigin(folder="../train-9/model", run="train-9", step=3))
    with pytest.raises(UserError, match="train-9@3, which is not there any more"):
        start_samples(project, gone.job_id, None, PROMPTS, 12)
    too_long = start_samples(project, run.job_id, 40, PROMPTS, 4000)
    with pytest.raises(AssertionError):
        finish(too_long)
    assert too_long.status() == "failed" and samples_of(too_long) == []


def test_samples_by_command(project: Project, command: Command) -> None:
    new_run(project)
    made = command("runs", "samples", project.path, "train-1", "--prompt", "If the", "--tokens", "8")
    assert made["status"] == "done" and made["result"][0]["prompt"] == "If the"
