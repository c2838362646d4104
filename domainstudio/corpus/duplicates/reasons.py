"""Why a document is removed: as it is kept, and in words."""

from domainstudio.language import translate as _
from domainstudio.units import format_count

SAME_WORDS, NEAR_DUPLICATE, HELD_OUT_NEAR_COPY = "same_words", "near_duplicate", "held_out_near_copy"
REASONS = (SAME_WORDS, NEAR_DUPLICATE, HELD_OUT_NEAR_COPY)
"""Their places are kept in lists of removals: a new one goes to the end."""


def counted(reason: str, count: int) -> str:
    """Return how many documents are removed for a reason, in words."""
    words = {
        SAME_WORDS: _("{count} with the same words"),
        NEAR_DUPLICATE: _("{count} nearly the same"),
        HELD_OUT_NEAR_COPY: _("{count} like held-out text"),
    }
    return words[reason].format(count=format_count(count))
