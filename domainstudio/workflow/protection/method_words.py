"""Methods against forgetting as people say them."""

from domainstudio.language import translate as _


def method_words(name: str) -> str:
    """Return a method's name as people say it: Replay 10 % + EWC 0.1."""
    return " + ".join(_part_words(part) for part in name.split("+"))


def _part_words(part: str) -> str:
    kind, _colon, value = part.partition(":")
    words = {
        "control": _("Control"),
        "naive": _("Unprotected"),
        "replay": _("Replay {value} %"),
        "rate": _("Rate × {value}"),
        "l2-sp": _("L2-SP {value}"),
        "ewc": _("EWC {value}"),
        "si": _("Path integral {value}"),
        "hierarchical": _("Hierarchical {value}"),
        "kl": _("KL to the base {value}"),
        "lora": _("LoRA, rank {value}"),
        "expansion": _("New blocks {value}"),
        "frozen": _("Frozen blocks {value}"),
        "interpolation": _("Interpolation {value}"),
    }
    if kind == "replay" and value:
        value = f"{100 * float(value):g}"
    return words.get(kind, part).format(value=value).strip()
