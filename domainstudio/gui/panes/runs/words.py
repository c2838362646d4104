"""Runs in words: states, what pause and resume do, how long ago the last event came."""

from domainstudio.gui.panes.runs.connection import (
    Telling,
    connection_words,
    link_in_question,
    telling_of_link,
)
from domainstudio.jobs.columns import Columns
from domainstudio.jobs.curves import Curves
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.recipe.interventions import rate_factor
from domainstudio.recipe.run import RunSpec
from domainstudio.units import format_count, format_duration, format_rate
from domainstudio.workflow.runs.asking import resumption_words
from domainstudio.workflow.runs.interventions import facts_words, intervention_words
from domainstudio.workflow.runs.run_list import RunRow
from domainstudio.workflow.training.starting import Resumption

SILENT_SECONDS = 180.0
"""After so long without an event a living run is called silent."""
STATE_OF_STATUS: dict[str, str] = {
    "created": "todo",
    "running": "running",
    "done": "ready",
    "stopped": "paused",
    "failed": "problem",
    "interrupted": "attention",
    "unknown": "attention",
}
"""Status of a run → state of `icons.STATE_ICONS`."""


def state_icon(row: RunRow) -> str:
    """Return the state of `icons.STATE_ICONS` that a run is in, as far as it is heard of."""
    return "attention" if link_in_question(row) else STATE_OF_STATUS[row.status]


def state_words(row: RunRow) -> str:
    """Return a run's state in a few words."""
    step = format_count(row.step)
    if not row.is_read:
        return _("Reading…")
    if (words := connection_words(row)) is not None:
        return words
    match row.status:
        case "created":
            return _("Starting")
        case "running":
            return _("Running, {share:.0f} %").format(share=100 * row.step / row.steps)
        case "done" if row.step < row.steps:
            return _("Kept at step {step}").format(step=step)
        case "done":
            return _("Finished")
        case "stopped":
            return _("Paused at step {step}").format(step=step)
        case "failed":
            return _("Failed at step {step}").format(step=step)
        case "interrupted":
            return _("Interrupted at step {step}").format(step=step)
        case _:
            return _("Not known")


def telling(row: RunRow, curves: Curves, spec: RunSpec, resumption: Resumption | None, now: float) -> Telling:
    """Return everything the pane says of a run in sentences."""
    since = format_duration(max(0.0, now - row.last_event))
    last_event = _("last event {time} ago").format(time=since) if row.last_event else _("no event yet")
    ended = _("{time} ago").format(time=since) if row.last_event else ""
    saved = curves.checkpoints[-1].step if curves.checkpoints else 0
    if (told := telling_of_link(row, saved, _goes_on(row, resumption))) is not None:
        return told
    if row.machine:
        last_event = _("{machine}, {event}").format(machine=row.machine, event=last_event)
    match row.status:
        case "running" if row.last_event and now - row.last_event > SILENT_SECONDS:
            plan = _(
                "Its process lives and has said nothing for a while: a long measurement or checkpoint may be "
                "the reason."
            )
            cost = _cost(row, saved, curves)
            return Telling("triangle", "attention", _("Silent:"), last_event, plan, cost)
        case "running" if (warning := _warning(curves, saved)) is not None:
            cost = _cost(row, saved, curves)
            return Telling("triangle", "attention", _("Live:"), last_event, sentence(warning), cost)
        case "running" | "created":
            plan = _guarded(row, _pause_words(row, spec, curves))
            return Telling("live", "ok", _("Live:"), last_event, plan, _cost(row, saved, curves))
        case "unknown":
            plan = _("It runs on another machine, and its process cannot be seen from here.")
            return Telling(
                "triangle", "attention", _("Not known:"), last_event, plan, _cost(row, saved, curves)
            )
        case "done":
            took = _("{steps} steps in {time}").format(
                steps=format_count(row.step), time=format_duration(curves.worked_seconds)
            )
            return Telling("tick-ring", "ok", _("Finished:"), took, _guarded(row, ""), facts_words(row))
        case "failed":
            problems = [mark.problem for mark in curves.marks if mark.problem is not None]
            words = sentence(problems[-1]) if problems else ""
            return Telling("octagon", "problem", _("Failed:"), ended, words, _goes_on(row, resumption))
        case "interrupted":
            head = _("Its process ended without a word.")
            if resumption is not None:
                head += " " + _("Interrupted, resume from step {step}.").format(
                    step=format_count(resumption.step)
                )
            return Telling("triangle", "attention", _("Interrupted:"), ended, head, _resumed(row, resumption))
        case _:
            plan = _guarded(row, _goes_on(row, resumption))
            return Telling("pause-ring", "text2", _("Paused:"), ended, plan, "")


def _warning(curves: Curves, saved: int) -> Problem | None:
    """Return what was last amiss in the running attempt, until a later checkpoint is whole."""
    for mark in reversed(curves.marks):
        if mark.kind == "start" or mark.step < saved:
            return None
        if mark.problem is not None:
            return mark.problem
    return None


def _guarded(row: RunRow, words: str) -> str:
    """Return what the guard did last, before what there is to say else."""
    done = intervention_words(row.interventions[-1]) if row.interventions else ""
    return f"{done} {words}".strip()


def _pause_words(row: RunRow, spec: RunSpec, curves: Curves) -> str:
    if row.step >= spec.steps:
        return _("The last measurements and the last checkpoint are being written.")
    step = row.step + 1
    words = _(
        "Pause writes a checkpoint at the end of this step. Resume goes on at step {step} with the same "
        "place in the text and rate {rate}; nothing is warmed up again."
    )
    rate = spec.learning_rate_at(step) * rate_factor(curves.interventions, step)
    return words.format(step=format_count(step), rate=format_rate(rate))


def _cost(row: RunRow, saved: int, curves: Curves) -> str:
    """Say what would be done again if the machine failed now."""
    if not row.step:
        return ""
    if not saved:
        return _("No checkpoint yet: if the machine failed now, the run would begin anew.")
    again = row.step - saved
    if not again:
        return _("Last checkpoint: step {step}.").format(step=format_count(saved))
    reached = curves.at_steps("seconds", [saved, row.step])
    words = _(
        "Last checkpoint: step {step}. If the machine failed now, {again} steps would be repeated, {time}."
    )
    return words.format(
        step=format_count(saved),
        again=format_count(again),
        time=format_duration(float(reached[1] - reached[0])),
    )


def _goes_on(row: RunRow, found: Resumption | None) -> str:
    return resumption_words(row.run, found) if found else ""


def _resumed(row: RunRow, found: Resumption | None) -> str:
    words = _goes_on(row, found)
    if found is None or found.step > row.step:
        return words
    again = _("{again} steps after its last checkpoint are done again.").format(
        again=format_count(row.step - found.step + 1)
    )
    return f"{words} {again}"


def x_title(steps: Columns, row: int | None) -> str:
    """Return step, tokens and time of a row, as the reading at the pointer begins."""
    if row is None or row >= len(steps):
        return _("step {step}").format(step="0")
    values = {name: float(steps.column(name)[row]) for name in ("step", "tokens", "seconds")}
    return _("step {step}, {tokens} tokens, {time}").format(
        step=format_count(values["step"]),
        tokens=format_count(values["tokens"]),
        time=format_duration(values["seconds"]),
    )
