"""Blends in words: their names, and which of them to take."""

from collections.abc import Sequence
from pathlib import Path

from domainstudio.evaluation.blends import verdict
from domainstudio.language import translate as _
from domainstudio.recipe.blend import Blend
from domainstudio.units import format_change, format_count
from domainstudio.workflow.export.blending import BlendRow, outcomes


def name_of(row: BlendRow) -> str:
    """Return a blend's name: RUN@STEP and what was done to it."""
    return f"{row.run}@{row.step}, {words_of(row.blend, row.steps)}"


def words_of(blend: Blend, steps: tuple[int, ...] = ()) -> str:
    """Return what a blend is; `steps` are those of the checkpoints that are averaged."""
    match blend.kind:
        case "interpolation" if blend.amount in (0, 1):
            return _("the whole way") if blend.amount else _("the base")
        case "interpolation":
            return _("{share} of the way").format(share=f"{blend.amount:g}")
        case "average" if steps:
            return _("mean of steps {steps}").format(steps=", ".join(map(format_count, steps)))
        case "average":
            return _("mean of {count}").format(count=int(blend.amount))
        case _:
            name = Path(str(blend.chat)).name
            return _("chat vector of {name} × {strength}").format(name=name, strength=f"{blend.amount:g}")


def verdict_words(rows: Sequence[BlendRow]) -> str:
    """Say which share of the way has the most gain within the accepted forgetting; empty without points."""
    points = outcomes(rows)
    if not points:
        if any(row.blend.kind == "interpolation" for row in rows):
            return _("Gain or forgetting was not measured: without both no point can be named.")
        return ""
    accepted, found = rows[0].accepted, verdict(points, rows[0].accepted)
    if found is None or found.best.share == 0:
        if accepted is None:
            return _("No point beyond the base gains.")
        words = _("No point beyond the base gains and keeps its forgetting within {accepted}.")
        return words.format(accepted=format_change(accepted))
    best = found.best
    parts = {"share": f"{best.share:g}", "forgetting": format_change(best.forgetting)}
    if accepted is None:
        words = _("{share} of the way has the most gain, {gain}, at a forgetting of {forgetting}.")
        return words.format(gain=format_change(best.gain), **parts)
    parts["accepted"] = format_change(accepted)
    if best.share == 1:
        words = _(
            "The whole way keeps {forgetting} forgetting within {accepted}: nothing need be given back."
        )
        return words.format(**parts)
    if found.share_of_gain is None:
        words = _("{share} of the way keeps forgetting, {forgetting}, within {accepted}.")
        return words.format(**parts)
    words = _("{share} of the way keeps {forgetting} forgetting within {accepted}, and {part} % of the gain.")
    return words.format(part=round(100 * found.share_of_gain), **parts)
