"""Whether a corpus needs an adaptation, in words."""

from domainstudio.language import translate as _
from domainstudio.workflow.tokenizer.need import Need, Side


def verdict_words(need: Need) -> str:
    """Return what the numbers speak for, in one or two sentences."""
    return {
        "vocabulary": _(
            "The vocabulary was made for other text: measure what an extension saves. The base can also be "
            "trained on this text as it is, in more and smaller steps."
        ),
        "training": _(
            "Training is worth it, a new vocabulary hardly: the base predicts the field worse than general "
            "text, and cuts it about as finely."
        ),
        "neither": _(
            "Neither is urgent: the base predicts the field about as well as general text, and cuts it about "
            "as finely. Expect a small gain."
        ),
        "unknown": _(
            "The vocabulary serves. Whether training is worth it, the base's loss on the field says: measure "
            "it."
        ),
    }[need.verdict]


def number_words(need: Need) -> list[str]:
    """Return what the verdict rests on: the field first, general text after it."""
    lines = []
    if need.gap is not None and need.general is not None:
        words = _(
            "In text with spaces: {domain} tokens a byte in the field, {general} in general text, {gap} %."
        )
        lines.append(
            words.format(
                domain=_number(need.domain.tokens_per_byte),
                general=_number(need.general.tokens_per_byte),
                gap=f"{100 * need.gap:+.0f}".replace("-", "−"),
            )
        )
    lines += _ratios(need.domain)
    if need.harder is not None and need.general is not None:
        words = _("The base takes {domain} bits a byte on the field, {general} on general text.")
        lines.append(
            words.format(
                domain=_number(need.domain.bits_per_byte), general=_number(need.general.bits_per_byte)
            )
        )
    elif need.domain.bits_per_byte is not None:
        words = _("The base takes {domain} bits a byte on the field; no general text stands beside it.")
        lines.append(words.format(domain=_number(need.domain.bits_per_byte)))
    else:
        lines.append(_("The base was not measured on this text yet."))
    return lines


def _ratios(side: Side) -> list[str]:
    found = []
    if side.tokens_per_unspaced is not None:
        words = _("{ratio} tokens a Chinese character; vocabularies made for Chinese take less than one.")
        found.append(words.format(ratio=_number(side.tokens_per_unspaced)))
    if side.tokens_per_word is not None:
        found.append(_("{ratio} tokens a word in the field.").format(ratio=_number(side.tokens_per_word)))
    return found


def _number(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "–"
