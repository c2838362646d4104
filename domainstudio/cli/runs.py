"""`domainstudio runs`: list, watch, stop and resume runs and other jobs."""

import argparse
import sys
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count

if TYPE_CHECKING:
    from domainstudio.project.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    add_verb(verbs, "list", "list runs with their gain and forgetting", _list)
    compare = add_verb(
        verbs, "compare", "gain and forgetting against the base and against the control", _compare
    )
    compare.add_argument("runs", nargs="*", metavar="RUN", help=_("the runs; by default all"))
    for name, purpose, handler in (
        ("watch", "follow a run from its first event, alive or not; Ctrl-C leaves it running", _watch),
        ("stop", "ask a run to stop at its next step, with a checkpoint", _stop),
        ("resume", "go on with a run that stopped, failed or was interrupted", _resume),
    ):
        verb = add_verb(verbs, name, purpose, handler)
        verb.add_argument("run", metavar="RUN", help=_("the run's name, such as train-1"))
        if name == "resume":
            add_detach(verb)
        if name == "stop":
            verb.add_argument("--kill", action="store_true", help=_(
                "kill all its processes at once: for a run that ignores the request; steps since the last "
                "checkpoint are lost"))  # fmt: skip


def _list(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.training import RunList

    with open_project(options) as project:
        runs = RunList(project).refresh()
    rows = [
        [
            run.run, _(run.status), format_count(run.step), format_count(run.steps),
            "-" if run.loss is None else f"{run.loss:.3f}",
            _change(run.outcome.gain), _change(run.outcome.forgetting),
        ]
        for run in runs
    ]  # fmt: skip
    head = [_("Run"), _("State"), _("Step"), _("of"), _("Loss"), _("Domain gain"), _("Forgetting")]
    return Output(runs, table(head, rows, text_columns=2))


def _compare(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.training import RunList

    with open_project(options) as project:
        for name in options.runs:
            project.job(name)
        runs = [run for run in RunList(project).refresh() if not options.runs or run.run in options.runs]
    rows = [
        [
            run.run, _(run.arm), run.origin, run.control or "-", format_count(run.step),
            _change(run.outcome.gain), _change(run.outcome.forgetting),
            _change(run.outcome.gain_against_control), _change(run.outcome.forgetting_against_control),
        ]
        for run in runs
    ]  # fmt: skip
    head = [
        _("Run"), _("Arm"), _("From"), _("Control"), _("Step"), _("Gain, base"), _("Forgetting, base"),
        _("Gain, control"), _("Forgetting, control"),
    ]  # fmt: skip
    note = _(
        "Nats a token. Gain: fall of domain loss; forgetting: rise of general loss; each against the named."
    )
    return Output(runs, table(head, rows, text_columns=4) + "\n" + note)


def _resumption_words(project: "Project", run: str) -> str:
    """Say where a run goes on, before it does."""
    from domainstudio.workflow.training import resumption

    found = resumption(project, run)
    words = _(
        "{run} goes on at step {step} of {steps} ({share:.1%} of its text seen), at rate {rate:.3g} with its "
        "optimizer's memory; nothing is warmed up again."
    )
    return words.format(
        run=run, step=found.step, steps=found.steps, share=found.share_of_data, rate=found.learning_rate
    )


def _change(value: float | None) -> str:
    return "-" if value is None else format_change(value)


def _watch(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, follow_job, open_project

    with open_project(options) as project:
        folder = project.job(options.run)
        is_done = follow_job(project, folder, folder.job_id, owns=False)
        return finished(folder, is_done, f"{folder.job_id}: {_(folder.status())}")


def _stop(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project
    from domainstudio.jobs.process import kill
    from domainstudio.problems import Problem, UserError

    with open_project(options) as project:
        folder = project.job(options.run)
        if options.kill:
            kill(folder)
            return finished(folder, False, "")
        if folder.status() not in ("running", "unknown"):
            params = {"job": folder.job_id, "status": folder.status()}
            raise UserError(Problem("job.not_running", "run", params))
        folder.ask_to_stop()
        return finished(
            folder, True, _("{job} was asked to stop at its next step.").format(job=folder.job_id)
        )


def _resume(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.running import resume
    from domainstudio.workflow.training import TRAIN

    with open_project(options) as project:
        folder = project.job(options.run)
        words = _resumption_words(project, options.run) if folder.spec().kind == TRAIN.name else ""
        resume(folder)
        if words:
            print(words, file=sys.stderr, flush=True)
        is_done = run_job(project, folder, options)
        return finished(folder, is_done, f"{folder.job_id}: {_(folder.status())}")
