"""`domainstudio corpus`: import documents, and the table of what there is."""

import argparse
from pathlib import Path

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    read = add_verb(verbs, "import", "import files and folders into a source", _import)
    read.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help=_("files or folders: .txt .jsonl, each also .gz")
    )
    read.add_argument("--role", required=True, choices=("domain", "general", "task", "instruction"), help=_(
        "domain: the field; general: not to be forgotten; task, instruction: for later stages"))  # fmt: skip
    read.add_argument("--name", help=_("name of the source; by default that of the first path"))
    read.add_argument(
        "--text-field", default="text", help=_("field of a JSON line that holds the document (text)")
    )
    read.add_argument("--reader", choices=("auto", "docstrings"), default="auto", help=_(
        "docstrings: the docstrings of Python sources, one document each"))  # fmt: skip
    add_detach(read)
    add_verb(verbs, "table", "documents, characters and tokens of every source", _table)


def _import(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.corpus.readers import ReaderSettings
    from domainstudio.workflow.corpus import start_import, summary_of

    name = options.name or options.paths[0].resolve().name.split(".")[0]
    settings = ReaderSettings(reader=options.reader, text_field=options.text_field)
    with open_project(options) as project:
        folder = start_import(project, options.paths, name, options.role, settings)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        summary = summary_of(folder)
        text = _("{source}: {documents} documents from {files} files, {rejected} rejected.").format(
            source=name,
            documents=format_count(summary.documents),
            files=format_count(summary.files),
            rejected=format_count(sum(summary.rejected.values())),
        )
        for item in summary.listed_rejections[:10]:
            text += f"\n  {item.origin}:{item.position}: {_(item.reason)} {item.detail}".rstrip()
        return finished(folder, True, text, summary)


def _table(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.corpus import TableRow
    from domainstudio.workflow.corpus import table as corpus_table

    def cells(row: TableRow) -> list[str]:
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
            format_count(counts.duplicates + counts.held_out_copies),
            format_count(counts.rejected),
        ]

    with open_project(options) as project:
        rows = corpus_table(project)
    head = [
        _("Source"), _("Role"), _("Documents"), _("Characters/document"), _("Characters"),
        _("Characters/token"), _("Tokens"), _("Share"), _("Held out"), _("Copies marked"), _("Rejected"),
    ]  # fmt: skip
    return Output(rows, table(head, [cells(row) for row in rows], text_columns=2))
