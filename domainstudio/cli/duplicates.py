"""`domainstudio duplicates`: find near-duplicates, see what a threshold removes, mark it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.corpus.duplicates.reasons import counted
from domainstudio.language import translate as _
from domainstudio.units import format_count, format_size

if TYPE_CHECKING:
    from domainstudio.project.project import Project
    from domainstudio.workflow.duplicates.marking import Marking, Preview


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    find = add_verb(verbs, "find", "compare every document with every other; nothing is removed", _find)
    find.add_argument("--thorough", action="store_true", help=_(
        "find more of the pairs below 0.8, in about one and a half times the time"))  # fmt: skip
    add_marking(find)
    add_detach(find)
    lists = add_verb(verbs, "list", "what a threshold would remove, by cluster", _list)
    add_marking(lists)
    lists.add_argument("--limit", type=int, default=20, help=_("how many clusters to list (20)"))
    add_marking(
        add_verb(verbs, "mark", "mark what a threshold removes; what was marked before is used", _mark)
    )
    add_verb(verbs, "unmark", "use every near-duplicate again", _unmark)
    check = add_verb(verbs, "contamination", "look for evaluation items in the corpus", _contamination)
    check.add_argument("file", type=Path, metavar="FILE", help=_(
        "JSON lines, each with a question and its choices (.jsonl, also .gz and .zst)"))  # fmt: skip
    check.add_argument("--name", help=_("name of the items; by default that of the file"))
    check.add_argument("--limit", type=int, default=10, help=_("how many items to list (10)"))
    add_detach(check)


def add_marking(parser: argparse.ArgumentParser) -> None:
    """Add what decides which documents are removed; what is not given is as it was marked last."""
    parser.add_argument("--threshold", type=float, help=_("least exact Jaccard similarity (0.8)"))
    parser.add_argument("--keep", choices=("longest", "first", "newest"), help=_(
        "which of two is kept: the longest, the one imported first, or the newest (longest)"))  # fmt: skip
    parser.add_argument("--prefer", action="append", metavar="SOURCE", help=_(
        "keep documents of this source before those of others; may be given again"))  # fmt: skip
    parser.add_argument("--within", action="store_true", help=_("compare within each source only"))


def marking_of(project: "Project", options: argparse.Namespace) -> "Marking":
    """Return the marking that is meant.

    Raises:
        UserError: a value is out of range.
    """
    from domainstudio.jobs.spec import parse_model
    from domainstudio.workflow.duplicates.finding import standing_marking
    from domainstudio.workflow.duplicates.marking import Marking

    given = {
        "threshold": options.threshold,
        "keep": options.keep,
        "sources": options.prefer,
        "scope": "within sources" if options.within else None,
    }
    values = standing_marking(project).model_dump() | {
        name: value for name, value in given.items() if value is not None
    }
    return parse_model(Marking, Marking.model_construct(**values).model_dump_json().encode(), "marking")


def _find(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.duplicates.finding import preview, search_of, start_find

    with open_project(options) as project:
        marking = marking_of(project, options)
        folder = start_find(project, thorough=options.thorough)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        summary = search_of(project).found.summary
        found = preview(project, marking)
    head = _("{pairs} pairs of {documents} documents are at least {floor} alike, of {candidates} compared.")
    words = head.format(
        pairs=format_count(summary.pairs),
        documents=format_count(summary.documents),
        floor=summary.settings.floor,
        candidates=format_count(summary.candidates),
    )
    document = {**summary.model_dump(mode="json"), "preview": _document(found)}
    return finished(folder, True, f"{words}\n{_words(found)}", document)


def _list(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.project.documents import rows_of
    from domainstudio.workflow.duplicates.finding import preview, search_of

    with open_project(options) as project:
        found, search = preview(project, marking_of(project, options)), search_of(project)
        clusters = search.clusters(found.removals)
        shown = min(options.limit, len(clusters.kept))
        ids = [int(search.found.ids[position]) for position in clusters.kept[:shown]]
        titles = {row.id: row.title for row in rows_of(project.connection, ids)}
    rows = [
        {"kept": identifier, "title": titles.get(identifier, "–"), "removed": removed, "least": least}
        for identifier, removed, least in zip(
            ids, clusters.removed[:shown].tolist(), clusters.least[:shown].tolist(), strict=True
        )
    ]
    body = [
        [str(row["kept"]), str(row["title"]), format_count(int(row["removed"])), f"{row['least']:.2f}"]
        for row in rows
    ]
    head = [_("Kept"), _("Document"), _("Removed"), _("Least")]
    document = {"preview": _document(found), "clusters": len(clusters.kept), "largest": rows}
    return Output(document, f"{_words(found)}\n{table(head, body, text_columns=2)}")


def _mark(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.duplicates.finding import mark

    with open_project(options) as project:
        found = mark(project, marking_of(project, options))
    words = _("{count} documents are marked; `domainstudio duplicates unmark` uses them again.")
    text = words.format(count=format_count(len(found.removals.documents)))
    return Output(_document(found), f"{text}\n{_words(found)}")


def _unmark(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.duplicates.finding import unmark

    with open_project(options) as project:
        unmark(project)
    return Output({"marked": 0}, _("No document is marked as a near-duplicate."))


def _contamination(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.corpus.finding import name_of
    from domainstudio.workflow.corpus.contamination import checked, start_check

    with open_project(options) as project:
        folder = start_check(project, options.file, options.name or name_of(options.file))
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        made = checked(folder)
    words = _(
        "{found} of {items} items occur in the corpus ({tokens} tokens or {characters} characters in a row); "
        "{short} are too short to tell."
    ).format(
        found=format_count(made.occurring),
        items=format_count(made.items),
        tokens=13,
        characters=50,
        short=format_count(made.too_short),
    )
    lines = [words]
    for one in made.found[: options.limit]:
        overlap = one.overlaps[0]
        lines.append(f"  {one.item + 1}: {one.text.splitlines()[0][:100]}")
        lines.append(f"      {overlap.document}: {overlap.text[:100]}")
    return finished(folder, True, "\n".join(lines), made.model_dump(mode="json"))


def _document(found: "Preview") -> dict[str, object]:
    return {
        "marking": found.marking.model_dump(mode="json"),
        "removed": len(found.removals.documents),
        "of": found.documents,
        "by_reason": found.by_reason,
        "bytes": found.bytes,
        "tokens": found.tokens,
        "expected_recall": found.recall,
    }


def _words(found: "Preview") -> str:
    words = _("At {threshold:.2f} {count} documents ({share:.1%}, {size}) go:").format(
        threshold=found.marking.threshold,
        count=format_count(len(found.removals.documents)),
        share=found.share,
        size=format_size(found.bytes),
    )
    lines = [words]
    lines += [f"  {counted(reason, count)}" for reason, count in found.by_reason.items()]
    if found.recall is not None:
        lines.append(
            _("Of the pairs so alike {share:.1%} are expected to be found.").format(share=found.recall)
        )
    return "\n".join(lines)
