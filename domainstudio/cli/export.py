"""`domainstudio export`: write a model folder or a report."""

import argparse
from pathlib import Path

from domainstudio.cli.blending import add_choice, chosen_blend
from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    add_verb(verbs, "candidates", "the checkpoints on disk, with what each gained and forgot", _candidates)
    model = add_verb(verbs, "model", "write the model of a run as a folder that transformers loads", _model)
    model.add_argument(
        "run", metavar="RUN[@STEP]", help=_("the run, and the step of a checkpoint if not the newest")
    )
    model.add_argument("dest", type=Path, metavar="DEST", help=_("a folder that does not exist yet"))
    add_choice(model)
    add_detach(model)
    report = add_verb(verbs, "report", "write the report of a run as one HTML file", _report)
    report.add_argument("run", metavar="RUN", help=_("the run"))
    report.add_argument("dest", type=Path, metavar="DEST", help=_("the file, such as report.html"))
    add_detach(report)


def _candidates(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.export.candidates import candidates

    with open_project(options) as project:
        found = candidates(project)
    accepted = {True: _("yes"), False: _("no"), None: "-"}
    rows = [
        [
            one.name, one.origin, _(one.arm), accepted[one.is_accepted],
            _("no other gained more and forgot no more") if one.is_undominated else "-",
            "-" if one.gain is None else format_change(one.gain),
            "-" if one.forgetting is None else format_change(one.forgetting),
            "-" if one.measured_at is None else format_count(one.measured_at),
        ]
        for one in found
    ]  # fmt: skip
    head = [
        _("Checkpoint"), _("From"), _("Arm"), _("Within accepted"), _("Front"), _("Domain gain"),
        _("Forgetting"), _("Measured at step"),
    ]  # fmt: skip
    return Output(found, table(head, rows, text_columns=5))


def _model(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.export.exporting import start_model_export

    with open_project(options) as project:
        folder = start_model_export(project, options.run, options.dest, chosen_blend(options))
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, _("Wrote {path}.").format(path=options.dest), str(options.dest))


def _report(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.export.exporting import start_report

    with open_project(options) as project:
        folder = start_report(project, options.run, options.dest)
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, _("Wrote {path}.").format(path=options.dest), str(options.dest))
