"""Blends of weights made after training: which there are, and what a job that measures them is given."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domainstudio.recipe.run import RunSpec

BlendKind = Literal["interpolation", "average", "chat"]
MOST_AVERAGED = 100
_MOST_LOSS = 1e6
"""No model has more; what is beyond could not be drawn."""


class Blend(BaseModel):
    """One way to make a model of models that are there already, without training.

    interpolation: (1 − a) base + a trained (WiSE-FT, arXiv 2109.01903); average: the mean of the last
    checkpoints (LAWA, arXiv 2209.14981); chat: trained + s (chat − base) (chat vector, arXiv 2310.04799).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: BlendKind
    amount: float = Field(ge=0, le=MOST_AVERAGED, allow_inf_nan=False)
    """The share a of the way from the base, how many checkpoints, or the strength s of the chat vector."""
    chat: str | None = None
    """Folder of the chat model, for that kind alone."""

    @model_validator(mode="after")
    def _agrees(self) -> "Blend":
        if (self.kind == "chat") != (self.chat is not None):
            raise ValueError("a chat vector needs a chat model, and nothing else takes one")
        if self.kind == "interpolation" and self.amount > 1:
            raise ValueError("the share of the way is a number from 0 to 1")
        if self.kind == "average" and (self.amount < 1 or self.amount != int(self.amount)):
            raise ValueError("an average is of one checkpoint or more")
        if self.kind == "chat" and self.amount > 2:
            raise ValueError("the strength of a chat vector is a number from 0 to 2")
        return self

    @property
    def needs_base(self) -> bool:
        """Whether the base's weights are part of it."""
        return self.kind != "average"


class BlendFiles(BaseModel):
    """The model folders of a blend, as paths that a process of its own can open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blend: Blend
    trained: tuple[str, ...] = Field(min_length=1)
    """Checkpoints of the run, oldest first; the last is the one that is blended."""
    base: str | None


class BlendWork(BaseModel):
    """Measure the held-out loss of blends of a run's checkpoint, as the run probed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: int
    spec: RunSpec
    """What the run was given: its base, its held-out text, and how it was probed."""
    blends: tuple[Blend, ...] = Field(min_length=1)
    at_steps: tuple[int, ...] = Field(min_length=1)
    """Checkpoints on disk up to `step`, oldest first, as many as an average may take."""
    trained: tuple[str, ...] = Field(min_length=1)
    """Their model folders, relative to the job folder."""
    chat_state: str = ""
    """Sizes and times of the chat model's files: another one under that name is measured anew."""
    on_cpu: bool = False
    """Leave the GPU to a run that is training."""


class BlendLoss(BaseModel):
    """Held-out loss of one source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: str
    nats_per_token: float = Field(ge=0, le=_MOST_LOSS, allow_inf_nan=False)
    bits_per_byte: float = Field(ge=0, le=_MOST_LOSS, allow_inf_nan=False)
    tokens: int


class BlendPoint(BaseModel):
    """One blend and what was measured of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blend: Blend
    losses: tuple[BlendLoss, ...]


class BlendPoints(BaseModel):
    """The result of a job that measured blends, in the order asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: tuple[BlendPoint, ...]


POINTS_FILE = "points.json"
"""The points in the job's result folder."""
