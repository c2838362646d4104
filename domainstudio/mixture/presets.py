"""Mixtures that were published or follow from what was published, with reasons, sources and caveats."""

from dataclasses import dataclass

from domainstudio.problems import Problem, UserError


@dataclass(frozen=True)
class MixturePreset:
    """A share of general text with the reason for it; sources within each side keep their proportions."""

    name: str
    title: str
    replay: float
    """Share of general text, 0 to 1."""
    reason: str
    source: str
    caveat: str = ""


_IBRAHIM = "arXiv 2403.08763"
"""Continual pre-training at 0 to 50 % replay; read in transcriptions of its tables."""

PRESETS = {
    preset.name: preset
    for preset in (
        MixturePreset(
            "replay-5",
            "Light replay",
            0.05,
            "The same language and similar text: general loss rose by 0.06 nats instead of 0.27.",
            _IBRAHIM,
            "Measured with a 405M model on English web text.",
        ),
        MixturePreset(
            "replay-10",
            "Replay by distance",
            0.10,
            "The same language, but a field far from the base's text, such as medicine or law.",
            _IBRAHIM,
            "A rule between the two shifts that were measured.",
        ),
        MixturePreset(
            "replay-25",
            "Strong replay",
            0.25,
            "A new language or notation: general loss rose by 0.16 nats instead of 1.39.",
            _IBRAHIM,
            "Measured with a 405M model on German after English.",
        ),
        MixturePreset(
            "bloomberggpt",
            "BloombergGPT",
            0.5,
            "About half domain and half general text.",
            "arXiv 2303.17564",
            "Trained from scratch, not continued: it had nothing to forget.",
        ),
        MixturePreset(
            "chathome",
            "ChatHome",
            5 / 6,
            "Five parts of general text to one of the domain came out ahead in its first comparison.",
            "arXiv 2307.15290",
            "Published as 1 : 5 with the domain first. One 13B model; with instructions mixed in, no general "
            "text at all was ahead.",
        ),
    )
}
"""In the order in which they are offered."""


def mixture_preset_of(name: str) -> MixturePreset:
    """Return a preset by its name.

    Raises:
        UserError: there is none.
    """
    if name not in PRESETS:
        raise UserError(
            Problem("mixture.unknown_preset", "preset", {"preset": name, "known": " ".join(PRESETS)})
        )
    return PRESETS[name]
