"""`domainstudio train`: start a training run."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_run_choice, add_verb
from domainstudio.language import translate as _
from domainstudio.units import format_change

if TYPE_CHECKING:
    from domainstudio.workflow.run_list import RunRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    begin = add_verb(verbs, "start", "start a training run", _start)
    add_run_choice(begin, "--recipe")
    begin.add_argument("--decay", type=int, metavar="STEPS", help=_(
        "branch off: go on from RUN@STEP with its optimizer and its place in the text, the rate falling to "
        "the floor in so many steps"))  # fmt: skip
    begin.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="key=value",
        help=_("a recipe setting for this run alone"),
    )
    begin.add_argument("--on", default="", metavar="MACHINE", help=_(
        "train on a machine of `machines list`, reached by ssh, and follow it from here"))  # fmt: skip
    add_detach(begin)


def _start(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_control, run_job, warn_if_blind
    from domainstudio.cli.recipe import parse_settings
    from domainstudio.workflow.branching import start_branch
    from domainstudio.workflow.run_list import RunList
    from domainstudio.workflow.training import start_run

    settings = parse_settings(options.set)
    with open_project(options) as project:
        if options.decay is not None:
            folder = start_branch(project, options.origin, options.decay, {**_given(options), **settings})
        else:
            folder = start_run(
                project,
                origin=options.origin,
                mixture_name=options.mixture,
                recipe_name=options.recipe,
                settings=settings,
                arm=options.arm,
                machine=options.on,
            )
        warn_if_blind(project)
        is_done = run_job(project, folder, options)
        if is_done:
            run_control(project, folder)
        row = next(row for row in RunList(project).refresh() if row.run == folder.job_id)
        return finished(folder, is_done, _summary(row), row)


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Return what of a run's choice was given on the line: a branch takes all of it from its trunk."""
    usual = {"mixture": "default", "recipe": "default", "arm": "treated"}
    return {name: str(getattr(options, name)) for name in usual if getattr(options, name) != usual[name]}


def _summary(row: "RunRow") -> str:
    """Return the outcome of a finished run in sentences."""
    from domainstudio.workflow.interventions import facts_words, intervention_words

    parts = [_("{run} is done: {steps} steps.").format(run=row.run, steps=row.step)]
    if row.outcome.gain is not None:
        gain = format_change(row.outcome.gain)
        parts.append(_("Domain gain {value} nats a token against its base.").format(value=gain))
    if row.outcome.forgetting is None:
        parts.append(_("No general source: forgetting cannot be measured."))
    else:
        forgetting = format_change(row.outcome.forgetting)
        parts.append(_("Forgetting {value} nats a token against its base.").format(value=forgetting))
    parts += [intervention_words(done) for done in row.interventions if done.what == "end"]
    facts = facts_words(row)
    return " ".join([*parts, facts] if facts else parts)
