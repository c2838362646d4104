"""What a report and a model card say: typed facts, gathered by whoever knows the project."""

from pydantic import BaseModel, ConfigDict

from domainstudio.evaluation.forgetting import Outcome

Curve = tuple[tuple[int, float], ...]
"""(step, value)"""


class SourceFacts(BaseModel):
    """One source as the report shows it: its row of the corpus table, and its loss before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    text_origin: str
    """documents, written by a model, or found on this machine (technical English)."""
    documents: int
    characters: int
    tokens: int
    held_out_documents: int
    marked: int
    rejected: int
    share: float
    """Share of the run's training tokens."""
    epochs: float


class ProbeFacts(BaseModel):
    """Held-out loss of one source before the run and at its end, with the curve between."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: str
    curve: Curve
    """(step, nats per token)"""
    base_nats: float
    nats: float
    base_bits: float
    bits: float
    tokens: int

    @property
    def change(self) -> float:
        """Rise of the loss against the base."""
        return self.nats - self.base_nats


class ArmFacts(BaseModel):
    """One of several runs that differ in their text alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    arm: str
    mixture: str
    """Shares in words: `medicine 75 %, general 25 %`."""
    outcome: Outcome
    domain: Curve
    """Mean change of domain loss against the base by step, empty without a domain source."""
    general: Curve


class AuditFacts(BaseModel):
    """Which near-duplicates are left out, and what a random sample of them says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int
    threshold: float
    """Least exact Jaccard similarity with a kept document."""
    checked: int
    wrong: int
    low: float
    """With `high` the 95 % interval of the share of wrong removals."""
    high: float


class BlendFacts(BaseModel):
    """How a model was made of others after training, in the card's English."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    """Follows the name of the run and its step: `0.6 of the way from its base`."""
    lineage: str
    """A sentence that names every model it is made of and how much of each."""
    is_measured: bool


class ReportFacts(BaseModel):
    """Everything the page says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str
    run: str
    status: str
    origin: str
    steps: int
    done_steps: int
    tokens: int
    seconds: float
    losses: Curve
    """(step, training loss in nats per token): every step, or an envelope that keeps every spike."""
    smoothed: Curve
    """The centred mean of the training loss."""
    sources: tuple[SourceFacts, ...]
    probes: tuple[ProbeFacts, ...]
    outcome: Outcome
    accepted: float | None
    """Rise of general loss that the run accepts; None if it draws no line."""
    arms: tuple[ArmFacts, ...]
    """This run and those with the same start, recipe and steps; only this one if there is no other."""
    recipe: dict[str, str]
    hashes: dict[str, str]
    audit: AuditFacts | None = None
    """None where no near-duplicates are marked."""
    attempts: int
    blend: BlendFacts | None = None
    """Of the card of a blend alone; outcome and probes are then the blend's, none if it was not measured."""
