"""`domainstudio train`: start a training run."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_run_choice, add_verb
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_change

if TYPE_CHECKING:
    from domainstudio.workflow.runs.run_list import RunRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    begin = add_verb(verbs, "start", "start a training run", _start)
    add_run_choice(begin, "--recipe")
    begin.add_argument("--decay", type=int, metavar="STEPS", help=_(
        "branch off: go on from RUN@STEP with its optimizer and its place in the text, the rate falling to "
        "the floor in so many steps"))  # fmt: skip
    _add_settings(begin)
    begin.add_argument("--on", default="", metavar="MACHINE[,MACHINE]", help=_(
        "train on a machine of `machines list`, reached by ssh, or on several as one run; follow it from here"
        ))  # fmt: skip
    add_detach(begin)
    prepare = add_verb(verbs, "prepare", "make a run that you start by hand", _prepare)
    add_run_choice(prepare, "--recipe")
    _add_settings(prepare)
    script = add_verb(verbs, "script", "what to type, or submit, to start a run by hand", _script)
    script.add_argument("run", metavar="RUN", help=_("a run that is not running, such as `prepare` makes"))
    script.add_argument("--kind", choices=("commands", "hostfile", "sbatch"), default="commands", help=_(
        "commands to type here, DeepSpeed's hostfile, or a batch script for Slurm (commands)"))  # fmt: skip
    script.add_argument("--on", required=True, metavar="MACHINE[,MACHINE]", help=_(
        "machines of `machines list`; for Slurm the one on which you log in"))  # fmt: skip
    script.add_argument("--nodes", type=int, default=1, help=_("how many nodes Slurm shall give (1)"))


def _add_settings(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="key=value",
        help=_("a recipe setting for this run alone"),
    )


def _prepare(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.cli.recipe import parse_settings
    from domainstudio.workflow.training.starting import start_run

    with open_project(options) as project:
        folder = start_run(
            project,
            origin=options.origin,
            mixture_name=options.mixture,
            recipe_name=options.recipe,
            settings=parse_settings(options.set),
            arm=options.arm,
            is_started=False,
        )
        words = _("{run} is prepared; how to start it: domainstudio train script {project} {run} --on …")
        return Output({"run": folder.job_id}, words.format(run=folder.job_id, project=project.path))


def _script(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.machines.by_hand import script

    if options.nodes < 1:
        raise UserError(Problem("machine.no_nodes", "nodes", {}))
    with open_project(options) as project:
        text = script(project, options.run, options.kind, options.on, options.nodes)
    return Output({"run": options.run, "kind": options.kind, "text": text}, text.rstrip("\n"))


def _start(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_control, run_job, warn_if_blind
    from domainstudio.cli.recipe import parse_settings
    from domainstudio.workflow.runs.run_list import RunList
    from domainstudio.workflow.training.branching import start_branch
    from domainstudio.workflow.training.starting import start_run

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
    from domainstudio.workflow.runs.interventions import facts_words, intervention_words

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
