"""Amounts of text in tokens, words, sentences and books, by the ratios measured on each source."""

from dataclasses import dataclass

from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.tokenizer.arithmetic import FOLKLORE, TokenRatios, Unit, converted
from domainstudio.workflow.tokenizer.packing import Fertility, fertility


@dataclass(frozen=True)
class Amount:
    """An amount by the ratios of one source, or by a rule of thumb."""

    ratios: TokenRatios
    is_measured: bool
    units: dict[Unit, float]


def ratios_of(source: Fertility) -> TokenRatios:
    """Return what one token of a packed source holds."""
    characters = source.characters_per_token

    def each(per_character: float | None) -> float | None:
        return None if characters is None or per_character is None else characters * per_character

    return TokenRatios(
        name=source.source,
        bytes=source.bytes_per_token,
        characters=characters,
        words=each(source.words_per_character),
        unspaced=each(source.unspaced_per_character),
        sentences=each(source.sentences_per_character),
    )


def amounts(project: Project, amount: float, unit: Unit) -> list[Amount]:
    """Return an amount by every source that knows its unit; by rules of thumb only before any is measured."""
    try:
        measured = [ratios_of(source) for source in fertility(project)]
    except UserError:  # nothing is packed yet
        measured = []
    found = [(ratios, converted(amount, unit, ratios)) for ratios in measured or FOLKLORE]
    return [Amount(ratios, bool(measured), units) for ratios, units in found if units is not None]
