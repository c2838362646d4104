"""`domainstudio tokenizer compare`: tokenizers beside each other on every source."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count

if TYPE_CHECKING:
    from domainstudio.tokenizer.comparison.table import Comparison
    from domainstudio.tokenizer.comparison.terms import Term

_SHOWN_TERMS = 15


def add_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    compare = add_verb(verbs, "compare", "cut a sample of every source by several tokenizers", _compare)
    compare.add_argument(
        "--tokenizer",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help=_("a tokenizer.json, a SentencePiece .model, or a folder with either; may be repeated"),
    )
    compare.add_argument(
        "--reference",
        default="",
        metavar="NAME",
        help=_("the tokenizer that others are measured by (the project's)"),
    )
    compare.add_argument(
        "--sample", default="2M", metavar="BYTES", help=_("bytes of each source at most (2M)")
    )
    add_detach(compare)
    need = add_verb(verbs, "need", "say whether this corpus needs training, or another vocabulary", _need)
    need.add_argument(
        "--measure-base", action="store_true", help=_("first score the base on held-out text, with its model")
    )


def _compare(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.units import parse_count
    from domainstudio.workflow.tokenizer.comparing import comparison_of, start_comparison

    with open_project(options) as project:
        size_bytes = parse_count(options.sample, "sample")
        folder = start_comparison(project, options.tokenizer, options.reference, size_bytes)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        found = comparison_of(folder)
    return finished(folder, True, comparison_text(found), found)


def _need(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project, run_job
    from domainstudio.problems import Problem, UserError
    from domainstudio.workflow.tokenizer.comparing import start_comparison
    from domainstudio.workflow.tokenizer.need import need_of, start_scoring
    from domainstudio.workflow.tokenizer.need_words import number_words, verdict_words

    with open_project(options) as project:
        if need_of(project) is None:
            run_job(project, start_comparison(project), options)
        if options.measure_base:
            run_job(project, start_scoring(project), options)
        need = need_of(project)
    if need is None:
        raise UserError(Problem("tokenizer.no_field", None, {"project": str(options.project)}))
    parts = [verdict_words(need), "\n".join(number_words(need))]
    if need.new_terms:
        parts.append(_("New terms of the field") + "\n" + terms_table(need.new_terms[:_SHOWN_TERMS]))
    return Output({"result": {"verdict": need.verdict, "need": need}}, "\n\n".join(parts))


def comparison_text(found: "Comparison") -> str:
    """Return a comparison as tables: what each source comes to, and the terms that are cut worst."""
    parts = [_sizes(found)]
    for number, source in enumerate(found.sources):
        words = _(
            "{source} ({role}): one document in {every}, {documents} documents, {characters} characters"
        )
        title = words.format(
            source=source.name,
            role=_(source.role),
            every=format_count(source.every),
            documents=format_count(source.documents),
            characters=format_count(source.characters),
        )
        parts.append(title + "\n" + _source(found, number))
    for one in found.tokenizers[:1]:  # --json has those of all
        if one.worst_terms:
            title = _("Terms whose cutting costs the most tokens, by {tokenizer}").format(tokenizer=one.name)
            parts.append(title + "\n" + terms_table(one.worst_terms[:_SHOWN_TERMS]))
    return "\n\n".join(parts)


def terms_table(terms: "Sequence[Term]") -> str:
    """Return terms with their frequency and their pieces."""
    rows = [
        [term.text, "|".join(term.pieces), format_count(term.count), f"{term.per_million_domain:.1f}",
         f"{term.per_million_general:.1f}"]
        for term in terms
    ]  # fmt: skip
    head = [_("Term"), _("Pieces"), _("Count"), _("A million characters"), _("In general text")]
    return table(head, rows, text_columns=2)


def _sizes(found: "Comparison") -> str:
    rows = []
    for number, one in enumerate(found.tokenizers):
        total = found.total(number)
        rows.append([one.name, one.kind, format_count(one.size), format_count(total.tokens),
                     _decimals(total.percent, 0, " %")])  # fmt: skip
    head = [_("Tokenizer"), _("Kind"), _("Entries"), _("Tokens of all sources, about"), _("Of the reference")]
    return table(head, rows, text_columns=2)


def _source(found: "Comparison", source: int) -> str:
    rows = []
    for number, one in enumerate(found.tokenizers):
        measure, row = one.measures[source], found.row(number, source)
        rows.append([
            one.name, format_count(row.tokens), _decimals(row.percent, 0, " %"),
            _decimals(measure.bytes_per_token), _decimals(measure.tokens_per_word),
            _decimals(measure.tokens_per_unspaced), _share(measure.continued_share),
            _share(measure.single_byte_share), _decimals(measure.renyi_efficiency, 3),
        ])  # fmt: skip
    head = [
        _("Tokenizer"), _("Tokens, about"), _("Of the reference"), _("Bytes/token"), _("Tokens/word"),
        _("Tokens/Chinese character"), _("Cut words"), _("Single bytes"), _("Rényi efficiency"),
    ]  # fmt: skip
    return table(head, rows)


def _decimals(value: float | None, digits: int = 2, sign: str = "") -> str:
    return f"{value:.{digits}f}{sign}" if value is not None else "-"


def _share(value: float | None) -> str:
    return f"{100 * value:.1f} %" if value is not None else "-"
