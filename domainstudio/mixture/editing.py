"""Moving shares: what becomes of the others when one is moved or a ratio typed (pure arithmetic)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Balance:
    """Shares while they are edited: every source has one, zeros included, and they sum to 1."""

    shares: Mapping[str, float]
    locked: frozenset[str]
    """Their shares never move."""
    general: frozenset[str]
    """The sources whose text is replayed; all others count as domain."""
    weights: Mapping[str, float]
    """What a group is filled by if all of it is at zero: the tokens each source has."""

    @property
    def replay(self) -> float:
        """Share of general text, 0 to 1."""
        return sum(self.shares[name] for name in self.shares if name in self.general)

    def limits(self, name: str) -> tuple[float, float]:
        """Return between which shares a source can be moved: what is locked stays."""
        if name in self.locked or not self._free(self.shares.keys() - {name}):
            return self.shares[name], self.shares[name]
        return 0.0, self._room(self.shares.keys() - {name})

    def moved(self, name: str, wish: float) -> "Balance":
        """Return the balance with a source at `wish`, or as near as the locks allow.

        The unlocked others take what is left in their present proportions.
        """
        low, high = self.limits(name)
        if high <= low:
            return self
        share = min(max(wish, low), high)
        others = self._free(self.shares.keys() - {name})
        filled = self._filled(others, high - share)
        return replace(self, shares={**self.shares, **filled, name: share})

    def replay_limits(self) -> tuple[float, float]:
        """Return between which shares replay can be set."""
        general = [name for name in self.shares if name in self.general]
        domain = [name for name in self.shares if name not in self.general]
        if not self._free(general) or not self._free(domain):
            return self.replay, self.replay
        return 1 - self._room(general), self._room(domain)

    def with_replay(self, wish: float) -> "Balance":
        """Return the balance with general text at `wish`, or as near as the locks allow.

        Within the general sources, and within the others, the proportions of the unlocked stay.
        """
        low, high = self.replay_limits()
        if high <= low:
            return self
        replay = min(max(wish, low), high)
        general = self._free(self.general)
        domain = self._free(self.shares.keys() - self.general)
        filled = self._filled(general, replay - low) | self._filled(domain, high - replay)
        return replace(self, shares={**self.shares, **filled})

    def with_lock(self, name: str, is_locked: bool) -> "Balance":
        """Return the balance with a source locked or free."""
        return replace(self, locked=self.locked | {name} if is_locked else self.locked - {name})

    def _free(self, names: Collection[str]) -> list[str]:
        return [name for name in self.shares if name in names and name not in self.locked]

    def _room(self, names: Collection[str]) -> float:
        """Return what the locked ones among some sources leave of the whole."""
        return max(0.0, 1 - sum(self.shares[name] for name in names if name in self.locked))

    def _filled(self, names: list[str], total: float) -> dict[str, float]:
        """Return the shares of some sources scaled to a total."""
        parts = {name: self.shares[name] for name in names}
        if not sum(parts.values()):
            parts = {name: self.weights[name] for name in names}
        whole = sum(parts.values())
        if not whole:
            return dict.fromkeys(names, total / len(names))
        return {name: part / whole * total for name, part in parts.items()}


def balance(
    shares: Mapping[str, float], locked: Collection[str], general: Collection[str], tokens: Mapping[str, int]
) -> Balance:
    """Return the balance of a saved mixture over the sources there are.

    A saved share of a source that is gone is spread over the others; without any shares, each source has that
    of its tokens.

    Args:
        shares: as saved, any sum.
        locked: names as saved.
        general: names of the general sources.
        tokens: training tokens of every source there is, at least one source.
    """
    found = {name: max(0.0, shares.get(name, 0.0)) for name in tokens}
    if not sum(found.values()):
        found = {name: float(count) for name, count in tokens.items()}
    if not sum(found.values()):
        found = dict.fromkeys(tokens, 1.0)
    whole = sum(found.values())
    return Balance(
        shares={name: share / whole for name, share in found.items()},
        locked=frozenset(name for name in locked if name in tokens),
        general=frozenset(name for name in general if name in tokens),
        weights={name: float(count) for name, count in tokens.items()},
    )
