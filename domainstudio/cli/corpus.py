"""`domainstudio corpus`: import documents, and the table of what there is."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli import corpus_browsing
from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count, parse_count

if TYPE_CHECKING:
    from domainstudio.corpus.facts import ImportSummary
    from domainstudio.jobs.folder import JobFolder
    from domainstudio.project.project import Project
    from domainstudio.workflow.corpus.importing import ImportAccount
    from domainstudio.workflow.corpus.sources import TableRow

_SHOWN_REJECTIONS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    read = add_verb(verbs, "import", "import files and folders into a source", _import)
    read.add_argument("paths", type=Path, nargs="+", metavar="PATH", help=_(
        "files, folders or patterns (data/**/*.csv): .txt .md .jsonl .csv .html, each also .gz and .zst; "
        ".parquet .arrow .feather .zip; folders saved by datasets"))  # fmt: skip
    read.add_argument("--role", required=True, choices=("domain", "general", "task", "instruction"), help=_(
        "domain: the field; general: not to be forgotten; task, instruction: for later stages"))  # fmt: skip
    read.add_argument("--name", help=_("name of the source; by default that of the first path"))
    read.add_argument(
        "--text-field", default="text", help=_("field or column that holds the document (text)")
    )
    read.add_argument("--html", choices=("fast", "thorough"), default="fast", help=_(
        "fast: all text but menus and the like; thorough: looks for the article, much slower"))  # fmt: skip
    read.add_argument("--reader", choices=("auto", "docstrings"), default="auto", help=_(
        "docstrings: the docstrings of Python sources, one document each"))  # fmt: skip
    add_detach(read)
    sample = add_verb(
        verbs, "sample", "take technical English found on this machine as general text", _sample
    )
    sample.add_argument("--name", default="technical-english", help=_("name of the source"))
    add_detach(sample)
    write = add_verb(verbs, "generate", "let the base model write general text", _generate)
    write.add_argument("--tokens", default="200k", help=_("tokens to write (200k)"))
    write.add_argument("--from", dest="origin", default="base", metavar="base|RUN[@STEP]", help=_(
        "the model that writes (base)"))  # fmt: skip
    write.add_argument("--name", default="generated", help=_("name of the source"))
    add_verb(verbs, "table", "documents, characters and tokens of every source", _table)
    corpus_browsing.add_arguments(verbs)


def _import(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.corpus.finding import name_of
    from domainstudio.corpus.readers import ReaderSettings
    from domainstudio.workflow.corpus.importing import start_import

    name = options.name or name_of(options.paths[0])
    settings = ReaderSettings(reader=options.reader, text_field=options.text_field, html=options.html)
    with open_project(options) as project:
        folder = start_import(project, options.paths, name, options.role, settings)
        return _imported(project, folder, name, options)


def _sample(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.importing import start_sample

    with open_project(options) as project:
        return _imported(project, start_sample(project, options.name), options.name, options)


def _generate(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.corpus.generation import import_generated, start_generation, written_already

    with open_project(options) as project:
        tokens = parse_count(options.tokens, "tokens")
        written = written_already(project, tokens, origin=options.origin)
        written = written or start_generation(project, tokens, origin=options.origin)
        if not run_job(project, written, options):
            return finished(written, False, "")
        folder = import_generated(project, written.job_id, options.name)
        return _imported(project, folder, options.name, options)


def _imported(project: "Project", folder: "JobFolder", name: str, options: argparse.Namespace) -> Output:
    """Follow an import to its end and give its account."""
    from domainstudio.cli.following import finished, run_job
    from domainstudio.workflow.corpus.importing import account_of, summary_of

    if not run_job(project, folder, options):
        return finished(folder, False, "")
    summary, account = summary_of(folder), account_of(project, folder)
    text = "\n".join(_account_words(name, summary, account))
    return finished(folder, True, text, {**summary.model_dump(mode="json"), "account": account})


def _account_words(name: str, summary: "ImportSummary", account: "ImportAccount") -> Iterator[str]:
    yield _("{source}: {files} files, {characters} characters.").format(
        source=name, files=format_count(summary.files), characters=format_count(summary.characters)
    )
    yield _("documents read {read} = kept {kept} + marked as copies {marked} + rejected {rejected}").format(
        read=format_count(account.read),
        kept=format_count(account.kept),
        marked=format_count(account.marked),
        rejected=format_count(account.rejected),
    )
    if summary.stored_documents != summary.documents:
        yield _("stored in {pieces} pieces, so that passages could be held out").format(
            pieces=format_count(summary.stored_documents)
        )
    for reason, count in sorted(summary.rejected.items(), key=lambda item: -item[1]):
        yield f"  {_(reason)}: {format_count(count)}"
    for item in summary.listed_rejections[:_SHOWN_REJECTIONS]:
        yield f"  {item.origin}:{item.position}: {_(item.reason)} {item.detail}".rstrip()
    if account.rejected > _SHOWN_REJECTIONS:
        yield _("  … and {number} more").format(number=format_count(account.rejected - _SHOWN_REJECTIONS))


def _table(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus.sources import table as corpus_table

    def cells(row: "TableRow") -> list[str]:
        counts = row.counts
        return [
            counts.name,
            _(counts.role),
            format_count(counts.training_documents),
            format_count(counts.training_characters / max(1, counts.training_documents)),
            format_count(counts.training_characters),
            f"{row.characters_per_token:.2f}" if row.characters_per_token else "-",
            format_count(row.tokens) if row.tokens is not None else "-",
            f"{row.share:.1%}" if row.share is not None else "-",
            format_count(counts.held_out_documents),
            format_count(counts.marked),
            format_count(counts.rejected),
        ]

    with open_project(options) as project:
        rows = corpus_table(project)
    head = [
        _("Source"), _("Role"), _("Documents"), _("Characters/document"), _("Characters"),
        _("Characters/token"), _("Tokens"), _("Share"), _("Held out"), _("Copies marked"), _("Rejected"),
    ]  # fmt: skip
    body = [cells(row) for row in rows]
    return Output(rows, table(head, [*body, _total(rows)] if len(rows) > 1 else body, text_columns=2))


def _total(rows: "list[TableRow]") -> list[str]:
    """Return the cells of all sources together; shares and token ratios need every source packed."""
    counts = [row.counts for row in rows]
    documents = sum(count.training_documents for count in counts)
    characters = sum(count.training_characters for count in counts)
    tokens = sum(row.tokens or 0 for row in rows) if all(row.tokens is not None for row in rows) else 0
    return [
        _("total"),
        "",
        format_count(documents),
        format_count(characters / max(1, documents)),
        format_count(characters),
        f"{characters / tokens:.2f}" if tokens else "-",
        format_count(tokens) if tokens else "-",
        f"{1:.1%}" if tokens else "-",
        format_count(sum(count.held_out_documents for count in counts)),
        format_count(sum(count.marked for count in counts)),
        format_count(sum(count.rejected for count in counts)),
    ]
