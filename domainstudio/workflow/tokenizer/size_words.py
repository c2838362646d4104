"""What sizing a vocabulary says, in sentences."""

from collections.abc import Iterator

from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.tokenizer.sizing import SizeRow, SizeTable


def sentences(found: SizeTable) -> list[str]:
    """Return the best size, then what it leaves out and costs, and what was measured."""
    return list(_sentences(found))


def _sentences(found: SizeTable) -> Iterator[str]:
    best, power = row_of(found, found.best), row_of(found, found.power_of_two)
    if found.curve.is_interior:
        yield _(
            "The held-out text is smallest, {bits} bits a byte with every token in log2(entries) bits, at "
            "{best} entries; the next power of two is {power}."
        ).format(bits=f"{best.bits_per_byte:.3f}", best=format_count(best.size),
                 power=format_count(found.power_of_two))  # fmt: skip
    else:
        yield _(
            "Of what was measured {best} entries, at its edge, have the least bits a byte, {bits}: the best "
            "size lies beyond."
        ).format(bits=f"{best.bits_per_byte:.3f}", best=format_count(best.size))
    yield _(
        "This measure leaves out what the output table costs; the vocabulary scaling law, which counts it, "
        "gives about {law} entries for a model of {body} parameters besides its tables: a prior, before any "
        "measurement."
    ).format(law=format_count(found.law), body=format_count(found.body.parameters))
    cheapest = min(found.rows, key=lambda row: row.cost.flops)
    yield _(
        "With {size} entries the tables are {share} % of the model, and training once on the text takes "
        "{flops} FLOPs; the fewest are {least}, with {cheapest} entries."
    ).format(size=format_count(power.size), share=f"{100 * power.cost.embedding_share:.1f}",
             flops=f"{power.cost.flops:.2e}", least=f"{cheapest.cost.flops:.2e}",
             cheapest=format_count(cheapest.size))  # fmt: skip
    curve, largest = found.curve, found.rows[-1].size
    words = (
        _("{job}: byte-level Unigram up to {largest} entries, measured on {megabytes} MB of held-out text.")
        if curve.kind == "unigram"
        else _("{job}: byte-level BPE up to {largest} entries, measured on {megabytes} MB of held-out text.")
    )
    yield words.format(
        job=found.job, largest=format_count(largest), megabytes=f"{curve.held_out_bytes / 1e6:,.1f}"
    )
    if curve.kind == "unigram":
        yield _(
            "The smaller vocabularies are the most probable pieces of the largest, about 0.5 % from trained "
            "ones; training prunes to the size you choose and fits again."
        )
    else:
        yield _("Each size is what training for it alone gives: merges are in order.")


def small_text_words(found: SizeTable) -> str:
    """Return the warning that the text is too little for a size; empty if it is enough."""
    if not found.is_small:
        return ""
    words = _(
        "Measured on {megabytes} MB of text: below 100 MB the best size is that of the sample, not of the "
        "language."
    )
    return words.format(megabytes=f"{found.curve.training_bytes / 1e6:,.1f}")


def row_of(found: SizeTable, size: int) -> SizeRow:
    """Return the row of a size, or of the next larger one that was measured, or of the largest."""
    return next((row for row in found.rows if row.size >= size), found.rows[-1])
