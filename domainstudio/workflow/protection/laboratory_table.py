"""What a laboratory shows: every method on the same axes with its cost, and a verdict in plain words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from domainstudio.evaluation.comparison import Estimate, MethodResult, difference, estimate, verdict
from domainstudio.evaluation.front import undominated
from domainstudio.jobs.events import JobProblem
from domainstudio.language import translate as _
from domainstudio.problems import sentence
from domainstudio.recipe.laboratory import LaboratoryWork, Measured
from domainstudio.recipe.methods import CONTROL, NAIVE
from domainstudio.units import format_change, format_count, format_duration
from domainstudio.workflow.protection.laboratory import results
from domainstudio.workflow.protection.method_words import method_words


@dataclass(frozen=True)
class LaboratoryRow:
    """One method against its equal-token controls; gain and forgetting in nats a token."""

    method: str
    seeds: int
    gain: Estimate
    forgetting: Estimate
    gain_kept: float | None
    """Share of the naive run's gain; None without one, or where that gained nothing."""
    forgetting_removed: float | None
    """Share of the naive run's forgetting; None without one, or where that forgot nothing."""
    more_time: float | None
    """How much longer a step takes than the control's, 0.02 is 2 %."""
    preparation_seconds: float
    """Before the first step, beyond what the control takes: measuring importance above all."""
    memory_bytes: int
    is_within: bool
    """Whether its forgetting, with its interval, is within the budget."""
    is_on_front: bool
    """Whether no other method has more gain on average at no more forgetting."""


def rows(work: LaboratoryWork, found: Sequence[Measured]) -> list[LaboratoryRow]:
    """Return what is measured of every method but the control, in the order asked for."""
    made = results(work, found)
    naive = next((one for one in made if one.method == NAIVE), None)
    on_front = undominated([(mean(one.gain), mean(one.forgetting)) for one in made])
    return [
        _row(work, found, one, naive, is_on_front) for one, is_on_front in zip(made, on_front, strict=True)
    ]


def _row(
    work: LaboratoryWork,
    found: Sequence[Measured],
    one: MethodResult,
    naive: MethodResult | None,
    is_on_front: bool,
) -> LaboratoryRow:
    forgetting = estimate(one.forgetting)
    kept = mean(one.gain) / mean(naive.gain) if naive and mean(naive.gain) > 0 else None
    left = mean(one.forgetting) / mean(naive.forgetting) if naive and mean(naive.forgetting) > 0 else None

    def cost(of: Callable[[Measured], float], method: str) -> float:
        return median(of(each) for each in found if each.method == method and each.losses)

    plain = cost(lambda each: each.step_seconds, CONTROL)
    return LaboratoryRow(
        method=one.method,
        seeds=len(one.gain),
        gain=estimate(one.gain),
        forgetting=forgetting,
        gain_kept=kept,
        forgetting_removed=None if left is None else 1 - left,
        more_time=cost(lambda each: each.step_seconds, one.method) / plain - 1 if plain else None,
        preparation_seconds=cost(lambda each: each.preparation_seconds, one.method)
        - cost(lambda each: each.preparation_seconds, CONTROL),
        memory_bytes=round(cost(lambda each: each.memory_bytes, one.method)),
        is_within=work.budget is None or forgetting.high <= work.budget,
        is_on_front=is_on_front,
    )


def verdict_words(work: LaboratoryWork, found: Sequence[Measured]) -> list[str]:
    """Return what may be said, sentence by sentence; never a winner inside its interval."""
    made = results(work, found)
    lines = list(_choice(work, made)) if made else []
    if not made:
        lines = [_("Nothing can be compared yet: no method and its control are both measured.")]
    elif min(len(one.gain) for one in made) < 2:
        lines.append(_("One seed shows no spread: another may turn the order round."))
    pair = _replay_against_springs(made)
    return lines + [pair] * bool(pair) + [_failure(one) for one in found if one.problem]


def _failure(one: Measured) -> str:
    words = _("{method} with seed {seed} failed: {why}")
    why = sentence(JobProblem(one.problem, None, one.params).problem)
    return words.format(method=method_words(one.method), seed=one.seed, why=why)


def _choice(work: LaboratoryWork, made: Sequence[MethodResult]) -> list[str]:
    """Return which method gains most within the budget, and which cannot be told from it."""
    said = verdict(made, work.budget)
    if said.best is None:
        least = min(made, key=lambda one: mean(one.forgetting))
        words = _(
            "No method stayed within {budget} nats; the least forgetting was {forgetting}, of {method}."
        )
        return [
            words.format(
                budget=format_change(work.budget or 0),
                forgetting=interval_words(estimate(least.forgetting)),
                method=method_words(least.method),
            )
        ]
    best = next(one for one in made if one.method == said.best)
    if work.budget is None:
        words = _("On your data {method} gained most: {gain}, at a forgetting of {forgetting}.")
    else:
        words = _(
            "On your data, of what stayed within {budget}, {method} gained most: {gain}, at a forgetting of "
            "{forgetting}."
        )
    lines = [
        words.format(
            method=method_words(best.method),
            gain=interval_words(estimate(best.gain)),
            forgetting=interval_words(estimate(best.forgetting)),
            budget=format_change(work.budget or 0),
        )
    ]
    if said.level:
        words = _("Within the interval it cannot be told from: {methods}.")
        lines.append(words.format(methods=", ".join(map(method_words, said.level))))
    beaten = ", ".join(method_words(name) for name in said.beaten if name != NAIVE)
    if beaten:
        lines.append(_("{method} beats {methods}.").format(method=method_words(best.method), methods=beaten))
    return lines


def _replay_against_springs(made: Sequence[MethodResult]) -> str:
    """Return how the best spring compares with the replay that forgets about as much."""
    replays = [one for one in made if one.method.startswith("replay")]
    springs = [one for one in made if one.method.split(":")[0] in ("l2-sp", "ewc", "si", "hierarchical")]
    if not replays or not springs:
        return ""
    spring = max(springs, key=lambda one: mean(one.gain) - mean(one.forgetting))
    replay = min(replays, key=lambda one: abs(mean(one.forgetting) - mean(spring.forgetting)))
    found = difference(replay, spring)
    words = _("{replay} against {spring}: {gain} gain and {forgetting} forgetting; {clear}.")
    clear = (
        _("both differences are beyond chance")
        if found.gain.is_clear and found.forgetting.is_clear
        else _("only the gain differs beyond chance")
        if found.gain.is_clear
        else _("only the forgetting differs beyond chance")
        if found.forgetting.is_clear
        else _("neither difference is beyond chance")
    )
    return words.format(
        replay=method_words(replay.method),
        spring=method_words(spring.method),
        gain=interval_words(found.gain),
        forgetting=interval_words(found.forgetting),
        clear=clear,
    )


def interval_words(found: Estimate) -> str:
    """Return a mean with its interval: +0.474 [+0.450, +0.498]."""
    if found.half is None:
        return format_change(found.mean)
    return f"{format_change(found.mean)} [{format_change(found.low)}, {format_change(found.high)}]"


def plan_words(work: LaboratoryWork, tokens_per_second: float | None) -> str:
    """Return what a comparison will take, before it starts."""
    run = work.runs[0].run
    tokens = run.recipe.tokens_before(run.steps + 1)
    count = len(work.runs) * work.seeds
    words = _("{runs} runs of {steps} steps, {tokens} tokens each.").format(
        runs=format_count(count), steps=format_count(run.steps), tokens=format_count(tokens)
    )
    if tokens_per_second is None:
        return f"{words} " + _("How long they take is known once one run of this model has been trained.")
    length = format_duration(count * tokens / tokens_per_second)
    return f"{words} " + _("At the speed of earlier runs their steps take {time}.").format(time=length)
