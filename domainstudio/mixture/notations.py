"""One mixture in every notation that people use, both sides always named (pure arithmetic)."""

from dataclasses import dataclass

from domainstudio.language import translate as _
from domainstudio.mixture.shares import Portion


@dataclass(frozen=True)
class Notations:
    """How a mixture of general and other text is written; None where one side is missing.

    Papers write the same 1:5 for opposite mixtures: with general 1 : 5 domain a sixth is replayed; ChatHome's
    1:5 is domain 1 : 5 general, five sixths general text.
    """

    replay: float
    """Share of general text, 0 to 1: what continual-learning papers call replay."""
    general_to_domain: float | None
    """x in general 1 : x domain."""
    domain_to_general: float | None
    """x in domain 1 : x general."""

    def words(self) -> list[str]:
        """Return the notations, the rounder one first."""
        found = [
            _("replay {share:.1%} (general text)").format(share=self.replay),
            _("domain {share:.1%}").format(share=1 - self.replay),
        ]
        ratios = []
        if self.general_to_domain is not None:
            text = _("general 1 : {ratio:.3g} domain").format(ratio=self.general_to_domain)
            ratios.append((self.general_to_domain, text))
        if self.domain_to_general is not None:
            text = _("domain 1 : {ratio:.3g} general").format(ratio=self.domain_to_general)
            ratios.append((self.domain_to_general, text))
        return found + [text for _ratio, text in sorted(ratios, reverse=True)]


def notations(portions: list[Portion]) -> Notations:
    """Return the notations of a plan; every role but general counts as domain."""
    total = sum(portion.share for portion in portions)
    general = sum(portion.share for portion in portions if portion.role == "general") / total
    if not 0 < general < 1:
        return Notations(general, None, None)
    return Notations(general, (1 - general) / general, general / (1 - general))
