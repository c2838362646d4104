"""What a mixture asks of each source, before anything is trained (pure arithmetic)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.problems import Problem, UserError

Role = Literal["domain", "general", "task", "instruction"]
TextOrigin = Literal["documents", "written by a model", "found on this machine"]
"""Whose text it is; what a model wrote or was found on this machine is labelled as such everywhere."""
Arm = Literal["treated", "control", "naive"]
"""treated: the mixture; control: its general text alone; naive: its other text alone."""

MOST_SOURCES = 4096
"""The sampler's cycle gives each source a turn and its share to a thousandth."""


class Mixture(BaseModel):
    """A named wish: shares per source (normalised to 1), tokens in all, and how often text may repeat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shares: dict[str, float] = Field(min_length=1, max_length=MOST_SOURCES)
    tokens: int = Field(gt=0, lt=10**18)
    max_epochs: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    locked: tuple[str, ...] = ()
    """Sources whose share stays where it is while others are moved."""

    def names_source(self, name: str) -> bool:
        """Return whether the mixture speaks of this source."""
        return name in self.shares or name in self.locked

    def with_renamed(self, old: str, new: str) -> "Mixture":
        """Return the mixture with a source under its new name, in its old place."""
        return self.model_copy(
            update={
                "shares": {new if name == old else name: share for name, share in self.shares.items()},
                "locked": tuple(new if name == old else name for name in self.locked),
            }
        )


class SourceTokens(BaseModel):
    """What a source offers: its role and its training tokens under the current tokenizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    tokens: int


class Portion(BaseModel):
    """What the mixture takes of one source; `epochs` counts how often its text is gone through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: Role
    share: float
    tokens: int
    available: int
    epochs: float
    shortfall: int
    """Tokens missing under the cap on epochs; 0 if the source suffices."""

    @property
    def repeated(self) -> int:
        """Tokens that are read again because the source has no more."""
        return max(0, self.tokens - self.available)


def normalise(shares: dict[str, float]) -> dict[str, float]:
    """Return the shares divided by their sum, zeros and what is too small for a number dropped.

    Raises:
        UserError: a share is negative or not a number, or all are zero.
    """
    for name, share in shares.items():
        if not 0 <= share < float("inf"):
            raise UserError(Problem("mixture.bad_share", f"shares.{name}", {"source": name, "share": share}))
    total = sum(shares.values())
    if not total:
        raise UserError(Problem("mixture.all_zero", "shares", {}))
    if total == float("inf"):
        return normalise({name: share / len(shares) for name, share in shares.items()})
    return {name: share / total for name, share in shares.items() if share / total}


def plan(mixture: Mixture, sources: list[SourceTokens]) -> list[Portion]:
    """Return what the mixture takes of each source.

    Raises:
        UserError: a share names a source that does not exist or is not packed.
    """
    offered = {source.name: source for source in sources}
    portions = []
    for name, share in normalise(mixture.shares).items():
        source = offered.get(name)
        if source is None:
            known = ", ".join(offered) or "-"
            raise UserError(
                Problem("mixture.unknown_source", f"shares.{name}", {"source": name, "known": known})
            )
        portions.append(portion_of(source, share, mixture.tokens, mixture.max_epochs))
    return portions


def portion_of(source: SourceTokens, share: float, tokens: int, max_epochs: float) -> Portion:
    """Return what a share, 0 to 1, of `tokens` in all takes of one source."""
    taken = round(tokens * share)
    return Portion(
        source=source.name,
        role=source.role,
        share=share,
        tokens=taken,
        available=source.tokens,
        epochs=taken / source.tokens if source.tokens else float("inf") if taken else 0.0,
        shortfall=max(0, taken - int(source.tokens * max_epochs)),
    )


def arm_of(mixture: Mixture, arm: Arm, sources: list[SourceTokens]) -> Mixture:
    """Return the mixture of one arm of a controlled comparison, with the same tokens in all.

    Control keeps the general sources (all there are, by size, if the mixture has none), naive the others.

    Raises:
        UserError: the arm would have no source.
    """
    if arm == "treated":
        return mixture
    general = {source.name for source in sources if source.role == "general"}
    shares = {name: s for name, s in mixture.shares.items() if (name in general) == (arm == "control") and s}
    if arm == "control" and not shares:
        shares = {source.name: float(source.tokens) for source in sources if source.name in general}
    if not shares:
        raise UserError(Problem("mixture.empty_arm", "arm", {"arm": arm}))
    return mixture.model_copy(update={"shares": shares})


def check(mixture: Mixture, portions: list[Portion]) -> None:
    """Refuse a plan that needs more of a source than its epochs allow.

    Raises:
        UserError: names the first source that falls short, by how much, and what would do.
    """
    for portion in portions:
        if not portion.available:
            params = {"source": portion.source}
            raise UserError(Problem("mixture.empty_source", f"shares.{portion.source}", params))
        if portion.shortfall:
            allowed = int(portion.available * mixture.max_epochs)
            raise UserError(
                Problem(
                    "mixture.shortfall",
                    f"shares.{portion.source}",
                    {
                        "source": portion.source,
                        "tokens": portion.tokens,
                        "available": portion.available,
                        "max_epochs": mixture.max_epochs,
                        "epochs": portion.epochs,
                        "enough": int(allowed / portion.share),
                    },
                )
            )


def check_blocks(portions: list[Portion], sequence_length: int) -> None:
    """Refuse a plan with a source of which not one block of a sequence and its next token can be cut.

    Raises:
        UserError: names the first such source.
    """
    for portion in portions:
        if portion.available <= sequence_length:
            params = {"source": portion.source, "tokens": portion.available, "length": sequence_length}
            raise UserError(Problem("tokens.too_few", f"shares.{portion.source}", params))
