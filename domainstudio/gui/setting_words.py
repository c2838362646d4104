"""The values of settings that are chosen from a list, as people call them."""

from domainstudio.language import translate as _


def choice_words(key: str, value: str) -> str:
    """Return a value of a choice as people call it."""
    words = {
        "cosine": _("Cosine"),
        "linear": _("Linear"),
        "constant": _("Constant"),
        "wsd": _("Warm-up, stable, decay"),
        "infinite": _("Infinite: cool-down, constant"),
        "1": _("1: optimizer"),
        "2": _("2: and gradients"),
        "3": _("3: and parameters"),
        "full": _("All weights"),
        "lora": _("LoRA, beside the weights"),
        "expansion": _("New blocks"),
        "none": _("None"),
        "l2-sp": _("L2-SP, all alike"),
        "ewc": _("EWC, by Fisher"),
        "si": _("SI, by its path"),
        "hierarchical": _("SI, by layers too"),
        "pre-clip": _("As a term of the loss"),
        "post-clip": _("After clipping"),
        "decoupled": _("Decoupled"),
        "data": _("Of the text"),
        "model": _("Drawn from the model"),
        "roll-back": _("Go back, skip its text"),
        "alarm": _("Tell, and go on"),
        "pause": _("Pause the run"),
        "replay": _("Double general text"),
        "rate": _("Halve the rate"),
        "keep": _("End, keep the best"),
        "off": _("Off"),
        "tell": _("Tell, and go on"),
        "act": _("Lower the rate by steps"),
        "en": _("Ours, English"),
        "zh": _("Ours, Chinese"),
        "own": _("The project's own"),
        "short": _("After short runs"),
        "always": _("Always"),
        "never": _("Never"),
    }
    return words.get(value, value)
