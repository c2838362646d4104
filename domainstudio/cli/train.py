"""`domainstudio train`: start a training run."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb
from domainstudio.language import translate as _
from domainstudio.units import format_change

if TYPE_CHECKING:
    from domainstudio.jobs.folder import JobFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    begin = add_verb(verbs, "start", "start a training run", _start)
    begin.add_argument(
        "--from",
        dest="origin",
        default="base",
        metavar="base|RUN[@STEP]",
        help=_("weights to start from (base)"),
    )
    begin.add_argument("--mixture", default="default", help=_("name of the mixture"))
    begin.add_argument("--recipe", default="default", help=_("name of the recipe"))
    begin.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="key=value",
        help=_("a recipe setting for this run alone"),
    )
    add_detach(begin)


def _start(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.cli.recipe import parse_settings
    from domainstudio.workflow.training import start_run

    with open_project(options) as project:
        folder = start_run(
            project,
            origin=options.origin,
            mixture_name=options.mixture,
            recipe_name=options.recipe,
            settings=parse_settings(options.set),
        )
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, _summary(folder)) if is_done else finished(folder, False, "")


def _summary(folder: "JobFolder") -> str:
    from domainstudio.evaluation.forgetting import changes, forgetting, gain
    from domainstudio.workflow.training import curves_of

    curves = curves_of(folder)
    found = changes(curves.probes)
    parts = [_("{run} is done: {steps} steps.").format(run=folder.job_id, steps=len(curves.steps))]
    if (value := gain(found)) is not None:
        parts.append(
            _("Domain gain {value} nats a token against its base.").format(value=format_change(value))
        )
    value = forgetting(found)
    parts.append(
        _("No general source: forgetting cannot be measured.") if value is None
        else _("Forgetting {value} nats a token against its base.").format(value=format_change(value))
    )  # fmt: skip
    return " ".join(parts)
