"""What became of documents and of rejected input, in words."""

from pathlib import PurePath

from domainstudio.language import translate as _

_SHOWN_PARTS = 3


def state_words(state: str) -> str:
    """Return what became of a document; a reason from a newer program shows as it is."""
    words = {
        "kept": _("Kept"),
        "training": _("Kept for training"),
        "held_out": _("Held out for testing"),
        "marked": _("Marked, not used"),
        "duplicate": _("Same text as another"),
        "held_out_copy": _("Copy of held-out text"),
        "same_words": _("Same words as another"),
        "near_duplicate": _("Nearly the same as another"),
        "held_out_near_copy": _("Nearly held-out text"),
        "rejected": _("Rejected at import"),
    }
    return words.get(state, state)


def reason_words(reason: str) -> str:
    """Return why input was rejected."""
    words = {
        "unknown_format": _("Format not known"),
        "unreadable": _("Not readable"),
        "bad_json": _("Broken JSON line"),
        "bad_row": _("Broken row of a table"),
        "bad_encoding": _("Encoding not readable"),
        "missing_text": _("No text in its field"),
        "too_long": _("Line too long"),
        "too_large": _("File too large"),
        "bad_syntax": _("Broken Python source"),
        "empty": _("Empty"),
        "nested_archive": _("Archive within an archive"),
        "unsafe_name": _("Unsafe name in an archive"),
        "crashed": _("Ended the process that read it"),
        "too_slow": _("Took too long to read"),
    }
    return words.get(reason, reason)


def language_words(language: str) -> str:
    """Return a language's name, its code if it has none here."""
    words = {
        "zh": _("Chinese"),
        "ja": _("Japanese"),
        "ko": _("Korean"),
        "th": _("Thai"),
        "ar": _("Arabic"),
    }
    return words.get(language, language)


def place_words(origin: str, position: int) -> str:
    """Return the last parts of a path, and the line, row or offset in the file."""
    parts = PurePath(origin).parts
    short = origin if len(parts) <= _SHOWN_PARTS + 1 else "…/" + "/".join(parts[-_SHOWN_PARTS:])
    return f"{short}:{position}" if position else short
