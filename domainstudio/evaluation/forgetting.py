"""Gain and forgetting of a run against its base and its control, from its probes (pure arithmetic)."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

_LARGEST_EXPONENT = 700.0


class ProbePoint(Protocol):
    """Anything with the fields of a probe event."""

    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102
    @property
    def nats_per_token(self) -> float: ...  # noqa: D102
    @property
    def bits_per_byte(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class SourceChange:
    """Held-out loss of one source before the run (`base`, step 0) and at its last probe."""

    source: str
    role: str
    step: int
    base_nats: float
    nats: float
    base_bits: float
    bits: float

    @property
    def change_nats(self) -> float:
        """Rise of the loss in nats per token; below 0 is an improvement."""
        return self.nats - self.base_nats

    @property
    def change_percent(self) -> float:
        """The same in per cent of the base's loss."""
        return 100 * self.change_nats / (self.base_nats or math.nan)


def changes(probes: Iterable[ProbePoint]) -> list[SourceChange]:
    """Return the change of every source that was probed at step 0, in order of first appearance."""
    first: dict[str, ProbePoint] = {}
    last: dict[str, ProbePoint] = {}
    for probe in probes:
        if probe.step == 0:
            first[probe.source] = probe
        last[probe.source] = probe
    return [
        SourceChange(
            source=name,
            role=base.role,
            step=last[name].step,
            base_nats=base.nats_per_token,
            nats=last[name].nats_per_token,
            base_bits=base.bits_per_byte,
            bits=last[name].bits_per_byte,
        )
        for name, base in first.items()
    ]


def text_shift(probes: Iterable[ProbePoint]) -> float | None:
    """Return by how many bits a byte a base predicts domain text worse than general text.

    Bits a byte, because it depends neither on the vocabulary nor on how long its tokens are. Each a mean over
    the sources of the role at step 0; None without both.
    """
    base = {probe.source: probe for probe in probes if probe.step == 0}
    domain = _mean([probe.bits_per_byte for probe in base.values() if probe.role == "domain"])
    general = _mean([probe.bits_per_byte for probe in base.values() if probe.role == "general"])
    return None if domain is None or general is None else domain - general


@dataclass(frozen=True)
class Outcome:
    """Gain and forgetting of a run in nats per token; None where there is no such source or no control."""

    gain: float | None
    forgetting: float | None
    gain_against_control: float | None = None
    forgetting_against_control: float | None = None
    forgetting_percent: float | None = None
    """Against the base: the rise of mean general loss in per cent of what it was."""
    perplexity_ratio: float | None = None
    """Of general text, after to before: e to the power of forgetting."""


def outcome(
    found: list[SourceChange], trained: Collection[str] = (), control: list[SourceChange] | None = None
) -> Outcome:
    """Return what a run gained and forgot, against its base and against the equal-token control.

    With R the run and C its base or control: gain = L_domain(C) − L_domain(R), and
    forgetting = L_general(R) − L_general(C), each a mean over sources. The control was continued on general
    text alone with the same tokens, schedule and seed: what it changes is not the domain text's doing. Domain
    sources that the run was not trained on are left out, unless it was trained on none of them.

    Args:
        found: the change of every source in the run.
        trained: names of the sources in the run's mixture.
        control: the change of every source in the control run.
    """
    domain = {change.source: change for change in found if change.role == "domain"}
    domain = {name: change for name, change in domain.items() if name in trained} or domain
    general = {change.source: change for change in found if change.role == "general"}
    after = {change.source: change.nats for change in control or []}
    base = sum(change.base_nats for change in general.values())
    forgetting = _mean([change.change_nats for change in general.values()])
    return Outcome(
        gain=_mean([-change.change_nats for change in domain.values()]),
        forgetting=forgetting,
        gain_against_control=_mean([after[n] - change.nats for n, change in domain.items() if n in after]),
        forgetting_against_control=_mean(
            [change.nats - after[n] for n, change in general.items() if n in after]
        ),
        forgetting_percent=None
        if forgetting is None
        else 100 * forgetting * len(general) / (base or math.nan),
        perplexity_ratio=None if forgetting is None else _ratio(forgetting),
    )


def _ratio(nats: float) -> float:
    return math.exp(nats) if nats < _LARGEST_EXPONENT else math.inf


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
