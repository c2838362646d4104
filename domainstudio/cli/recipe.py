"""`domainstudio recipe`: how a run is trained."""

import argparse
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_run_choice, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, format_size

if TYPE_CHECKING:
    from domainstudio.project.project import Project
    from domainstudio.recipe.recipe import Recipe
    from domainstudio.recipe.run import RunSpec
    from domainstudio.workflow.training.fit import Fit
    from domainstudio.workflow.training.planned import PlannedRun, RunChoice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    put = add_verb(verbs, "set", "change settings", _set)
    put.formatter_class = argparse.RawDescriptionHelpFormatter
    put.epilog = settings_help()
    put.add_argument(
        "settings", nargs="+", metavar="key=value", help=_("a setting, see below; preset=NAME begins anew")
    )
    put.add_argument("--name", default="default", help=_("name of the recipe"))
    add_verb(verbs, "presets", "published recipes with their sources", _presets)
    plan = add_verb(verbs, "plan", "whether a run fits, how long it takes, and what is doubtful", _plan)
    add_run_choice(plan, "--name")
    _add_hardware(plan)
    plan.add_argument("--on", default="", metavar="MACHINE[,MACHINE]", help=_(
        "plan for machines of `machines list` (this one)"))  # fmt: skip
    plan.add_argument("--dry-step", action="store_true", help=_(
        "try the first steps where it shall be trained, and plan by what they take"))  # fmt: skip
    routes = add_verb(verbs, "routes", "from scratch, continued and task alone, side by side", _routes)
    add_run_choice(routes, "--name")
    _add_hardware(routes)
    show = add_verb(verbs, "show", "show every setting", _show)
    show.add_argument("--name", default="default", help=_("name of the recipe"))


def _add_hardware(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--hardware", default="", metavar="8xA100-40GB", help=_(
        "GPUs to plan for, 2x8xA100-80GB for two machines of eight (this machine)"))  # fmt: skip


def settings_help() -> str:
    """Return every setting with its help and default, for --help."""
    from domainstudio.recipe.recipe import field_help

    heading = _("settings and their defaults:")
    width = 100 if heading.isascii() else 50
    lines = [
        textwrap.fill(f"{key}={default}  {_(text)}", width, initial_indent="  ", subsequent_indent="      ")
        for key, text, default in field_help()
    ]
    return heading + "\n" + "\n".join(lines)


def parse_settings(texts: list[str]) -> dict[str, str]:
    """Return the settings given as key=value.

    Raises:
        UserError: one has no equals sign.
    """
    pairs = [text.partition("=") for text in texts]
    for key, equals, _value in pairs:
        if not key or not equals:
            raise UserError(Problem("recipe.setting_form", "settings", {"value": key}))
    return {key: value for key, _, value in pairs}


def _set(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.planning import set_recipe

    settings = parse_settings(options.settings)
    preset = settings.pop("preset", None)
    with open_project(options) as project:
        recipe = set_recipe(project, settings, options.name, preset)
    return Output(recipe, _lines(recipe))


def _presets(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.recipe.presets import PRESETS

    open_project(options).connection.close()
    parts = []
    for preset in PRESETS.values():
        unconfirmed = ", ".join(preset.unconfirmed) or "-"
        settings = " ".join(f"{key}={value}" for key, value in preset.settings.items())
        words = _("{name} ({source})\n  {note}\n  not confirmed in the paper: {unconfirmed}\n  {settings}")
        parts.append(
            words.format(
                name=preset.name,
                source=preset.source,
                note=_(preset.note),
                unconfirmed=unconfirmed,
                settings=settings,
            )
        )
    return Output(list(PRESETS.values()), "\n".join(parts))


def _show(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.planning import recipe_of

    with open_project(options) as project:
        recipe = recipe_of(project, options.name)
    return Output(recipe, _lines(recipe))


def _plan(options: argparse.Namespace) -> Output | None:
    from domainstudio.cli.following import open_project
    from domainstudio.problems import sentence
    from domainstudio.recipe.hardware import parse
    from domainstudio.workflow.machines.targets import hardware_there
    from domainstudio.workflow.training.advice import advice
    from domainstudio.workflow.training.fit import fit_of, fit_sentence, ground_of
    from domainstudio.workflow.training.planned import planned

    hardware = parse(options.hardware) if options.hardware else None
    choice = replace(_choice(options), machine=options.on)
    with open_project(options) as project:
        run = planned(project, choice)
        if options.on and hardware is None:
            hardware = hardware_there(options.on, asking=True)
        if options.dry_step:
            if not _is_tried(project, run.spec, options):
                return None
            run = planned(project, choice)
        fit = fit_of(ground_of(project, run, hardware))
        found = advice(project, run)
    lines = [*_fit_lines(fit), *_run_lines(run), *(sentence(one.problem) for one in found)]
    said = {"sentence": fit_sentence(fit), "fits": fit.fits, "gpu_hours": fit.gpu_hours}
    return Output({**said, "fit": fit, "plan": run, "advice": found}, "\n".join(lines))


def _is_tried(project: "Project", spec: "RunSpec", options: argparse.Namespace) -> bool:
    """Have a dry step done; return whether it came to its end."""
    from domainstudio.cli.following import run_job
    from domainstudio.workflow.training.dry_step import start_dry_step

    return run_job(project, start_dry_step(project, spec, options.on), options)


def _choice(options: argparse.Namespace) -> "RunChoice":
    from domainstudio.workflow.training.planned import RunChoice

    return RunChoice(options.origin, options.mixture, options.recipe, options.arm)


def _fit_lines(fit: "Fit") -> list[str]:
    """Return whether a run fits, what would make it, where the figures are from, and memory by part."""
    from domainstudio.workflow.training.fit import fit_sentence, part_lines, remedy_words, source_words

    parts = table([_("Memory of a device, estimated"), ""], part_lines(fit))
    return [f"{fit_sentence(fit)}.", *filter(None, [remedy_words(fit)]), source_words(fit), parts]


def _run_lines(run: "PlannedRun") -> list[str]:
    """Return the arithmetic of a run and the command that starts it."""
    from domainstudio.workflow.protection.costs import protection_words
    from domainstudio.workflow.training.rewarming import rewarming_words

    words = _(
        "{steps} steps of {step_tokens} tokens, {tokens} in all; warm-up {warmup} steps.\n"
        "{parameters} parameters; {probes} probes; {checkpoints} checkpoints, {kept} kept, {size} each.\n"
        "They take {needed} at most at once, and {free} are free.\n"
        "{command}"
    ).format(
        steps=format_count(run.spec.steps),
        step_tokens=format_count(run.recipe.tokens_per_step()),
        tokens=format_count(run.tokens),
        warmup=format_count(run.warmup_steps),
        parameters=format_count(run.parameters),
        probes=format_count(run.probes),
        checkpoints=format_count(run.checkpoints),
        kept=format_count(run.kept),
        size=format_size(run.checkpoint_bytes),
        needed=format_size(run.disk_bytes),
        free=format_size(run.free_bytes),
        command=run.command,
    )
    rewarming = rewarming_words(run.rewarming) if run.rewarming else ""
    return [words, *filter(None, [protection_words(run), rewarming])]


def _routes(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.recipe.hardware import parse
    from domainstudio.workflow.training.fit import ground_of
    from domainstudio.workflow.training.planned import planned
    from domainstudio.workflow.training.routes import route_cells, route_words, routes_of

    hardware = parse(options.hardware) if options.hardware else None
    with open_project(options) as project:
        found = routes_of(project, ground_of(project, planned(project, _choice(options)), hardware))
    head = [_("Route"), _("Parameters"), _("Tokens"), _("Devices"), _("Time")]
    lines = [table(head, [route_cells(one) for one in found.routes]), *route_words(found)]
    return Output(found, "\n".join(lines))


def _lines(recipe: "Recipe") -> str:
    """Return every setting with its value."""
    from domainstudio.recipe.recipe import settings_of

    return "\n".join(f"{key}={value}" for key, value in settings_of(recipe).items())
