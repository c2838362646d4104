"""Protection: the budget, what laboratories measured under it, what methods cost, the plan that is used."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domainstudio.jobs.folder import list_jobs
from domainstudio.jobs.leftovers import discard
from domainstudio.language import preferred
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.laboratory import LaboratoryRun, LaboratoryWork, Measured
from domainstudio.recipe.methods import INTERPOLATION, NAIVE
from domainstudio.recipe.recipe import PROTECTION, Recipe
from domainstudio.units import format_change
from domainstudio.workflow import planning
from domainstudio.workflow.protection.laboratory import (
    laboratories,
    work_of_laboratory,
)
from domainstudio.workflow.protection.laboratory_job import ARM, measured
from domainstudio.workflow.protection.laboratory_table import LaboratoryRow, rows, verdict_words
from domainstudio.workflow.tokenizer.packing import PackingState, packing_state
from domainstudio.workflow.training.planned import origins

_USED = (*PROTECTION, "learning_rate")
"""Settings of the recipe that a method of the laboratory decides."""


Unit = Literal["nats", "percent", "canaries"]
_LIMITS: dict[Unit, str] = {
    "nats": "accepted_forgetting", "percent": "accepted_percent", "canaries": "canaries_kept",
}  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """The budget: a rise of general loss in nats a token or per cent, or the per cent of facts kept."""

    unit: Unit
    value: float | None
    """None sets no limit."""

    def nats(self, base_nats: float | None) -> float | None:
        """Return it in nats a token; None if it is not about the loss, or the base's is not known."""
        if self.unit == "percent" and self.value is not None and base_nats is not None:
            return self.value / 100 * base_nats
        return self.value if self.unit == "nats" else None


@dataclass(frozen=True)
class Shown:
    """A laboratory as the pane shows it, under the budget of now."""

    job: str
    measured: tuple[Measured, ...]
    work: LaboratoryWork
    rows: list[LaboratoryRow]
    verdict: list[str]
    planned: list[str]
    """Methods that are still to be measured."""
    extra_bytes: dict[str, int]
    """Method → about what a device holds beyond what plain training takes."""
    base_nats: float | None
    """General loss of the base, a mean over sources."""

    def run_of(self, method: str) -> LaboratoryRun:
        """Return what the laboratory trained under a name, or what a blend is made of."""
        trained = NAIVE if is_made_afterwards(method) else method
        return next(one for one in self.work.runs if one.method == trained)


@dataclass(frozen=True)
class ProtectionFacts:
    """What the pane shows of a project."""

    packing: PackingState
    recipe: Recipe
    has_mixture: bool
    blind: Problem | None
    """Why forgetting cannot be measured at all."""
    origins: list[str]
    """What a laboratory may start from: nothing that has random weights."""
    laboratories: list[str]
    shown: Shown | None


def is_made_afterwards(method: str) -> bool:
    """Return whether a method costs nothing in training: its model is chosen in Export."""
    return method.startswith(INTERPOLATION)


def read_facts(project: Project, laboratory: str = "") -> ProtectionFacts:
    """Return what the pane shows; of a laboratory by name, else of the newest."""
    packing = packing_state(project)
    is_packed = packing in ("packed", "changed")
    recipe = planning.recipe_of(project)
    names = [folder.job_id for folder in laboratories(project)]
    name = laboratory if laboratory in names else names[-1] if names else ""
    return ProtectionFacts(
        packing=packing,
        recipe=recipe,
        has_mixture=is_packed and planning.mixture_facts(project).mixture is not None,
        blind=planning.blindness(project) if is_packed else None,
        origins=[one for one in origins(project) if one != "base" or project.base.folder is not None],
        laboratories=names,
        shown=shown_laboratory(project, name) if name else None,
    )


def shown_laboratory(project: Project, name: str) -> Shown:
    """Return what a laboratory has measured so far, judged by the budget that the recipe sets now.

    Raises:
        UserError: there is no such laboratory, or its result is damaged.
    """
    limit = limit_of(planning.recipe_of(project))
    folder = project.job(name)
    found = measured(folder)
    base_nats = _base_nats(found)
    work = work_of_laboratory(project, name).model_copy(update={"budget": limit.nats(base_nats)})
    made = rows(work, found)
    known = {row.method for row in made} | {one.method for one in found if one.problem}
    return Shown(
        job=name,
        measured=found,
        work=work,
        rows=made,
        verdict=verdict_words(work, found),
        planned=[method for method in work.methods if method not in known],
        extra_bytes={one.method: one.state_bytes - work.runs[0].state_bytes for one in work.runs},
        base_nats=base_nats,
    )


def _base_nats(found: Sequence[Measured]) -> float | None:
    """Return the general loss of the base, which every run measured at step 0."""
    general = [loss.base_nats for one in found[:1] for loss in one.losses if loss.role == "general"]
    return sum(general) / len(general) if general else None


def limit_of(recipe: Recipe) -> Limit:
    """Return the limit that a recipe sets, the first of several; nats without a value if it sets none."""
    if recipe.accepted_forgetting is None and recipe.accepted_percent is not None:
        return Limit("percent", recipe.accepted_percent)
    if recipe.accepted_forgetting is None and recipe.canaries_kept is not None:
        return Limit("canaries", 100 * recipe.canaries_kept)
    return Limit("nats", recipe.accepted_forgetting)


def set_limit(project: Project, limit: Limit) -> Recipe:
    """Save a limit in place of all others; facts are asked if it is about them."""
    value = "none" if limit.value is None else repr(limit.value / (100 if limit.unit == "canaries" else 1))
    settings = dict.fromkeys(_LIMITS.values(), "none") | {_LIMITS[limit.unit]: value}
    if limit.unit == "canaries" and planning.recipe_of(project).canaries == "off":
        settings["canaries"] = "zh" if preferred() == "zh_CN" else "en"
    return planning.set_recipe(project, settings)


def set_guard(project: Project, then: str) -> Recipe:
    """Save what follows when a run passes its limit."""
    return planning.set_recipe(project, {"on_budget": then})


def limit_words(limit: Limit, base_nats: float | None) -> str:
    """Return what a limit is the same as."""
    if limit.value is None:
        return _("No line is drawn: any forgetting is accepted.")
    if limit.unit == "canaries":
        return _("Of the general facts that the base knows, so many must still be known.")
    nats = limit.nats(base_nats)
    if nats is None:
        return _("In nats it is known once the base has been measured.")
    ratio = f"{math.exp(nats):.3f}"
    if limit.unit == "percent":
        words = _("The same as {nats} nats a token, or perplexity × {ratio}.")
        return words.format(nats=format_change(nats), ratio=ratio)
    if not base_nats:
        return _("The same as perplexity × {ratio}.").format(ratio=ratio)
    words = _("The same as {percent} % general loss, or perplexity × {ratio}.")
    return words.format(percent=format_change(100 * nats / base_nats, 1), ratio=ratio)


def use_method(project: Project, laboratory: str, method: str) -> Recipe:
    """Take a method of a laboratory into the mixture and the recipe that Training shows, and return that.

    Raises:
        UserError: the laboratory has no such method, or there is no mixture.
    """
    work = work_of_laboratory(project, laboratory)
    found = next((one.run for one in work.runs if one.method == method), None)
    if found is None:
        known = " ".join(one.method for one in work.runs)
        raise UserError(Problem("laboratory.unknown_method", "method", {"name": method, "known": known}))
    replay = sum(source.share for source in found.sources if source.role == "general")
    mixture = planning.mixture_of(project, DEFAULT_NAME)
    balance = planning.balance_of(planning.offered(project), mixture.model_copy(update={"locked": ()}))
    shares = dict(balance.with_replay(replay).shares)
    planning.set_mixture(
        project, mixture.model_copy(update={"shares": shares, "locked": ()}), allow_shortfall=True
    )
    stage = found.recipe.stage
    return planning.set_recipe(project, {name: str(getattr(stage, name)) for name in _USED})


def delete_laboratory(project: Project, job: str) -> None:
    """Remove a laboratory that is over, with the runs it left unfinished.

    Raises:
        UserError: it is no laboratory, or it is running.
    """
    work_of_laboratory(project, job)
    folder = project.job(job)
    arms = [arm for arm in list_jobs(project.jobs, ARM.name) if arm.spec().work.get("laboratory") == job]
    with folder.held():
        for one in (folder, *arms):
            if one.status() in ("running", "unknown"):
                raise UserError(Problem("run.still_running", "laboratory", {"run": one.job_id}))
        for one in (*arms, folder):
            discard(one)
