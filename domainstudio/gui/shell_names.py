"""The steps' names in the person's language."""

from domainstudio.language import translate as _


def step_names() -> dict[str, str]:
    """Return step → name."""
    return {
        "project": _("Project"),
        "corpus": _("Corpus"),
        "tokenizer": _("Tokenizer"),
        "mixture": _("Mixture"),
        "training": _("Training"),
        "runs": _("Runs"),
        "export": _("Export"),
    }
