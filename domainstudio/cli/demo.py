"""`domainstudio demo`: the whole way with text that lies on this machine."""

import argparse
import sys
import time
from pathlib import Path

from domainstudio.cli.output import Output, add_common
from domainstudio.language import translate as _
from domainstudio.units import format_duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--folder", type=Path, default=Path("domainstudio-sample"), help=_("where the sample project is made")
    )
    parser.add_argument(
        "--quick", action="store_true", help=_("a slice of the sample, about a minute on two cores")
    )
    add_common(parser, _demo)


def _demo(options: argparse.Namespace) -> Output | None:
    from domainstudio.cli.following import follow_job
    from domainstudio.workflow import demo
    from domainstudio.workflow.runs.run_list import RunList

    began = time.monotonic()
    size = demo.QUICK if options.quick else demo.FULL
    with demo.make_project(demo.free_folder(options.folder)) as project:
        for purpose, folder in demo.jobs(project, size):
            print(f"{folder.job_id}: {_(purpose)}", file=sys.stderr, flush=True)
            if not follow_job(project, folder, folder.job_id):
                return None
        report, runs = project.path / demo.REPORT, RunList(project).refresh()
    text = _("Done in {time}. Read the report: {report}").format(
        time=format_duration(time.monotonic() - began), report=report
    )
    return Output({"project": str(project.path), "report": str(report), "runs": runs}, text)
