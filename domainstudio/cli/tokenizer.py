"""`domainstudio tokenizer`: pack the corpus, and what one token of it is; the other verbs are beside this."""

import argparse

from domainstudio.cli import (
    tokenizer_amounts,
    tokenizer_comparison,
    tokenizer_extension,
    tokenizer_training,
)
from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    tokenizer_training.add_arguments(verbs)
    add_detach(add_verb(verbs, "pack", "encode every source into token files", _pack))
    add_verb(verbs, "table", "tokens, and how much text one holds, of every source", _table)
    tokenizer_comparison.add_arguments(verbs)
    tokenizer_extension.add_arguments(verbs)
    tokenizer_amounts.add_arguments(verbs)
    pieces = add_verb(verbs, "pieces", "show how a text is cut", _pieces)
    given = pieces.add_mutually_exclusive_group()
    given.add_argument("--text", help=_("the text; without it a random document"))
    given.add_argument("--source", default="", metavar="NAME", help=_("take a document of this source"))
    pieces.add_argument("--seed", type=int, help=_("choose the document by this number"))


def _pack(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer.packing import packed, start_packing

    with open_project(options) as project:
        folder = start_packing(project)
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        files = [*packed(project, "training"), *packed(project, "held_out")]
        rows = [
            [file.source, _(file.split), format_count(file.documents), format_count(file.tokens),
             f"{file.bytes / max(1, file.tokens):.2f}"]
            for file in files
        ]  # fmt: skip
        head = [_("Source"), _("Split"), _("Documents"), _("Tokens"), _("Bytes/token")]
        return finished(folder, True, table(head, rows, text_columns=2), files)


def _table(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.tokenizer.packing import fertility

    with open_project(options) as project:
        sources = fertility(project)
    rows = [
        [source.source, _(source.role), format_count(source.documents), format_count(source.tokens),
         _decimals(source.bytes_per_token), _decimals(source.characters_per_token)]
        for source in sources
    ]  # fmt: skip
    head = [
        _("Source"), _("Role"), _("Documents"), _("Tokens"), _("Bytes/token"), _("Characters/token"),
    ]  # fmt: skip
    return Output(sources, table(head, rows, text_columns=2))


def _decimals(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "-"


def _pieces(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.tokenizer.cutting import cut_random_document, cut_text

    with open_project(options) as project:
        if options.text is None:
            found = cut_random_document(project, options.source, options.seed)
        else:
            found = cut_text(project, options.text)
    count = _("{pieces} tokens for {characters} characters, {bytes} bytes").format(
        pieces=format_count(len(found.pieces)),
        characters=format_count(len(found.text)),
        bytes=format_count(len(found.text.encode())),
    )
    return Output(found, "|".join(piece.text for piece in found.pieces) + "\n" + count)
