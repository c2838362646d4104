"""Checkpoints as candidates for export: measured at their step or before, compared within one base."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Command

from domainstudio.jobs.checkpoints import checkpoint_name
from domainstudio.jobs.events import Probe, Start, Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.worker import Worker
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.export.candidates import Candidate, candidates
from domainstudio.workflow.export.exporting import card_preview
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, freeze


@pytest.fixture
def project(small_project: Path) -> Iterator[Project]:
    with Project(small_project) as opened:
        yield opened


def new_run(
    project: Project,
    losses: dict[int, tuple[float, float]],
    saved: tuple[int, ...],
    *,
    origin: ModelOrigin | None = None,
    accepted: float | None = 0.05,
) -> JobFolder:
    """Leave a finished run with (domain, general) losses at steps and checkpoints at others."""
    spec, _ = freeze(project, "base", "default", "default", {}, "treated")
    recipe = spec.recipe.model_copy(update={"accepted_forgetting": accepted})
    spec = spec.model_copy(update={"recipe": recipe, "model": origin or spec.model})
    folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    worker = Worker(folder)
    worker.emit(Start(0))
    for step in range(1, 161):
        worker.emit(Step(step, step * 128, 5.0, 1e-3, 1.0, 1000.0, 1))
        for at, (domain, general) in losses.items():
            if at in (step, 0) and (at or step == 1):
                worker.emit(Probe(at, "domain", "domain", domain, 2.0, 10, 40))
                worker.emit(Probe(at, "general", "general", general, 2.0, 10, 40))
    worker.finish("done", 160)
    for step in saved:
        (folder.result / "checkpoints" / checkpoint_name(step)).mkdir(parents=True)
    return folder


def numbers(one: Candidate) -> tuple[str, int | None, float | None, float | None]:
    gain, forgetting = (None if v is None else round(v, 6) for v in (one.gain, one.forgetting))
    return one.name, one.measured_at, gain, forgetting


LOSSES = {0: (5.0, 4.0), 50: (4.5, 4.04), 100: (4.2, 4.2), 160: (4.25, 4.25)}


def test_each_checkpoint_has_the_numbers_of_its_step_or_of_the_probe_before(project: Project) -> None:
    new_run(project, LOSSES, (40, 80, 100, 160))
    found = candidates(project)
    assert [numbers(one) for one in found] == [
        ("train-1@40", 0, 0.0, 0.0),
        ("train-1@80", 50, 0.5, 0.04),
        ("train-1@100", 100, 0.8, 0.2),
        ("train-1@160", 160, 0.75, 0.25),
    ]
    assert [one.is_accepted for one in found] == [True, True, False, False]
    assert [one.is_newest for one in found] == [False, False, False, True]
    assert [one.is_undominated for one in found] == [True, True, True, False]


def test_only_runs_from_one_base_are_set_against_each_other(project: Project) -> None:
    new_run(project, LOSSES, (100,))
    other = ModelOrigin(folder="../train-1/result/checkpoints/step-00000100/model", run="train-1", step=100)
    new_run(project, {0: (4.2, 4.2), 160: (4.1, 4.9)}, (160,), origin=other, accepted=None)
    new_run(project, {0: (5.0, 4.0), 160: (4.3, 4.3)}, (160,))
    found = {one.name: one for one in candidates(project)}
    assert {name: one.is_undominated for name, one in found.items()} == {
        "train-1@100": True, "train-2@160": True, "train-3@160": False,
    }  # fmt: skip
    assert found["train-2@160"].is_accepted is None


def test_what_was_not_measured_is_not_known(project: Project) -> None:
    new_run(project, {}, (160,))
    (one,) = candidates(project)
    assert numbers(one) == ("train-1@160", None, None, None)
    assert one.is_accepted is None and not one.is_undominated


def test_the_card_may_be_read_before_anything_is_written(project: Project, tmp_path: Path) -> None:
    new_run(project, LOSSES, (100, 160))
    card = card_preview(project, "train-1@100")
    assert (
        "train-1 at step 100" in card and "+0.800" in card and "computed when the model is exported" in card
    )
    assert "at step 160" in card_preview(project, "train-1")
    with pytest.raises(UserError, match="there are: 100, 160"):
        card_preview(project, "train-1@7")


def test_candidates_by_command(project: Project, command: Command) -> None:
    new_run(project, LOSSES, (100,))
    (one,) = command("export", "candidates", project.path)
    assert (one["run"], one["step"], one["is_undominated"]) == ("train-1", 100, True)


def test_a_run_kept_early_is_compared_with_its_control_at_its_own_step(project: Project) -> None:
    """The control has seen more tokens by its end: equal tokens are those of the same step."""
    control = new_run(project, {0: (5.0, 4.0), 50: (4.9, 3.9), 160: (4.8, 3.5)}, ())
    file = control.path / "spec.json"
    file.write_text(file.read_text().replace('"treated"', '"control"'))
    kept = new_run(project, {0: (5.0, 4.0), 50: (4.5, 4.1)}, ())
    row = next(row for row in RunList(project).refresh() if row.run == kept.job_id)
    assert row.control == control.job_id
    assert row.outcome.gain_against_control == pytest.approx(0.4)
    assert row.outcome.forgetting_against_control == pytest.approx(0.2)


def test_a_gain_over_random_weights_does_not_hide_the_domain_run() -> None:
    """The base run of a project from scratch gains more than any domain run that starts from it."""
    from domainstudio.workflow.export.candidates import Candidate, suggested

    def one(run: str, origin: str, gain: float, forgetting: float) -> Candidate:
        return Candidate(run, "treated", "done", origin, 80, 80, 80, gain, forgetting, 0.05, True)

    base = one("train-1", "tiny", 1.6, -2.7)
    assert suggested([base, one("train-2", "train-1@80", 0.7, 0.04)]).run == "train-2"  # type: ignore[union-attr]
    near, far = one("train-2", "train-1@80", 0.3, 0.06), one("train-3", "train-1@80", 0.9, 0.4)
    assert suggested([base, near, far]) is near, "none is within what is accepted: the least forgetting"
