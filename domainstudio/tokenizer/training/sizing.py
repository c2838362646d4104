"""How large a vocabulary should be: one training, its smaller vocabularies on held-out text, their costs."""

import math
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer, models

from domainstudio.tokenizer.training.splitting import Split, VocabularyKind
from domainstudio.tokenizer.training.train import Pairs, bpe_model
from domainstudio.tokenizer.training.unigram import Pieces, pruned
from domainstudio.tokenizer.vocabulary import END_OF_TEXT

SMALL_TEXT_BYTES = 100_000_000
"""From less text than this the best size is that of the sample, not of the language."""

LEAST_SIZE = 512
_BATCH = 10_000


class Measured(BaseModel):
    """Held-out text cut by a vocabulary of one size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(gt=0)
    tokens: int = Field(gt=0)


class SizeCurve(BaseModel):
    """What sizing measured, as its job keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: VocabularyKind
    split: Split
    training_bytes: int
    """Of the text that the largest vocabulary was trained on."""
    types: int
    types_seen: int
    """More than `types` where memory did not hold all: rare ones were thinned."""
    held_out_bytes: int
    """Of the text that was cut, which no vocabulary was trained on."""
    points: list[Measured]
    """Ascending; the last is the one that was trained."""

    def bytes_per_token(self, point: Measured) -> float:
        """Return how much held-out text one token holds."""
        return self.held_out_bytes / point.tokens

    def criterion(self, point: Measured) -> float:
        """Return BloombergGPT's criterion, tokens · log2(size) in bits for each byte of text.

        That is the size of the text with every token in log2(size) bits (arXiv 2303.17564, section 2.3).
        """
        return math.log2(point.size) * point.tokens / self.held_out_bytes

    @property
    def best(self) -> Measured:
        """The size where the criterion is least."""
        return min(self.points, key=self.criterion)

    @property
    def is_interior(self) -> bool:
        """Whether larger and smaller ones are worse; else the least lies beyond what was measured."""
        return self.best not in (self.points[0], self.points[-1])


def next_power_of_two(size: int) -> int:
    """Return the least power of two that is not below a size."""
    return 1 << (size - 1).bit_length()


def sizes_up_to(largest: int) -> list[int]:
    """Return the sizes to measure: powers of two and half as much again, up to the largest and with it."""
    found = {LEAST_SIZE << step for step in range(32)} | {LEAST_SIZE * 3 // 2 << step for step in range(32)}
    return sorted({size for size in found if size < largest} | {largest})


def measure_bpe(
    pairs: Pairs, sizes: Sequence[int], held_out: Mapping[str, int], report: Callable[[int], None]
) -> list[Measured]:
    """Cut held-out types by the beginnings of a merge list, each exactly what training for its size gives."""
    return _measured([(size, bpe_model(pairs, size)) for size in sizes], held_out, report)


def measure_unigram(
    pieces: Pieces, sizes: Sequence[int], held_out: Mapping[str, int], report: Callable[[int], None]
) -> list[Measured]:
    """Cut held-out types by the most probable pieces: within about 0.5 % of training for each size."""
    made = []
    for size in sizes:
        kept = pruned(pieces, size)
        least = min(score for _, score in kept)
        made.append((size, models.Unigram([(END_OF_TEXT, least), *kept], None, False)))
    return _measured(made, held_out, report)


def _measured(
    made: Sequence[tuple[int, models.Model]], held_out: Mapping[str, int], report: Callable[[int], None]
) -> list[Measured]:
    names = list(held_out)
    points = []
    for number, (size, model) in enumerate(made):
        report(number)
        tokenizer, tokens = Tokenizer(model), 0
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            encodings = tokenizer.encode_batch(batch, add_special_tokens=False)
            tokens += sum(
                held_out[name] * len(found.ids) for name, found in zip(batch, encodings, strict=True)
            )
        points.append(Measured(size=size, tokens=tokens))
    return points


class SizeCost(BaseModel):
    """What a size costs in one model."""

    model_config = ConfigDict(frozen=True)

    embedding_parameters: int
    """Of the tables of input and output."""
    embedding_share: float
    """Of all parameters of the model."""
    flops: float
    """To train once on the text."""


def cost_of(size: int, tokens: float, hidden: int, body_parameters: int, *, is_tied: bool) -> SizeCost:
    """Return what a vocabulary costs: table rows, and the arithmetic of training on one text.

    6 for each parameter that a token is multiplied with: the body and the output table; looking up a row of
    the input table is free. Attention over the sequence is left out: it falls with the number of tokens as
    the rest does.

    Args:
        size: entries.
        tokens: of the text, cut by this vocabulary.
        hidden: width of the model.
        body_parameters: all but the tables.
        is_tied: input and output are one table.
    """
    table = size * hidden
    tables = table if is_tied else 2 * table
    return SizeCost(
        embedding_parameters=tables,
        embedding_share=tables / (tables + body_parameters),
        flops=6 * (body_parameters + table) * tokens,
    )


def law_size(body_parameters: int, hidden: int) -> int:
    """Return the size that the vocabulary scaling law gives a model, before anything is measured.

    With N_nv = 0.08 C^0.50 parameters without the tables and N_v = 0.20 C^0.42 of one table where the
    arithmetic C is spent best (Tao et al. 2024, arXiv 2407.13623).
    """
    flops = (body_parameters / 0.08) ** 2
    return round(0.20 * math.pow(flops, 0.42) / hidden)
