"""Units of text and rules of thumb in words."""

from domainstudio.language import translate as _
from domainstudio.tokenizer.arithmetic import BOOK_UNSPACED, BOOK_WORDS, Unit
from domainstudio.units import format_count


def unit_words(unit: Unit) -> str:
    """Return what a unit is called at the head of a column."""
    return {
        "tokens": _("Tokens"),
        "bytes": _("Bytes"),
        "characters": _("Characters"),
        "words": _("Words"),
        "unspaced": _("Chinese characters"),
        "sentences": _("Sentences"),
        "books": _("Books"),
    }[unit]


def name_words(name: str) -> str:
    """Return a rule of thumb's name; a source's is its own."""
    return {
        "English, 1.45 tokens a word": _("English, 1.45 tokens a word"),
        "Chinese, a token a character": _("Chinese, a token a character"),
        "Chinese, 0.75 tokens a character": _("Chinese, 0.75 tokens a character"),
    }.get(name, name)


def note_words(is_measured: bool) -> str:
    """Return on what the amounts rest."""
    book = _("A book is {words} words or {characters} Chinese characters.").format(
        words=format_count(BOOK_WORDS), characters=format_count(BOOK_UNSPACED)
    )
    if is_measured:
        return _("Measured with this tokenizer on this corpus.") + " " + book
    rules = _(
        "Nothing is packed yet, so these are rules of thumb, not measurements. With Pythia's vocabulary an "
        "English word was measured at 1.31 tokens in medicine and 1.60 in law. The two rules for Chinese "
        "contradict each other by a third, and hold for vocabularies made for Chinese: with Pythia's a "
        "character is 1.58 to 2.76 tokens. Pack, and your own text says."
    )
    return rules + " " + book


def amount_text(value: float | None) -> str:
    """Return an amount, with a decimal where it is small."""
    if value is None:
        return "–"
    return f"{value:,.1f}" if 0.05 <= value < 100 else f"{value:,.0f}"
