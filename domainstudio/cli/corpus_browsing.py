"""More verbs of `domainstudio corpus`: its documents, what was rejected, whether it is ready, and edits."""

import argparse
from itertools import islice
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_verb, table
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count

if TYPE_CHECKING:
    from domainstudio.project.documents import DocumentFilter, DocumentRow
    from domainstudio.project.project import Project

_ROLES = ("domain", "general", "task", "instruction")


def add_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verbs."""
    lists = add_verb(verbs, "documents", "list documents by source, state or text", _documents)
    _add_source(lists)
    lists.add_argument("--state", default="kept", help=_(
        "kept, training, held_out, all, or the reason of a mark such as duplicate (kept)"))  # fmt: skip
    lists.add_argument("--search", default="", metavar="TEXT", help=_("only documents that hold this text"))
    lists.add_argument("--sort", choices=("position", "characters", "title"), default="position")
    lists.add_argument("--descending", action="store_true", help=_("the last first"))
    lists.add_argument("--limit", type=int, default=20, help=_("how many to list (20)"))
    text = add_verb(verbs, "text", "print the text of one document", _text)
    text.add_argument("document", type=int, metavar="ID")
    _add_source(add_verb(verbs, "rejections", "what an import could not use, and why", _rejections))
    add_verb(verbs, "readiness", "whether there is enough of what training needs", _readiness)
    rename = add_verb(verbs, "rename", "give a source another name", _rename)
    rename.add_argument("source", metavar="SOURCE")
    rename.add_argument("name", metavar="NAME")
    role = add_verb(verbs, "role", "give a source another role", _role)
    role.add_argument("source", metavar="SOURCE")
    role.add_argument("role", choices=_ROLES)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", help=_("only of this source"))


def _documents(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.project.corpus import sources
    from domainstudio.project.documents import listing, walk

    with open_project(options) as project:
        wanted = _filter(project, options)
        if options.search or options.sort != "position" or options.descending:
            total, rows = _searched(project, wanted, options)
        else:
            total = listing(project.connection, wanted).total
            rows = list(islice(walk(project.connection, wanted), options.limit))
        names = {source.id: source.name for source in sources(project.connection)}
    body = [
        [str(row.id), names[row.source_id], row.state, row.title, format_count(row.characters)]
        for row in rows
    ]
    head = [_("Number"), _("Source"), _("State"), _("Document"), _("Characters")]
    foot = _("{shown} of {total} documents").format(shown=format_count(len(rows)), total=format_count(total))
    document = {"total": total, "documents": rows}
    return Output(document, f"{table(head, body, text_columns=4)}\n{foot}")


def _filter(project: "Project", options: argparse.Namespace) -> "DocumentFilter":
    from domainstudio.project.documents import KEPT, DocumentFilter, state_counts
    from domainstudio.workflow.corpus.sources import source_named

    states = {"kept": KEPT, "all": ()}.get(options.state, (options.state,))
    known = [*KEPT, *sorted({count.state for count in state_counts(project.connection)} - {*KEPT})]
    for state in states:
        if state not in known:
            params = {"state": state, "known": ", ".join(["kept", "all", *known])}
            raise UserError(Problem("corpus.unknown_state", "state", params))
    source = source_named(project, options.source) if options.source else None
    return DocumentFilter(source.id if source else None, states)


def _searched(
    project: "Project", wanted: "DocumentFilter", options: argparse.Namespace
) -> "tuple[int, list[DocumentRow]]":
    from domainstudio.cli.following import follow_job
    from domainstudio.workflow.corpus.search import end_search, found, start_search

    folder = start_search(project, wanted, options.search, options.sort, descending=options.descending)
    if not follow_job(project, folder, folder.job_id):
        return 0, []
    result = found(folder)
    total, rows = result.total, result.page(project, 0, options.limit)
    end_search(folder)
    return total, rows


def _text(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.sources import read_document

    with open_project(options) as project:
        document = read_document(project, options.document)
    return Output(document, document.text)


def _rejections(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.project.corpus import rejections, sources
    from domainstudio.workflow.corpus.sources import source_named

    with open_project(options) as project:
        source = source_named(project, options.source) if options.source else None
        found = rejections(project.connection, source.id if source else None)
        names = {source.id: source.name for source in sources(project.connection)}
    lines = []
    for one in found:
        lines.append(f"{names[one.source_id]}: {format_count(sum(one.counts.values()))}")
        lines += [f"  {_(reason)}: {format_count(count)}" for reason, count in one.counts.items()]
        lines += [
            f"  {record.origin}:{record.position}: {_(record.reason)} {record.detail}".rstrip()
            for record in one.listed
        ]
    return Output(found, "\n".join(lines))


def _readiness(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.readiness import read, words

    with open_project(options) as project:
        findings = read(project)
    marks = {"ok": "+", "note": "·", "attention": "!"}
    return Output(findings, "\n".join(f"{marks[one.severity]} {words(one)}" for one in findings))


def _rename(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.sources import rename_source

    with open_project(options) as project:
        rename_source(project, options.source, options.name)
    text = _("{source} is called {name} now.").format(source=options.source, name=options.name)
    return Output({"name": options.name}, text)


def _role(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.sources import set_role

    with open_project(options) as project:
        set_role(project, options.source, options.role)
    text = _("{source} has the role {role} now.").format(source=options.source, role=_(options.role))
    return Output({"role": options.role}, text)
