"""`domainstudio recipe`: how a run is trained."""

import argparse
import textwrap
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_run_choice, add_verb
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, format_size

if TYPE_CHECKING:
    from domainstudio.recipe.recipe import Recipe


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
    plan = add_verb(verbs, "plan", "what a run would be: steps, tokens, disk, and what is doubtful", _plan)
    add_run_choice(plan, "--name")
    show = add_verb(verbs, "show", "show every setting", _show)
    show.add_argument("--name", default="default", help=_("name of the recipe"))


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


def _plan(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.problems import sentence
    from domainstudio.workflow.advice import advice
    from domainstudio.workflow.costs import protection_words
    from domainstudio.workflow.planned import RunChoice, planned
    from domainstudio.workflow.rewarming import rewarming_words

    choice = RunChoice(options.origin, options.mixture, options.recipe, options.arm)
    with open_project(options) as project:
        run = planned(project, choice)
        found = advice(project, run)
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
    beside = filter(None, [protection_words(run), rewarming])
    lines = [words, *beside, *(sentence(one.problem) for one in found)]
    return Output({"plan": run, "advice": found}, "\n".join(lines))


def _lines(recipe: "Recipe") -> str:
    """Return every setting with its value."""
    from domainstudio.recipe.recipe import settings_of

    return "\n".join(f"{key}={value}" for key, value in settings_of(recipe).items())
