"""What a model job is given that scores a model on held-out text, and what it tells."""

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.mixture.shares import Role
from domainstudio.recipe.run import HeldOutSource

FILE = "scores.json"


class ScoreWork(BaseModel):
    """Measure the loss of a model on the held-out text of each source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Model folder, relative to the job folder."""
    held_out: tuple[HeldOutSource, ...] = Field(min_length=1)
    tokens: int = Field(default=20_000, ge=1)
    """Of each source at most, in whole documents."""
    length: int = Field(default=512, ge=16)
    """Of a window."""


class SourceScore(BaseModel):
    """The loss on one source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: Role
    bits_per_byte: float = Field(allow_inf_nan=False)
    tokens: int


class Scores(BaseModel):
    """The losses on all sources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[SourceScore, ...]
