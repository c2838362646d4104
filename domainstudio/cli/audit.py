"""`domainstudio audit`: judge a sample of the removals, and report what it says of all."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.duplicates import add_marking, marking_of
from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domainstudio.corpus.audit.difference import Block, Same
    from domainstudio.project.project import Project
    from domainstudio.workflow.duplicates.audit import Audit, PartRow
    from domainstudio.workflow.duplicates.judging import Pair

_QUEUES = ("random", "uncertain", "near_miss", "list", "second", "survivor")
_DECISIONS = ("accept", "reject", "keep", "split", "unsure")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    sample = add_verb(verbs, "sample", "what the random sample says of the removals", _sample)
    sample.add_argument("--by", choices=("similarity", "language", "source"), default="similarity", help=_(
        "what the removals are cut by (similarity)"))  # fmt: skip
    add_marking(sample)
    following = add_verb(verbs, "next", "the next pair or text that nobody judged yet", _next)
    _add_queue(following)
    add_marking(following)
    decide = add_verb(verbs, "decide", "say what is to become of a pair", _decide)
    decide.add_argument("removed", type=int, metavar="REMOVED", help=_("number of the removed document"))
    decide.add_argument("kept", type=int, nargs="?", metavar="KEPT", help=_(
        "number of the kept document; not for a survivor"))  # fmt: skip
    decide.add_argument("decision", choices=_DECISIONS, help=_(
        "accept: the removal is right; reject: keep both; keep: keep the removed one instead; "
        "split: it belongs to no cluster; unsure; of a survivor accept: fit to train on, "
        "reject: not"))  # fmt: skip
    decide.add_argument("--reviewer", help=_("who decides (you)"))
    _add_queue(decide)
    add_marking(decide)
    report = add_verb(verbs, "report", "write the audit report (.md or .json)", _report)
    report.add_argument("file", type=Path, metavar="FILE")
    add_marking(report)


def _add_queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", choices=_QUEUES, default="random", help=_(
        "random: for the estimate; uncertain: nearest to the threshold; near_miss: below it; list: all, "
        "the largest cluster first; second: what another judged, its verdict not shown; survivor: kept "
        "texts"))  # fmt: skip


def _open(project: "Project", options: argparse.Namespace) -> "Audit":
    from domainstudio.workflow.duplicates.audit import open_audit

    return open_audit(project, marking_of(project, options))


def _sample(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project

    with open_project(options) as project:
        found = _open(project, options)
        rows, needed = found.table(options.by), found.needed()
    parts = {"similarity": _("Similarity"), "language": _("Language"), "source": _("Source")}
    head = [parts[options.by], _("Pairs"), _("Checked"), _("Wrong"), _("Unsure"), _("Wrong (%)"), _("95 %")]
    text = table(head, [_cells(row, row is rows[-1]) for row in rows])
    if needed:
        more = _("{count} more pairs without an error allow to say: at least 99 % of the removals are right.")
        text += "\n" + more.format(count=format_count(needed))
    return Output({"strata": rows, "needed_for_99": needed}, text)


def _cells(row: "PartRow", is_total: bool) -> list[str]:
    estimate = row.estimate
    limits = estimate.interval
    is_checked = estimate.checked > 0
    return [
        _("all, weighted") if is_total else row.part,
        format_count(estimate.size),
        _("{checked} of {drawn}").format(
            checked=format_count(estimate.checked), drawn=format_count(row.drawn)
        ),
        format_count(estimate.wrong),
        format_count(estimate.unsure),
        f"{100 * estimate.share:.1f}" if is_checked and estimate.share is not None else "-",
        f"{100 * limits.low:.1f} – {100 * limits.high:.1f}" if is_checked else "-",
    ]


def _next(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.corpus.audit.difference import collapsed, difference
    from domainstudio.workflow.duplicates.judging import pair

    with open_project(options) as project:
        found = _open(project, options)
        queue = found.queue(options.queue)
        place = found.place_of_next(queue)
        if place is None:
            return Output(None, _("Everything in this queue is judged."))
        shown = pair(project, found, queue, place)
    if shown.kept is None:
        return _alone(shown)
    left, right = shown.removed.text, shown.kept.text
    parts = collapsed(difference(left, right), left)
    head = _("Removed {removed}, kept {kept}, similarity {similarity:.3f}: {title}").format(
        removed=shown.row.removed, kept=shown.row.kept, similarity=shown.row.similarity, title=shown.row.title
    )
    document = {"pair": shown.row, "removed": left, "kept": right, "difference": parts}
    return Output(document, f"{head}\n\n{_in_one(parts, left, right)}")


def _alone(shown: "Pair") -> Output:
    document, row = shown.removed, shown.row
    head = _("Kept document {document} of {source}: {title}").format(
        document=row.removed, source=document.source, title=row.title
    )
    return Output({"pair": row, "text": document.text}, f"{head}\n\n{document.text}")


def _in_one(parts: "Sequence[Block | Same]", left: str, right: str) -> str:
    """Return both texts in one: [-what goes-]{+what comes+}, what is the same left out."""
    from domainstudio.corpus.audit.difference import Same

    made = []
    for part in parts:
        before, after = left[slice(*part.left)], right[slice(*part.right)]
        if isinstance(part, Same):
            words = _("{paragraphs} paragraphs, {characters} characters, the same")
            folded = words.format(
                paragraphs=format_count(part.paragraphs), characters=format_count(part.characters)
            )
            made.append(f"\n… {folded} …\n")
        elif part.weight is None:
            made.append(after)
        else:
            made += [f"[-{before}-]" if before else "", f"{{+{after}+}}" if after else ""]
    return "".join(made)


def _decide(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.corpus.audit.verdicts import account_name
    from domainstudio.workflow.duplicates.judging import decide, place_of

    reviewer = options.reviewer if options.reviewer is not None else account_name()
    with open_project(options) as project:
        found = _open(project, options)
        queue = found.queue(options.queue)
        place = place_of(found, queue, options.removed, options.kept)
        verdict = decide(project, found, queue, place, options.decision, reviewer)
    words = _("{decision}: {removed} against {kept}, by {reviewer}.")
    if verdict.kept is None:
        words = _("{decision}: {removed}, by {reviewer}.")
    text = words.format(
        decision=_(options.decision), removed=options.removed, kept=options.kept, reviewer=reviewer
    )
    return Output({"decision": verdict.decision, "queue": verdict.queue, "reviewer": verdict.reviewer}, text)


def _report(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.duplicates.judging import write_report

    with open_project(options) as project:
        write_report(project, marking_of(project, options), options.file)
    return Output({"file": str(options.file)}, _("Wrote {file}.").format(file=options.file))
