"""The plateau playbook: what is done when domain loss stands still (pure rules).

The plays are those of BloombergGPT (arXiv 2303.17564): two thirds of the rate, half of it with
dropout, half of it again, the end. When a loss stands still is a rule of ours, without a source.
"""

from pydantic import BaseModel, ConfigDict

from domainstudio.jobs.events import Intervention
from domainstudio.recipe.recipe import OnPlateau

LEAST_GAIN_NATS = 0.002
"""A token: a smaller fall of domain loss below the lowest so far is none."""

PLAYBOOK: tuple[tuple[tuple[str, float], ...], ...] = (
    (("rate", 2 / 3),),
    (("rate", 1 / 2), ("dropout", 0.1)),
    (("rate", 1 / 2),),
    (("end", 0.0),),
)
"""(what, value) of each play."""


class Plateau(BaseModel):
    """What is remembered from probe to probe; a checkpoint keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lowest: float | None = None
    without_gain: int = 0
    """Probes in a row."""
    plays: int = 0


def watch_plateau(
    then: OnPlateau, probes: int, plateau: Plateau, step: int, domain: float
) -> tuple[Plateau, list[Intervention]]:
    """Return what is remembered after a probe, and the play that is due.

    Args:
        then: what the person chose.
        probes: so many in a row without a gain are a plateau.
        plateau: what was remembered before.
        step: of the probe.
        domain: mean domain loss, nats a token.
    """
    if plateau.lowest is None or domain < plateau.lowest - LEAST_GAIN_NATS:
        return plateau.model_copy(update={"lowest": domain, "without_gain": 0}), []
    count = plateau.without_gain + 1
    if then == "off" or count < probes:
        return plateau.model_copy(update={"without_gain": count}), []
    begun_anew = plateau.model_copy(update={"without_gain": 0})
    if then == "tell":
        return begun_anew, [Intervention(step, "tell", domain, "plateau")]
    play = PLAYBOOK[plateau.plays]
    done = [Intervention(step, what, value, "plateau") for what, value in play]
    return begun_anew.model_copy(update={"plays": min(plateau.plays + 1, len(PLAYBOOK) - 1)}), done
