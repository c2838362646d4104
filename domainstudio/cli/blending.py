"""`domainstudio runs blend`: blends of a run with its base, its checkpoints and a chat model, in a table."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_change

if TYPE_CHECKING:
    from domainstudio.recipe.blend import Blend
    from domainstudio.workflow.export.blending import BlendRow


def add_blend(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = add_verb(
        verbs, "blend", "measure blends of a run with its base, its checkpoints or a chat model", _blend
    )
    verb.add_argument(
        "run", metavar="RUN[@STEP]", help=_("the run, and the step of a checkpoint if not the newest")
    )
    verb.add_argument("--points", type=int, default=11, help=_(
        "points from the base to the checkpoint, both among them; 0 measures none (11)"))  # fmt: skip
    verb.add_argument("--average", type=int, default=5, metavar="K", help=_(
        "average the last K checkpoints, as many as there are; 0 measures none (5)"))  # fmt: skip
    verb.add_argument("--chat", type=Path, metavar="FOLDER", help=_(
        "a chat model made from the same base: what sets it apart is added to the run"))  # fmt: skip
    add_detach(verb)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add which blend of a checkpoint is exported."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--blend", type=float, metavar="SHARE", help=_(
        "this share of the way from the base to the checkpoint, from 0 to 1"))  # fmt: skip
    which.add_argument("--average", type=int, metavar="K", help=_(
        "the mean of the last K checkpoints, as many as there are"))  # fmt: skip
    which.add_argument("--chat", type=Path, metavar="FOLDER", help=_(
        "the checkpoint with what sets this chat model apart from the base"))  # fmt: skip
    parser.add_argument("--strength", type=float, default=1.0, help=_(
        "how much of the chat model's difference is added (1)"))  # fmt: skip


def chosen_blend(options: argparse.Namespace) -> "Blend | None":
    """Return the blend that was asked for, None for the checkpoint itself.

    Raises:
        UserError: a number is out of range.
    """
    from domainstudio.workflow.export.blending import checked_blend

    if options.blend is not None:
        return checked_blend("interpolation", options.blend)
    if options.average is not None:
        return checked_blend("average", options.average)
    if options.chat is not None:
        return checked_blend("chat", options.strength, options.chat)
    return None


def _blend(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.export.blend_words import verdict_words
    from domainstudio.workflow.export.blending import rows_of, start_blending

    if options.points < 0 or options.points == 1 or options.points > 101:
        raise UserError(Problem("blend.bad_points", "points", {"points": options.points}))
    with open_project(options) as project:
        folder = start_blending(
            project, options.run, points=options.points, average=options.average, chat=options.chat
        )
        is_done = folder.status() == "done" or run_job(project, folder, options)
        rows = rows_of(project, folder) if is_done else []
    words = verdict_words(rows)
    return finished(folder, is_done, _table(rows) + (f"\n{words}" if words else ""), rows)


def _table(rows: "list[BlendRow]") -> str:
    from domainstudio.workflow.export.blend_words import words_of

    accepted = {True: _("yes"), False: _("no"), None: "-"}
    cells = [
        [
            words_of(row.blend, row.steps), accepted[row.is_accepted],
            _("no other gained more and forgot no more") if row.is_undominated else "-",
            *(_change(value) for value in (
                row.gain, row.forgetting, row.outcome.gain_against_control,
                row.outcome.forgetting_against_control,
            )),
        ]
        for row in rows
    ]  # fmt: skip
    head = [
        _("Point"), _("Within accepted"), _("Front"), _("Domain gain"), _("Forgetting"), _("Gain, control"),
        _("Forgetting, control"),
    ]  # fmt: skip
    return table(head, cells, text_columns=3)


def _change(value: float | None) -> str:
    return "-" if value is None else format_change(value)
