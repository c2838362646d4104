"""Advice on re-warming: how high the rate of a continued run should rise, with the evidence in words."""

from domainstudio.evaluation.forgetting import text_shift
from domainstudio.jobs.events import Probe, Step
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.follow import read_events
from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.recipe.advice import STRONG_SHIFT, Rewarming, rewarming
from domainstudio.recipe.run import RunSpec
from domainstudio.units import format_change, format_count, format_rate
from domainstudio.workflow.training.starting import TRAIN, run_spec


def rewarming_of(project: Project, spec: RunSpec, parameters: int, tokens: int) -> Rewarming | None:
    """Return the advice for a run; None from random weights, which have nothing to forget."""
    if spec.model.preset is not None:
        return None
    return rewarming(parameters, tokens, spec.steps, _shift(project, spec))


def _shift(project: Project, spec: RunSpec) -> float | None:
    """Return how far the domain is from the base's text, as its newest run has measured."""
    for folder in reversed(list(list_jobs(project.jobs, TRAIN.name))):
        if run_spec(project, folder.job_id).model == spec.model:
            found = text_shift(_first_probes(folder))
            if found is not None:
                return found
    return None


def _first_probes(folder: JobFolder) -> list[Probe]:
    """Return the probes before the first step of a run, reading no further."""
    found = []
    for event in read_events(folder):
        if isinstance(event.body, Step):
            break
        if isinstance(event.body, Probe):
            found.append(event.body)
    return found


def rewarming_words(found: Rewarming) -> str:
    """Return the advice with what speaks for it and against it."""
    words = _(
        "Re-warming for {tokens} tokens: a peak of {lowest} to {highest}, {least:.0%} to {most:.0%} of the "
        "{usual} usual in pre-training a model of this size, and {first} to {last} steps of warm-up. A "
        "higher peak learns more and forgets more; how long the warm-up is hardly matters in the end (arXiv "
        "2308.04014, 2403.08763). Evidence against: continuing a model of 15 billion parameters, any warm-up "
        "hurt (arXiv 2407.07263)."
    ).format(
        tokens=format_count(found.tokens),
        lowest=format_rate(found.lowest),
        highest=format_rate(found.highest),
        least=found.lowest / found.usual,
        most=found.highest / found.usual,
        usual=format_rate(found.usual),
        first=format_count(found.least_warmup),
        last=format_count(found.most_warmup),
    )
    return f"{words} {_shift_words(found)}"


def _shift_words(found: Rewarming) -> str:
    if found.shift is None:
        return _("How far the domain is from the base's text is not measured yet: the first run does it.")
    if found.is_shift_strong:
        words = _(
            "Loss of the base on the domain less that on general text: {shift} bits a byte; from {strong} on "
            "(our rule) the shift is strong and allows the rates of the next band."
        )
    else:
        words = _(
            "Loss of the base on the domain less that on general text: {shift} bits a byte; below {strong} "
            "(our rule) the shift is small and allows no more."
        )
    return words.format(shift=format_change(found.shift), strong=STRONG_SHIFT)
