"""`domainstudio mixture`: how much of each source a run sees."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, parse_count

if TYPE_CHECKING:
    from domainstudio.mixture.amount import TextAmount
    from domainstudio.mixture.shares import Mixture, Portion
    from domainstudio.workflow.tokenizer.packing import Fertility


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    put = add_verb(verbs, "set", "set shares and tokens", _set)
    wish = put.add_mutually_exclusive_group(required=True)
    wish.add_argument("--share", action="append", metavar="NAME=0.5", help=_(
        "share of a source; repeat for each; normalised to 1"))  # fmt: skip
    wish.add_argument("--preset", metavar="NAME", help=_(
        "general text as in a published mixture; the proportions on each side stay"))  # fmt: skip
    put.add_argument("--lock", action="append", default=[], metavar="NAME", help=_(
        "the window leaves this source's share where it is; repeat for each"))  # fmt: skip
    put.add_argument("--tokens", required=True, help=_("tokens of the run, such as 20M"))
    put.add_argument("--max-epochs", type=float, default=1.0, help=_("how often a source may repeat (1)"))
    put.add_argument("--name", default="default", help=_("name of the mixture"))
    presets = add_verb(verbs, "presets", "published mixtures with reasons, sources and caveats", _presets)
    presets.add_argument("--name", default="default", help=_("name of the mixture"))
    show = add_verb(verbs, "show", "show a mixture: tokens, epochs and shortfall of each source", _show)
    show.add_argument("--name", default="default", help=_("name of the mixture"))


def _set(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project, warn_if_blind
    from domainstudio.mixture.shares import Mixture
    from domainstudio.workflow.planning import preset_shares, set_mixture
    from domainstudio.workflow.tokenizer.packing import fertility

    if not 0 < options.max_epochs < float("inf"):
        raise UserError(Problem("mixture.bad_epochs", "max-epochs", {"value": options.max_epochs}))
    typed = dict(_share(text) for text in options.share or [])
    tokens = parse_count(options.tokens, "tokens")
    with open_project(options) as project:
        shares = typed or preset_shares(project, options.preset, options.name)
        mixture = Mixture(
            shares=shares, tokens=tokens, max_epochs=options.max_epochs, locked=tuple(sorted(options.lock))
        )
        portions = set_mixture(project, mixture, options.name)
        warn_if_blind(project)
        return _output(mixture, portions, fertility(project))


def _show(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project, warn_if_blind
    from domainstudio.workflow.planning import mixture_of, portions_of
    from domainstudio.workflow.tokenizer.packing import fertility

    with open_project(options) as project:
        mixture = mixture_of(project, options.name)
        warn_if_blind(project)
        return _output(mixture, portions_of(project, mixture), fertility(project))


def _presets(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.mixture.notations import ratio_words
    from domainstudio.mixture.presets import PRESETS
    from domainstudio.workflow.planning import preset_shares

    words = _(
        "{name}: {title}, general {ratio} domain, replay {replay:.1%} ({source})\n  {reason}\n  {caveat}"
    )
    with open_project(options) as project:
        shares = {name: preset_shares(project, name, options.name) for name in PRESETS}
    parts = []
    for preset in PRESETS.values():
        given = " ".join(f"{name}={share:.1%}" for name, share in shares[preset.name].items())
        text = words.format(
            name=preset.name,
            title=_(preset.title),
            ratio=ratio_words(preset.replay),
            replay=preset.replay,
            source=preset.source,
            reason=_(preset.reason),
            caveat=_(preset.caveat),
        )
        parts.append(f"{text}\n  {given}")
    document = [{**asdict(preset), "shares": shares[preset.name]} for preset in PRESETS.values()]
    return Output(document, "\n".join(parts))


def _share(text: str) -> tuple[str, float]:
    """Return (source, share) of NAME=0.5 or NAME=50%."""
    name, _equals, value = text.rpartition("=")
    try:
        number = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        name = ""
    if not name:
        raise UserError(Problem("mixture.share_form", "share", {"value": text}))
    return name, number


def _output(mixture: "Mixture", portions: "list[Portion]", measured: "list[Fertility]") -> Output:
    from domainstudio.mixture.notations import notations
    from domainstudio.workflow.planning import text_amount

    rows = [
        [portion.source, _(portion.role), f"{portion.share:.1%}", format_count(portion.tokens),
         format_count(portion.available), f"{portion.epochs:.2f}", format_count(portion.shortfall)]
        for portion in portions
    ]  # fmt: skip
    head = [_("Source"), _("Role"), _("Share"), _("Tokens"), _("Available"), _("Epochs"), _("Shortfall")]
    found, text = notations(portions), text_amount(portions, measured)
    lines = [table(head, rows, text_columns=2), " = ".join(found.words())]
    if text is not None:
        lines.append(_amount_words(text))
    document = {"mixture": mixture, "portions": portions, "notations": found, "text": text}
    return Output(document, "\n".join(lines))


def _amount_words(text: "TextAmount") -> str:
    """Return how much text that is, as measured on the sources."""
    parts = [_("{count} characters").format(count=format_count(text.characters))]
    if text.words:
        parts.append(_("{count} words").format(count=format_count(text.words)))
    if text.unspaced:
        parts.append(_("{count} Chinese characters").format(count=format_count(text.unspaced)))
    parts.append(_("{count:,.1f} books").format(count=text.books))
    return " = ".join(parts)
