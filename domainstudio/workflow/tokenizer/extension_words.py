"""An extension in words: whether it is worth it, and on what that rests."""

from domainstudio.language import translate as _
from domainstudio.recipe.growth import Growth
from domainstudio.tokenizer.extension.report import ExtensionReport, SourceGain
from domainstudio.units import format_count


def verdict_words(report: ExtensionReport) -> str:
    """Return the verdict in one or two sentences."""
    field = [one for one in report.sources if one.role != "general"]
    names = field[0].name if len(field) == 1 else ", ".join(map(_saving_words, field))
    words = {
        "no": _(
            "No: {pieces} new tokens save {saving} % of the tokens of {names}. Below 5 % the base's own "
            "vocabulary serves as well."
        ),
        "speed": _(
            "{pieces} new tokens save {saving} % of the tokens of {names}: speed, not quality. The same text "
            "is read and written in fewer steps; what the model knows stays the same."
        ),
        "yes": _(
            "{pieces} new tokens save {saving} % of the tokens of {names}: do it. The base cuts this text so "
            "finely that each of its steps sees little of it."
        ),
    }
    return words[report.verdict].format(
        pieces=format_count(report.pieces), saving=f"{100 * report.saving:.1f}", names=names or "–"
    )


def _saving_words(one: SourceGain) -> str:
    return f"{one.name} ({100 * one.saving:.1f} %)"


def facts_words(report: ExtensionReport) -> str:
    """Return what was counted, measured and checked."""
    words = _(
        "Pieces of {counted} characters of text to train on, measured on held-out text. Checked on "
        "{documents} documents: old ids kept, {unchanged} lines without a new token cut as before, every "
        "text comes back."
    )
    return words.format(
        counted=format_count(report.counted_characters),
        documents=format_count(report.checked.documents),
        unchanged=format_count(report.checked.unchanged_lines),
    )


def growth_words(growth: Growth) -> str:
    """Return what the grown base is, and what is to be done next."""
    words = _(
        "The base has {new} new tokens: {before} → {rows} rows, {parameters} more parameters. Logits of old "
        "tokens on old text changed by {change} at most. Loss before any training: {nats_before} nats a byte "
        "in the old tokens, {nats_after} in the new ones. It is the project's base now: pack the token files "
        "anew."
    )
    return words.format(
        new=format_count(growth.new),
        before=format_count(growth.rows_before),
        rows=format_count(growth.rows),
        parameters=format_count(growth.added_parameters),
        change=f"{growth.largest_change:.1e}",
        nats_before=f"{growth.nats_before:.3f}",
        nats_after=f"{growth.nats_after:.3f}",
    )
