"""`domainstudio tokenizer size` and `tokenizer train`: how large a vocabulary, and the vocabulary."""

import argparse
from typing import TYPE_CHECKING

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.tokenizer.training.splitting import SPLITS, VOCABULARY_KINDS
from domainstudio.units import format_count, parse_count

if TYPE_CHECKING:
    from domainstudio.workflow.tokenizer.sizing import SizeTable


def add_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verbs."""
    size = add_verb(verbs, "size", "measure how large a vocabulary the text wants", _size)
    _add_choices(size)
    size.add_argument(
        "--largest",
        default="65536",
        help=_("entries of the one trained; smaller ones follow (65536)"),
    )
    add_detach(size)
    train = add_verb(verbs, "train", "train a byte-level vocabulary on the corpus", _train)
    _add_choices(train)
    train.add_argument("--size", default="4096", help=_("entries of the vocabulary at most (4096)"))
    train.add_argument(
        "--chunks", default="1", metavar="N",
        help=_("of Unigram: a vocabulary for each of N chunks, merged; only chunks are in memory (1)"),
    )  # fmt: skip
    train.add_argument(
        "--sizing", default="", metavar="JOB",
        help=_("cut or prune the largest vocabulary of this `tokenizer size` to --size"),
    )  # fmt: skip
    add_detach(train)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=VOCABULARY_KINDS, default="bpe", help=_("of vocabulary (bpe)"))
    parser.add_argument("--split", choices=SPLITS, default="words", help=_(
        "what one token may hold: a word; several of ASCII (BloombergGPT's); of any script"))  # fmt: skip
    parser.add_argument("--most-types", default="1M", metavar="N", help=_(
        "types of words in memory, about 3 GB a million; beyond, rare ones are thinned (1M)"))  # fmt: skip


def _size(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer.sizes_found import sizing_of
    from domainstudio.workflow.tokenizer.sizing import start_sizing, table_of

    with open_project(options) as project:
        folder = start_sizing(
            project,
            kind=options.kind,
            split=options.split,
            largest=parse_count(options.largest, "largest"),
            most_types=parse_count(options.most_types, "most_types"),
        )
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        found = table_of(project, folder.job_id, sizing_of(project, folder.job_id))
    return finished(folder, True, size_text(found), found)


def size_text(found: "SizeTable") -> str:
    """Return the curve as a table, and below it what it says."""
    from domainstudio.workflow.tokenizer.size_words import sentences

    rows = [
        [
            format_count(row.size), f"{row.bytes_per_token:.3f}", f"{row.bits_per_byte:.4f}",
            format_count(row.cost.embedding_parameters), f"{100 * row.cost.embedding_share:.1f}",
            f"{row.cost.flops:.2e}", "*" if row.size == found.best else "",
        ]
        for row in found.rows
    ]  # fmt: skip
    head = [
        _("Entries"), _("Bytes/token"), _("Bits/byte"), _("Embedding"), _("Share %"), _("FLOPs"), "",
    ]  # fmt: skip
    return "\n".join([table(head, rows, text_columns=0), "", *sentences(found)])


def _train(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.tokenizer.train import current, start_training

    with open_project(options) as project:
        folder = start_training(
            project,
            parse_count(options.size, "size"),
            kind=options.kind,
            split=options.split,
            chunks=parse_count(options.chunks, "chunks"),
            most_types=parse_count(options.most_types, "most_types"),
            sizing=options.sizing,
        )
        if not run_job(project, folder, options):
            return finished(folder, False, "")
        tokenizer = current(project)
        text = _("A vocabulary of {size} entries.").format(size=format_count(tokenizer.vocabulary))
        return finished(folder, True, text, tokenizer)
