"""`domainstudio runs`: list, watch, pause, resume, stop and delete runs and other jobs."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from domainstudio.cli.blending import add_blend
from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import sentence
from domainstudio.units import format_change, format_count, format_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from domainstudio.cli.following import ProgressLine
    from domainstudio.project.project import Project
    from domainstudio.workflow.runs.run_list import RunList, RunRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    add_verb(verbs, "list", "list runs with their gain and forgetting", _list)
    compare = add_verb(
        verbs, "compare", "gain and forgetting against the base and against the control", _compare
    )
    compare.add_argument("runs", nargs="*", metavar="RUN", help=_("the runs; by default all"))
    add_blend(verbs)
    for name, purpose, handler in (
        ("watch", "follow a run from its first event, alive or not; Ctrl-C leaves it running", _watch),
        ("pause", "ask a run to end at its next step with a checkpoint, to go on later", _pause),
        ("resume", "go on with a run that stopped, failed or was interrupted", _resume),
        ("stop", "ask a run to end at its next step, without a checkpoint of that step", _stop),
        ("keep", "ask a run to end at its next step with a checkpoint and count as done", _keep),
        ("checkpoint", "ask a run to write a checkpoint now and go on", _checkpoint),
        ("delete", "delete a run with its checkpoints and curves", _delete),
        ("fetch", "bring what a run on another machine has made so far", _fetch),
        ("layers", "how much each layer mattered, and how far it moved from step 0", _layers),
        ("samples", "let the base and a checkpoint go on with the same prompts", _samples),
    ):
        verb = add_verb(verbs, name, purpose, handler)
        verb.add_argument("run", metavar="RUN", help=_("the run's name, such as train-1"))
        if name in ("resume", "samples"):
            add_detach(verb)
        if name == "resume":
            verb.add_argument("--processes", type=int, metavar="N", help=_(
                "go on on so many processes, with as many tokens a step (on as many as before)"))  # fmt: skip
        if name == "samples":
            _add_sampling(verb)
        if name == "fetch":
            verb.add_argument("--all", action="store_true", help=_(
                "all checkpoints, with what a run goes on from (the model that is its result)"))  # fmt: skip
        if name == "stop":
            verb.add_argument("--kill", action="store_true", help=_(
                "kill all its processes at once: for a run that ignores the request; steps since the last "
                "checkpoint are lost"))  # fmt: skip


def _add_sampling(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--prompt", action="append", required=True, metavar="TEXT", help=_(
        "what both shall go on with; may be given several times"))  # fmt: skip
    verb.add_argument("--step", type=int, help=_("step of a checkpoint (the newest)"))
    verb.add_argument("--tokens", type=int, default=64, help=_("tokens to write at most (64)"))
    verb.add_argument("--temperature", type=float, default=0.0, help=_(
        "0 takes the likeliest token each time; 1 draws from the whole distribution"))  # fmt: skip
    verb.add_argument("--seed", type=int, default=0, help=_("decides the draws, alike for both"))


def _list(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.runs.run_list import RunList

    with open_project(options) as project:
        runs = _runs(RunList(project))
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


def _runs(runs: "RunList") -> "list[RunRow]":
    """Return the runs that can be read; say on stderr which cannot."""
    rows = runs.refresh()
    for run, problem in runs.refused.items():
        print(f"{run}: {sentence(problem)}", file=sys.stderr)
    return rows


def _compare(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.runs.run_list import RunList

    with open_project(options) as project:
        for name in options.runs:
            project.job(name)
        runs = [run for run in _runs(RunList(project)) if not options.runs or run.run in options.runs]
    rows = [
        [
            run.run, _(run.arm), run.origin, run.control or "-", format_count(run.step),
            _change(run.outcome.gain), _change(run.outcome.forgetting),
            _percent(run.outcome.forgetting_percent), _change(run.outcome.gain_against_control),
            _change(run.outcome.forgetting_against_control),
        ]
        for run in runs
    ]  # fmt: skip
    head = [
        _("Run"), _("Arm"), _("From"), _("Control"), _("Step"), _("Gain, base"), _("Forgetting, base"),
        _("in %"), _("Gain, control"), _("Forgetting, control"),
    ]  # fmt: skip
    note = _(
        "Nats a token. Gain: fall of domain loss; forgetting: rise of general loss; each against the named."
    )
    return Output(runs, table(head, rows, text_columns=4) + "\n" + note)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def _change(value: float | None) -> str:
    return "-" if value is None else format_change(value)


def _watch(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, follow_job, open_project

    with open_project(options) as project:
        folder = project.job(options.run)
        is_done = follow_job(project, folder, folder.job_id, owns=False)
        return finished(folder, is_done, f"{folder.job_id}: {_(folder.status())}")


def _pause(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.runs.asking import pause

    return _ask(options, pause, _("{job} was asked to pause at its next step."))


def _stop(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project
    from domainstudio.workflow.runs.asking import kill, stop

    if not options.kill:
        return _ask(options, stop, _("{job} was asked to stop at its next step."))
    with open_project(options) as project:
        folder = kill(project, options.run)
        return finished(folder, False, "")


def _keep(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.runs.asking import stop_and_keep

    return _ask(options, stop_and_keep, _("{job} was asked to end with its next step and count as done."))


def _checkpoint(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.runs.asking import checkpoint_now

    return _ask(options, checkpoint_now, _("{job} was asked for a checkpoint at its next step."))


def _ask(options: argparse.Namespace, wish: "Callable[[Project, str], None]", words: str) -> Output:
    """Ask something of a running job and say so."""
    from domainstudio.cli.following import finished, open_project

    with open_project(options) as project:
        wish(project, options.run)
        return finished(project.job(options.run), True, words.format(job=options.run))


def _delete(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.runs.asking import delete

    with open_project(options) as project:
        freed = delete(project, options.run)
    words = _("{job} is deleted; {size} became free.").format(job=options.run, size=format_size(freed))
    return Output({"job": options.run, "freed_bytes": freed}, words)


def _fetch(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import ProgressLine, finished, open_project
    from domainstudio.jobs.checkpoints import size_of
    from domainstudio.workflow.machines.remote import fetch

    with open_project(options) as project:
        folder, line = project.job(options.run), ProgressLine(options.run)
        fetch(folder, "all" if options.all else "model", _shown(line))
        line.clear()
        size = format_size(size_of(folder.path))
    return finished(folder, True, _("{job}: {size} are here.").format(job=options.run, size=size))


def _shown(line: "ProgressLine") -> "Callable[[int, int], None]":
    """Return what draws bytes that are here of bytes in all."""
    from domainstudio.jobs.events import Progress

    return lambda done, total: line.show(Progress(done, total, "bytes", "fetching"), time.time())


def _layers(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.protection.layers import importance_words, layer_map, layer_words, moved_words

    with open_project(options) as project:
        found = layer_map(project, options.run)
    rows = [
        [layer_words(one), format_count(one.weights), importance_words(one), moved_words(one)]
        for one in found.layers
    ]
    head = [_("Layer"), _("Weights"), _("Importance"), _("Moved (%)")]
    note = _(
        "Importance: mean over the layer's weights, 1 over all. Moved: root mean square distance from step "
        "0, in per cent of the weights' own."
    )
    return Output(found, table(head, rows) + "\n" + note)


def _samples(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.runs.samples import samples_of, start_samples

    with open_project(options) as project:
        folder = start_samples(
            project,
            options.run,
            options.step,
            options.prompt,
            options.tokens,
            temperature=options.temperature,
            seed=options.seed,
        )
        is_done = run_job(project, folder, options)
        made = samples_of(folder) if is_done else []
    parts = [
        "\n".join((f"> {one.prompt}", f"[{one.base_name}] {one.base}", f"[{one.name}] {one.text}"))
        for one in made
    ]
    return finished(folder, is_done, "\n\n".join(parts), made)


def _resume(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_control, run_job
    from domainstudio.workflow.running import resume
    from domainstudio.workflow.runs.asking import resumption_words
    from domainstudio.workflow.training.starting import TRAIN, resumption

    with open_project(options) as project:
        folder = project.job(options.run)
        is_run = folder.spec().kind == TRAIN.name
        words = resumption_words(options.run, resumption(project, options.run)) if is_run else ""
        resume(folder, options.processes)
        if words:
            print(words, file=sys.stderr, flush=True)
        is_done = run_job(project, folder, options)
        if is_done and is_run:
            run_control(project, folder)
        return finished(folder, is_done, f"{folder.job_id}: {_(folder.status())}")
