"""What a model job is given that grows a base with its extended vocabulary, and what it tells."""

from pydantic import BaseModel, ConfigDict, Field

FILE = "growth.json"
MODEL = "model"
"""The grown model's folder beside the report: weights and tokenizer together."""


class GrowWork(BaseModel):
    """Give a model rows for the new pieces of an extended tokenizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Model folder, relative to the job folder."""
    tokenizer: str
    """Folder of the extended tokenizer and its new rows, relative to the job folder."""
    base_tokenizer: str
    """Folder of the base's tokenizer, relative to the job folder."""
    probe: tuple[str, ...] = Field(min_length=1)
    """Texts on which old logits are compared."""


class Growth(BaseModel):
    """What a grown model is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_before: int
    rows: int
    """Of the embedding, padded."""
    new: int
    """Entries of the vocabulary that the base has no row for, or an unused one."""
    is_tied: bool
    """The output matrix is the embedding."""
    added_parameters: int
    largest_change: float
    """Of a logit of an old token on old text."""
    nats_before: float
    """Mean loss of the base on the probe, each text in its own tokens, a UTF-8 byte."""
    nats_after: float
    """The same of the grown model in the new tokens, before any training."""
