"""`domainstudio export`: write a model folder or a report."""

import argparse
from pathlib import Path

from domainstudio.cli.output import Output, add_detach, add_verb
from domainstudio.language import translate as _


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    model = add_verb(verbs, "model", "write the model of a run as a folder that transformers loads", _model)
    model.add_argument(
        "run", metavar="RUN[@STEP]", help=_("the run, and the step of a checkpoint if not the newest")
    )
    model.add_argument("dest", type=Path, metavar="DEST", help=_("a folder that does not exist yet"))
    add_detach(model)
    report = add_verb(verbs, "report", "write the report of a run as one HTML file", _report)
    report.add_argument("run", metavar="RUN", help=_("the run"))
    report.add_argument("dest", type=Path, metavar="DEST", help=_("the file, such as report.html"))
    add_detach(report)


def _model(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.export import start_model_export

    with open_project(options) as project:
        folder = start_model_export(project, options.run, options.dest)
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, _("Wrote {path}.").format(path=options.dest), str(options.dest))


def _report(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.export import start_report

    with open_project(options) as project:
        folder = start_report(project, options.run, options.dest)
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, _("Wrote {path}.").format(path=options.dest), str(options.dest))
