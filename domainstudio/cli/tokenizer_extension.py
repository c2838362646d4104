"""`domainstudio tokenizer extend`: pieces of the field for the vocabulary, and the base grown with it."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count

if TYPE_CHECKING:
    from domainstudio.tokenizer.extension.report import ExtensionReport


def add_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verbs."""
    extend = add_verb(verbs, "extend", "add pieces of the field to the base's vocabulary", _extend)
    extend.add_argument("--tokens", default="2000", help=_("new tokens at most (2000)"))
    extend.add_argument(
        "--all", action="store_true", dest="keeps_all", help=_("keep them all, also where more stop paying")
    )
    add_detach(extend)
    grow = add_verb(verbs, "grow", "give the base rows for its new tokens, and train from it", _grow)
    grow.add_argument("--back", action="store_true", help=_("go back to the base before, and its vocabulary"))
    add_detach(grow)


def _extend(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.units import parse_count
    from domainstudio.workflow.tokenizer.extending import extension_of, start_extension

    with open_project(options) as project:
        pieces = parse_count(options.tokens, "tokens")
        folder = start_extension(project, pieces, keeps_all=options.keeps_all)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        report = extension_of(folder)
    return finished(folder, True, report_text(report), report)


def _grow(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer.extension_words import growth_words
    from domainstudio.workflow.tokenizer.growing import go_back, growth_of, start_growing

    with open_project(options) as project:
        if options.back:
            row = go_back(project)
            words = _("The base before is the project's again, with its vocabulary of {size} entries.")
            return Output(row, words.format(size=format_count(row.vocabulary)))
        folder = start_growing(project)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        growth = growth_of(folder)
    return finished(folder, True, growth_words(growth), growth)


def report_text(report: "ExtensionReport") -> str:
    """Return an extension as its verdict, its curve, and what it does to each source."""
    from domainstudio.workflow.tokenizer.extension_words import facts_words, verdict_words

    curve = [
        [format_count(gain.pieces), format_count(gain.domain),
         f"{100 * (1 - gain.domain / max(1, report.gains[0].domain)):.2f} %", format_count(gain.general)]
        for gain in report.gains
    ]  # fmt: skip
    rows = [
        [
            one.name,
            _(one.role),
            format_count(one.before),
            format_count(one.after),
            f"{100 * one.saving:.2f} %",
        ]
        for one in report.sources
    ]
    return "\n\n".join([
        verdict_words(report),
        table([_("New tokens"), _("Tokens of the field"), _("Saved"), _("Tokens of general text")], curve, 0),
        table([_("Source"), _("Role"), _("Tokens before"), _("Tokens after"), _("Saved")], rows, 2),
        facts_words(report),
    ])  # fmt: skip
