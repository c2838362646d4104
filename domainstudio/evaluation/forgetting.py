"""Gain and forgetting of a run against its own base, from its probes (pure arithmetic)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol


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


def forgetting(found: list[SourceChange]) -> float | None:
    """Return the mean rise of general held-out loss against the base, None without a general source."""
    return _mean([change.change_nats for change in found if change.role == "general"])


def gain(found: list[SourceChange], trained: Collection[str] = ()) -> float | None:
    """Return the mean fall of domain held-out loss against the base, None without a domain source.

    Domain sources that the run was not trained on are left out, unless it was trained on none of them.

    Args:
        found: the change of every source.
        trained: names of the sources in the run's mixture.
    """
    domain = [change for change in found if change.role == "domain"]
    counted = [change for change in domain if change.source in trained] or domain
    mean = _mean([change.change_nats for change in counted])
    return None if mean is None else -mean


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
