"""What a model job is given that lets a model write: text of its own, or on from a prompt."""

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.recipe.run import ModelOrigin


class GenerateWork(BaseModel):
    """Sample documents from a model, to stand for the general text it was made from.

    A base model's own samples can replace the general text nobody has any more (arXiv 2605.26097): they are
    drawn at temperature 1 without cutting the distribution, or they would be its favourites only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Model folder, relative to the job folder."""
    tokenizer: str
    """Tokenizer folder, relative to the job folder."""
    tokens: int = Field(gt=0, le=10**12)
    """Tokens to write; the last document may go over."""
    longest: int = Field(default=512, ge=16, le=2**20)
    """Tokens of a document at most."""
    batch: int = Field(default=16, ge=1, le=1024)
    seed: int = Field(default=0, ge=0, lt=2**31)


FILE = "generated.jsonl"
"""The documents in the job's result folder."""


class SampleWork(BaseModel):
    """Let a run's base and one of its checkpoints go on with the same prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: int
    checkpoint: str
    """Model folder of the checkpoint, relative to the job folder."""
    base: ModelOrigin
    """What the run started from; a preset has random weights, drawn again from the same seed."""
    base_seed: int = Field(ge=0, lt=2**31)
    vocabulary: int = Field(ge=1, le=2**24)
    tokenizer: str
    """Tokenizer folder, relative to the job folder."""
    prompts: tuple[str, ...] = Field(min_length=1)
    tokens: int = Field(gt=0, le=4096)
    """Tokens to write for each prompt at most; a model ends earlier with end-of-text."""
    temperature: float = Field(default=0.0, ge=0, le=2, allow_inf_nan=False)
    """0 takes the likeliest token each time."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    on_cpu: bool = False
    """Leave the GPU to a run that is training."""


class Continuation(BaseModel):
    """What base and checkpoint made of one prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    base: str
    text: str


class Continuations(BaseModel):
    """The result of a job that continued prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: tuple[Continuation, ...]


SAMPLES_FILE = "samples.json"
"""The continuations in the job's result folder."""
