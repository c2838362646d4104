"""Tokenizers beside each other on the same text of each source: a comparison and its arithmetic."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from domainstudio.tokenizer.comparison.measures import Measure, percent_of
from domainstudio.tokenizer.comparison.terms import Term
from domainstudio.tokenizer.reading import VocabularyKind

FILE = "comparison.json"
"""The comparison in the job's result folder."""


class Compared(BaseModel):
    """A tokenizer of the comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: VocabularyKind
    size: int
    measures: tuple[Measure, ...]
    """One for each source, in the comparison's order."""
    worst_terms: tuple[Term, ...]
    """The domain's terms whose cutting costs the most tokens, in its sample."""
    new_terms: tuple[Term, ...] = ()
    """Those of them that general text hardly knows, and further such ones."""


class SampledSource(BaseModel):
    """A source and what of it was cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    documents: int
    """In the sample."""
    characters: int
    """In the sample."""
    whole_characters: int
    """To train on, in the whole source."""
    every: int
    """One document in so many was taken, its first characters."""
    sha256: str
    """Of the sample's texts."""

    @property
    def scale(self) -> float:
        """How many times the sample the source is."""
        return self.whole_characters / self.characters if self.characters else 0.0


class Row(BaseModel):
    """Tokens of one source, or of all, by one tokenizer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: float
    """Of the whole source: those of the sample, times how many times the sample the source is."""
    percent: float | None
    """Of the reference's tokens."""


class Comparison(BaseModel):
    """The result of a comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[SampledSource, ...]
    tokenizers: tuple[Compared, ...]
    reference: str
    """The name of the tokenizer that is 100 %."""

    def row(self, tokenizer: int, source: int) -> Row:
        """Return the tokens of one source by one tokenizer, both by number."""
        return self._row([source], tokenizer)

    def total(self, tokenizer: int) -> Row:
        """Return the tokens of all sources by one tokenizer."""
        return self._row(range(len(self.sources)), tokenizer)

    def _row(self, sources: Sequence[int], tokenizer: int) -> Row:
        reference = next(
            (number for number, one in enumerate(self.tokenizers) if one.name == self.reference), 0
        )
        own, theirs = (
            sum(self.tokenizers[number].measures[source].tokens * self.sources[source].scale
                for source in sources)
            for number in (tokenizer, reference)
        )  # fmt: skip
        return Row(tokens=own, percent=percent_of(own, theirs))
