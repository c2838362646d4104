"""The equal-token control: whether a run has one, and the one that follows a short run by itself."""

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Mixture, arm_of
from domainstudio.problems import UserError, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow import planning
from domainstudio.workflow.machines import remote
from domainstudio.workflow.running import start
from domainstudio.workflow.training.planned import speed_of
from domainstudio.workflow.training.starting import TRAIN, freeze_plan, run_spec

SHORT_SECONDS = 30 * 60.0
"""A control that takes less follows by itself, unless the recipe wishes otherwise: a rule of ours."""


def has_control(project: Project, spec: RunSpec) -> bool:
    """Return whether there is, or is becoming, a control of the same start, schedule, tokens and seed."""
    for folder in list_jobs(project.jobs, TRAIN.name):
        other = run_spec(project, folder.job_id)
        if other.arm == "control" and other.start == spec.start:
            return True
    return False


def is_wanted(project: Project, spec: RunSpec, machine: str = "") -> bool:
    """Return whether the control of a run follows by itself, as far as its speed is known by now.

    What began with random weights has nothing to forget, and a branch no control of its own.
    """
    is_continued = spec.model.preset is None and spec.branch is None
    if spec.arm == "control" or not is_continued or spec.recipe.control == "never":
        return False
    if spec.recipe.control == "always":
        return True
    speed = speed_of(project, spec, machine)
    tokens = spec.recipe.tokens_before(spec.steps + 1)
    return speed is None or tokens / speed.tokens_per_second < SHORT_SECONDS


def start_control(project: Project, run: str) -> JobFolder | None:
    """Start the control of a run that is done: the same start, schedule, tokens and seed, general text alone.

    It is trained where the run was.

    Returns:
        its job; None if the run wants none, has one, is not done, or its project has been changed since, so
        that no run of today could be compared with it.

    Raises:
        UserError: the run is gone, or the general text does not suffice.
    """
    folder = project.job(run)
    with folder.held():  # so that of two who see it end only one starts a control
        spec, machine = run_spec(project, run), remote.machine_of(folder.path)
        if folder.status() != "done" or not is_wanted(project, spec, machine) or has_control(project, spec):
            return None
        facts = planning.mixture_facts(project, spec.mixture)
        if not any(source.role == "general" and source.tokens for source in facts.sources):
            return None
        control = freeze_plan(
            project,
            "base" if spec.model.run is None else spec.model.name,
            arm_of(_mixture(spec, facts.mixture), "control", facts.sources),
            spec.recipe.unprotected(),
            "control",
            spec.mixture,
        )
        if control.start != spec.start:
            return None
        launch = remote.launcher(project, machine, spec.recipe.processes) if machine else None
        return start(project, TRAIN, control, spec.recipe.processes, launch)


def follow_control(project: Project, run: str) -> tuple[JobFolder | None, str]:
    """Start the control of a run that is done, as `start_control` does, and say what came of it.

    Returns:
        its job, and a sentence, empty where there is nothing to say.
    """
    try:
        folder = start_control(project, run)
    except UserError as error:
        return None, _("No control follows {run} by itself: {why}").format(
            run=run, why=sentence(error.problem)
        )
    if folder is None:
        return None, ""
    words = _(
        "{run} is done. {control}, the control that its gain and forgetting are measured against, runs now."
    )
    return folder, words.format(run=run, control=folder.job_id)


def _mixture(spec: RunSpec, saved: Mixture | None) -> Mixture:
    """Return what a run read as a mixture; how often text may repeat is as that name says now."""
    tokens = spec.recipe.tokens_before(spec.steps + 1)
    shares = {source.name: source.share for source in spec.sources}
    return Mixture(shares=shares, tokens=tokens, max_epochs=saved.max_epochs if saved else 1.0)
