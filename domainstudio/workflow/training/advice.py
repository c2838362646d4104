"""What is doubtful about a planned run, for a person to decide before it starts."""

from dataclasses import dataclass
from typing import Literal

from domainstudio.jobs.folder import list_jobs
from domainstudio.problems import Problem
from domainstudio.project import contamination
from domainstudio.project.project import Project
from domainstudio.recipe.advice import PlannedText, doubts
from domainstudio.recipe.run import RunSpec
from domainstudio.units import format_size
from domainstudio.workflow.planning import blindness
from domainstudio.workflow.tokenizer.packing import packing_state
from domainstudio.workflow.training.controls import has_control, is_wanted
from domainstudio.workflow.training.planned import PlannedRun
from domainstudio.workflow.training.starting import TRAIN, run_spec

Severity = Literal["attention", "problem"]
Remedy = Literal["", "control", "mixture", "corpus", "tokenizer", "runs", "base", "items"]


@dataclass(frozen=True)
class Advice:
    """A sentence beside a planned run; nothing of it forbids the start."""

    severity: Severity
    problem: Problem
    remedy: Remedy = ""
    """control: plan the control arm; base: start from the base; items: the evaluation items that occur; else
    the pane where it is mended."""


def advice(project: Project, run: PlannedRun) -> list[Advice]:
    """Return what is doubtful about a run, the gravest first."""
    spec = run.spec
    found = [Advice("attention", problem, _REMEDIES.get(problem.code, "")) for problem in _doubts(run)]
    disk = _disk(run)
    if disk is not None:
        found.append(Advice("problem", disk))
    blind = blindness(project)
    if blind is not None:
        found.append(Advice("attention", blind, "corpus"))
    elif (
        spec.arm != "control"
        and not is_wanted(project, spec, run.choice.machine)
        and not has_control(project, spec)
    ):
        params = {"tokens": run.tokens}
        found.append(Advice("attention", Problem("advice.no_control", "arm", params), "control"))
    if packing_state(project) == "changed":
        found.append(Advice("attention", Problem("advice.packed_before", None, {}), "tokenizer"))
    found += [
        Advice("attention", Problem("advice.contaminated", None, vars(check)), "items")
        for check in contamination.newest(project.connection)
        if check.found
    ]
    again = _same_text_again(project, spec)
    if again is not None:
        found.append(Advice("attention", again, "base"))
    active = _active_run(project)
    if active is not None:
        found.append(Advice("attention", Problem("advice.other_run", None, {"run": active}), "runs"))
    return sorted(found, key=lambda one: one.severity, reverse=True)


_REMEDIES: dict[str, Remedy] = {
    "advice.high_rate_bare": "mixture",
    "advice.high_rate_without_replay": "mixture",
    "advice.many_epochs": "mixture",
    "advice.few_steps": "mixture",
}


def _doubts(run: PlannedRun) -> list[Problem]:
    spec = run.spec
    general = sum(source.share for source in spec.sources if source.role == "general")
    shift = run.rewarming.shift if run.rewarming else None
    text = PlannedText(run.tokens, general, run.epochs, shift)
    continued = None if spec.model.preset is not None else run.parameters
    return list(doubts(spec.recipe, spec.steps, text, continued))


def _disk(run: PlannedRun) -> Problem | None:
    """Return that the checkpoints will not fit on the disk."""
    if run.required_bytes <= run.free_bytes:
        return None
    params = {
        "count": min(run.checkpoints, max(2, run.kept)),
        "size": format_size(run.checkpoint_bytes),
        "needed": format_size(run.required_bytes),
        "free": format_size(run.free_bytes),
    }
    return Problem("advice.disk", "keep_checkpoints", params)


def _same_text_again(project: Project, spec: RunSpec) -> Problem | None:
    """Return that the rate would rise again on text that the start was trained on already."""
    if spec.model.run is None:
        return None
    before = run_spec(project, spec.model.run)
    again = {source.tokens for source in spec.sources} & {source.tokens for source in before.sources}
    names = [source.name for source in spec.sources if source.tokens in again and source.role != "general"]
    if not names:
        return None
    return Problem("advice.same_text", "from", {"run": spec.model.run, "sources": ", ".join(names)})


def _active_run(project: Project) -> str | None:
    for folder in list_jobs(project.jobs, TRAIN.name):
        if folder.status() == "running":
            return folder.job_id
    return None
