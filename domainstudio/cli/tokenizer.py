"""`domainstudio tokenizer`: train a tokenizer, and pack the corpus with it."""

import argparse

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_count, parse_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    train = add_verb(verbs, "train", "train a byte-level BPE vocabulary on the corpus", _train)
    train.add_argument("--size", default="4096", help=_("entries of the vocabulary at most (4096)"))
    add_detach(train)
    add_detach(add_verb(verbs, "pack", "encode every source into token files", _pack))


def _train(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer import current, start_training

    with open_project(options) as project:
        folder = start_training(project, parse_count(options.size, "size"))
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        tokenizer = current(project)
        text = _("A vocabulary of {size} entries.").format(size=format_count(tokenizer.vocabulary))
        return finished(folder, True, text, tokenizer)


def _pack(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer import packed, start_packing

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
