"""`domainstudio mixture`: how much of each source a run sees."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, parse_count

if TYPE_CHECKING:
    from domainstudio.mixture.shares import Mixture, Portion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    put = add_verb(verbs, "set", "set shares and tokens", _set)
    put.add_argument(
        "--share", action="append", required=True, metavar="NAME=0.5",
        help=_("share of a source; repeat for each; normalised to 1"),
    )  # fmt: skip
    put.add_argument("--tokens", required=True, help=_("tokens of the run, such as 20M"))
    put.add_argument("--max-epochs", type=float, default=1.0, help=_("how often a source may repeat (1)"))
    put.add_argument("--name", default="default", help=_("name of the mixture"))
    show = add_verb(verbs, "show", "show a mixture: tokens, epochs and shortfall of each source", _show)
    show.add_argument("--name", default="default", help=_("name of the mixture"))


def _set(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project, warn_if_blind
    from domainstudio.mixture.shares import Mixture
    from domainstudio.workflow.planning import set_mixture

    if not 0 < options.max_epochs < float("inf"):
        raise UserError(Problem("mixture.bad_epochs", "max-epochs", {"value": options.max_epochs}))
    shares = dict(_share(text) for text in options.share)
    tokens = parse_count(options.tokens, "tokens")
    mixture = Mixture(shares=shares, tokens=tokens, max_epochs=options.max_epochs)
    with open_project(options) as project:
        portions = set_mixture(project, mixture, options.name)
        warn_if_blind(project)
        return _output(mixture, portions)


def _show(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project, warn_if_blind
    from domainstudio.workflow.planning import mixture_of, portions_of

    with open_project(options) as project:
        mixture = mixture_of(project, options.name)
        warn_if_blind(project)
        return _output(mixture, portions_of(project, mixture))


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


def _output(mixture: "Mixture", portions: "list[Portion]") -> Output:
    rows = [
        [portion.source, _(portion.role), f"{portion.share:.1%}", format_count(portion.tokens),
         format_count(portion.available), f"{portion.epochs:.2f}", format_count(portion.shortfall)]
        for portion in portions
    ]  # fmt: skip
    head = [_("Source"), _("Role"), _("Share"), _("Tokens"), _("Available"), _("Epochs"), _("Shortfall")]
    from domainstudio.mixture.notations import notations

    found = notations(portions)
    lines = [table(head, rows, text_columns=2), " = ".join(found.words())]
    return Output({"mixture": mixture, "portions": portions, "notations": found}, "\n".join(lines))
