"""The forgetting budget: whether a probe keeps within it, and what its guard then does (pure rules).

Right after a change of text the loss on general text rises and falls again by itself (the stability gap,
arXiv 2406.14833). So the guard tells at once, and acts only once the rate has begun to fall, unless the loss
explodes. The numbers below are rules of ours, without a source.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from domainstudio.jobs.events import Intervention
from domainstudio.recipe.recipe import OnBudget, Recipe

EXPLODES_TIMES = 10.0
EXPLODES_NATS = 0.5
"""Loss explodes when it has risen by so many nats a token, and by so many times what is accepted."""
WAITED_PROBES = 2
"""After it acted, the guard lets so many probes pass before it may act again."""
MOST_ACTS = 3
"""So often it acts; beyond that it pauses the run."""
MOST_GENERAL = 0.5
"""More of the mixture replay never takes."""
RATE_FACTOR = 0.5


@dataclass(frozen=True)
class Budget:
    """What is accepted, None where there is no such limit, and what follows when a limit is passed."""

    nats: float | None
    percent: float | None
    canaries_kept: float | None
    then: OnBudget

    @classmethod
    def of(cls, recipe: Recipe) -> "Budget":
        """Return the budget of a recipe."""
        return cls(
            recipe.accepted_forgetting, recipe.accepted_percent, recipe.canaries_kept, recipe.on_budget
        )


@dataclass(frozen=True)
class Standing:
    """How a run stands at a probe; what was not measured is None."""

    step: int
    forgetting: float | None
    """Mean rise of general loss against step 0, nats a token."""
    percent: float | None
    """The same in per cent of the loss at step 0."""
    kept: float | None
    """Share of the canary facts right at step 0 that are still right."""
    domain: float | None
    """Mean domain loss, nats a token."""
    general_share: float
    """Of the mixture as it is drawn now."""
    has_fallen: bool
    """Whether the rate has begun to fall after warm-up."""
    is_last: bool = False
    """Whether no step follows: then there is nothing left to pause or to change."""


class Watch(BaseModel):
    """What the guard remembers from probe to probe; a checkpoint keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_over: bool = False
    is_settled: bool = False
    """Whether the run was paused for this crossing: it goes on only because a person wanted it to."""
    waited: int = 0
    """Probes since the guard last acted."""
    acts: int = 0
    best_step: int = 0
    """Step of the best checkpoint within the budget, 0 without one."""
    best_domain: float | None = None


def limit_in_nats(accepted: float | None, percent: float | None, base: float | None) -> float | None:
    """Return the lower of both limits in nats a token; `base` is the general loss at step 0."""
    limits = [accepted, None if percent is None or base is None else percent / 100 * base]
    return min((limit for limit in limits if limit is not None), default=None)


def accepted_in_nats(recipe: Recipe, base: float | None) -> float | None:
    """Return the lower limit of a recipe in nats a token; `base` is the mean general loss at step 0."""
    return limit_in_nats(recipe.accepted_forgetting, recipe.accepted_percent, base)


def passed(budget: Budget, now: Standing) -> tuple[str, float] | None:
    """Return (reason, measured value) of the first limit that is passed, None if all are kept."""
    if budget.nats is not None and now.forgetting is not None and now.forgetting > budget.nats:
        return "nats", now.forgetting
    if budget.percent is not None and now.percent is not None and now.percent > budget.percent:
        return "percent", now.percent
    if budget.canaries_kept is not None and now.kept is not None and now.kept < budget.canaries_kept:
        return "canaries", now.kept
    return None


def explodes(budget: Budget, now: Standing) -> bool:
    """Return whether the rise of general loss is no stability gap any more."""
    if now.forgetting is None or now.forgetting < EXPLODES_NATS:
        return False
    pairs = ((budget.nats, now.forgetting), (budget.percent, now.percent))
    times = [(value or 0.0) >= EXPLODES_TIMES * limit for limit, value in pairs if limit is not None]
    return any(times) or not times


def watch_budget(budget: Budget, watch: Watch, now: Standing) -> tuple[Watch, list[Intervention]]:
    """Return what the guard remembers after a probe, and what it does about it."""
    found = passed(budget, now)
    if found is None:
        within = watch.model_copy(update={"is_over": False, "is_settled": False, "waited": watch.waited + 1})
        return (_with_best(within, now) if budget.then == "keep" else within), []
    reason, value = found
    done = [] if watch.is_over else [Intervention(now.step, "alarm", value, reason)]
    over = watch.model_copy(update={"is_over": True, "waited": watch.waited + 1})
    is_explosion = explodes(budget, now)
    may_act = (now.has_fallen or is_explosion) and not over.is_settled
    is_too_late = now.is_last and budget.then != "keep"
    if budget.then == "alarm" or not may_act or is_too_late:
        return over, done
    acted, action = _act(budget.then, over, now, value, "explosion" if is_explosion else reason)
    return acted, done + action


def _act(
    then: OnBudget, watch: Watch, now: Standing, value: float, reason: str
) -> tuple[Watch, list[Intervention]]:
    """Do what the person chose, or wait for what was done before to show."""
    if then == "keep":
        return watch, [Intervention(now.step, "end", float(watch.best_step), reason)]
    pause = watch.model_copy(update={"is_settled": True}), [Intervention(now.step, "pause", value, reason)]
    if then == "pause":
        return pause
    if watch.acts and watch.waited < WAITED_PROBES:
        return watch, []
    if watch.acts >= MOST_ACTS:
        return pause
    acted = watch.model_copy(update={"acts": watch.acts + 1, "waited": 0})
    if then == "rate":
        return acted, [Intervention(now.step, "rate", RATE_FACTOR, reason)]
    if not 0 < now.general_share < MOST_GENERAL:
        return pause
    return acted, [Intervention(now.step, "replay", min(MOST_GENERAL, 2 * now.general_share), reason)]


def _with_best(watch: Watch, now: Standing) -> Watch:
    """Remember a probe within the budget whose domain loss is the lowest so far."""
    is_better = watch.best_domain is None or now.domain is None or now.domain < watch.best_domain
    if not now.step or not is_better:
        return watch
    return watch.model_copy(update={"best_step": now.step, "best_domain": now.domain})
