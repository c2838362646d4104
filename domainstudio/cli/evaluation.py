"""`domainstudio evaluation`: what a run changed, source by source."""

import argparse

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_change


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    show = add_verb(verbs, "table", "held-out loss of every source: base, run and control", _table)
    show.add_argument("run", metavar="RUN", help=_("the run"))


def _table(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.runs.interventions import facts_words
    from domainstudio.workflow.runs.run_list import RunList
    from domainstudio.workflow.training.starting import run_spec

    with open_project(options) as project:
        run_spec(project, options.run)
        runs = RunList(project)
        runs.refresh()
        row = runs.row(options.run)
        found = runs.changes_of(options.run)
        last = max((change.step for change in found), default=0)
        of_control = runs.changes_of(row.control, last) if row.control else []
        control = {change.source: change for change in of_control}
    rows = [
        [
            change.source, _(change.role), f"{change.base_nats:.3f}", f"{change.nats:.3f}",
            format_change(change.change_nats), _percent(change.change_percent),
            f"{control[change.source].nats:.3f}" if change.source in control else "-",
            f"{change.base_bits:.3f}", f"{change.bits:.3f}",
        ]
        for change in found
    ]  # fmt: skip
    head = [
        _("Source"), _("Role"), _("Base (nats a token)"), _("After (nats a token)"), _("Change"), _("in %"),
        _("Control (nats a token)"), _("Base (bits a byte)"), _("After (bits a byte)"),
    ]  # fmt: skip
    parts = [table(head, rows, text_columns=2)]
    if row.outcome.forgetting is not None:
        words = _("Forgetting {change} nats a token, {percent}; perplexity of general text × {ratio:.3f}.")
        parts.append(
            words.format(
                change=format_change(row.outcome.forgetting),
                percent=_percent(row.outcome.forgetting_percent),
                ratio=row.outcome.perplexity_ratio,
            )
        )
    parts += [words for words in (facts_words(row),) if words]
    return Output({"run": row, "sources": found}, "\n".join(parts))


def _percent(value: float | None) -> str:
    return "-" if value is None else _("{percent} %").format(percent=f"{value:+.1f}")
