"""What is known of a stored document and of an import, without its text: plain types, quick to load."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from domainstudio.corpus.heldout import HeldOutRule


@dataclass(frozen=True)
class DocumentFacts:
    """One stored document without its text: `shard` and `row` say where the text lies."""

    shard: str
    row: int
    content_hash: bytes
    characters: int
    size_bytes: int
    language: str | None
    origin: str
    position: int
    title: str
    held_out: bool
    heading: str = ""
    """What a list calls it: its title or its first words, at most 80 characters."""


class RejectionRecord(BaseModel):
    """A rejected piece of input, as the import's summary lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    position: int
    reason: str
    detail: str


class ImportSummary(BaseModel):
    """The account of one import: documents read = `documents` + the sum of `rejected`, before any cutting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: int
    documents: int
    characters: int
    rejected: dict[str, int]
    listed_rejections: list[RejectionRecord]
    stored_documents: int
    """Documents in the shards: more than `documents` where passages were cut for holding out."""
    rule: HeldOutRule
