"""What a model job is given that lets a model write text of its own."""

from pydantic import BaseModel, ConfigDict, Field


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
    tokens: int = Field(gt=0)
    """Tokens to write; the last document may go over."""
    longest: int = Field(default=512, ge=16)
    """Tokens of a document at most."""
    batch: int = Field(default=16, ge=1)
    seed: int = 0


FILE = "generated.jsonl"
"""The documents in the job's result folder."""
