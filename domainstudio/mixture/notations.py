"""One mixture in every notation that people use, both sides always named (pure arithmetic)."""

import re
from dataclasses import dataclass

from domainstudio.language import translate as _
from domainstudio.mixture.shares import Portion
from domainstudio.problems import Problem, UserError

_RATIO = re.compile(r"(\d*\.?\d+)\s*[:：/∶]\s*(\d*\.?\d+)")


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


def parse_ratio(text: str) -> float:
    """Return the share of general text, 0 to 1, that is meant by a ratio of general to domain: 1 : 5.

    Raises:
        UserError: the text is no ratio.
    """
    match = _RATIO.fullmatch(text.strip().replace(",", ""))
    general, domain = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not general + domain:
        raise UserError(Problem("mixture.ratio_form", "ratio", {"value": text}))
    return general / (general + domain)


def parse_share(text: str) -> float:
    """Return the share, 0 to 1, that is meant by a percentage, with or without its sign.

    Raises:
        UserError: the text is no percentage from 0 to 100.
    """
    match = re.fullmatch(r"(\d*\.?\d+)\s*[%％]?", text.strip())
    if not match or float(match[1]) > 100:
        raise UserError(Problem("mixture.ratio_form", "ratio", {"value": text}))
    return float(match[1]) / 100


def ratio_words(replay: float) -> str:
    """Return general to domain as people write it: 1 : 5, 5 : 1, 0 : 1; one side is always 1 or 0."""
    if replay <= 0 or replay >= 1:
        return "0 : 1" if replay <= 0 else "1 : 0"
    ratio = (1 - replay) / replay
    return f"1 : {_short(ratio)}" if ratio >= 1 else f"{_short(1 / ratio)} : 1"


def _short(ratio: float) -> str:
    """Return a number of at least 1 with up to two decimals, fewer for larger ones."""
    digits = 2 if ratio < 10 else 1 if ratio < 100 else 0
    text = f"{ratio:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def notations(portions: list[Portion]) -> Notations:
    """Return the notations of a plan; every role but general counts as domain."""
    total = sum(portion.share for portion in portions)
    general = sum(portion.share for portion in portions if portion.role == "general") / total
    if not 0 < general < 1:
        return Notations(general, None, None)
    return Notations(general, (1 - general) / general, general / (1 - general))
