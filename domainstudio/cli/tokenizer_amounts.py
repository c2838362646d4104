"""`domainstudio tokenizer amount`: how much text a number of tokens, words or books is."""

import argparse

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import parse_count

_UNITS = ("tokens", "bytes", "characters", "words", "unspaced", "sentences", "books")


def add_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    amount = add_verb(verbs, "amount", "say how much text a number of tokens, words or books is", _amount)
    amount.add_argument("amount", metavar="AMOUNT", help=_("how much, such as 100M"))
    amount.add_argument("--unit", choices=_UNITS, default="tokens", help=_(
        "of the amount (tokens); unspaced: characters of scripts without word spaces"))  # fmt: skip


def _amount(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.tokenizer.arithmetic import UNITS
    from domainstudio.workflow.tokenizer.amount_words import amount_text, name_words, note_words, unit_words
    from domainstudio.workflow.tokenizer.text_amounts import amounts

    with open_project(options) as project:
        found = amounts(project, parse_count(options.amount, "amount"), options.unit)
    rows = [
        [name_words(one.ratios.name), *(amount_text(one.units.get(unit)) for unit in UNITS)] for one in found
    ]
    head = [_("Source"), *(unit_words(unit) for unit in UNITS)]
    is_measured = bool(found) and found[0].is_measured
    return Output(found, table(head, rows) + "\n\n" + note_words(is_measured))
