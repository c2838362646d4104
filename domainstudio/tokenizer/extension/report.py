"""What an extended vocabulary gains: its curve, where adding stops paying, the verdict, new rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small, write_atomically
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.check import Checked
from domainstudio.tokenizer.extension.extend import Extension
from domainstudio.tokenizer.reading import VocabularyKind

FILE, ROWS_FILE = "extension.json", "new_rows.json"
TOKENIZER = "tokenizer"
"""The folder of the extended tokenizer beside the report."""
LEAST_MARGIN = 0.0005
"""Share of the field's tokens that the next 1,000 pieces must save to be worth their rows."""
LEAST_SAVING, GREAT_SAVING = 0.05, 0.25
"""Below the first an extension is not worth it; from the second on it changes what a model can read."""
_STALE = ("tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json")
"""Files of a base that say again what its tokenizer.json says, and know nothing of new pieces."""

Verdict = Literal["no", "speed", "yes"]


class Gain(BaseModel):
    """Tokens of the held-out text by so many new pieces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pieces: int
    domain: int
    general: int
    """0 without general text."""


class SourceGain(BaseModel):
    """Tokens of one source's held-out text before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    before: int
    after: int

    @property
    def saving(self) -> float:
        """The share of tokens saved."""
        return 1 - self.after / self.before if self.before else 0.0


class ExtensionReport(BaseModel):
    """The result of an extension."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: VocabularyKind
    entries: int
    """Of the base."""
    pieces: int
    """New ones that were kept."""
    gains: tuple[Gain, ...] = Field(min_length=1)
    """Ascending, from no piece on, also beyond those kept."""
    sources: tuple[SourceGain, ...]
    examples: tuple[str, ...]
    checked: Checked
    counted_characters: int
    """Of the field's text to train on; pieces were made of it."""

    @property
    def saving(self) -> float:
        """The share of the field's held-out tokens that the pieces kept save."""
        kept = next(gain for gain in self.gains if gain.pieces == self.pieces)
        return saving_of(self.gains[0], kept)

    @property
    def verdict(self) -> Verdict:
        """Whether it is worth it: below 5 % no; then speed, not quality; from 25 % on yes."""
        return verdict_of(self.saving)


class NewRows(BaseModel):
    """How the rows of new pieces begin: as the mean of the rows of the base ids of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int = Field(ge=0, le=vocabulary.MOST_ENTRIES)
    base_ids: tuple[tuple[int, ...], ...]


def verdict_of(saving: float) -> Verdict:
    """Return whether saving so large a share of the tokens is worth new rows."""
    return "no" if saving < LEAST_SAVING else "speed" if saving < GREAT_SAVING else "yes"


def saving_of(before: Gain, after: Gain) -> float:
    """Return the share of the field's tokens that is saved."""
    return 1 - after.domain / before.domain if before.domain else 0.0


def worth_adding(gains: Sequence[Gain]) -> int:
    """Return up to how many pieces each 1,000 more still save `LEAST_MARGIN` of the field's tokens."""
    whole = gains[0].domain
    chosen = 0
    for before, after in zip(gains, gains[1:], strict=False):
        thousands = (after.pieces - before.pieces) / 1000
        if not whole or (before.domain - after.domain) / whole < LEAST_MARGIN * thousands:
            break
        chosen = after.pieces
    return chosen


def steps_to(most: int) -> list[int]:
    """Return at which numbers of pieces a curve up to `most` is measured."""
    shares = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1)
    return sorted({0, *(round(most * share) for share in shares)})


def write_extended(extension: Extension, base: Path, folder: Path) -> None:
    """Write the tokenizer of an extension and how its rows begin into an existing, empty folder.

    Raises:
        UserError: a file of the base's tokenizer is refused.
    """
    vocabulary.copy(base, folder)
    for name in _STALE:
        (folder / name).unlink(missing_ok=True)
    config = folder / "tokenizer_config.json"
    if config.is_file():
        # The class of a base may build rules of its own around the vocabulary, and leave tokenizer.json's.
        settings = {**orjson.loads(read_small(config)), "tokenizer_class": "PreTrainedTokenizerFast"}
        write_atomically(config, orjson.dumps(settings, option=orjson.OPT_INDENT_2))
    write_atomically(folder / vocabulary.FILE, orjson.dumps(extension.document()))
    rows = NewRows(first=extension.first_id, base_ids=tuple(piece.base_ids for piece in extension.pieces))
    write_atomically(folder / ROWS_FILE, rows.model_dump_json().encode())


def read_rows(folder: Path) -> NewRows:
    """Return how the rows of an extended tokenizer's new pieces begin.

    Raises:
        UserError: the file is damaged.
        FileNotFoundError: it is gone.
    """
    file = folder / ROWS_FILE
    return parse_model(NewRows, read_small(file), str(file))


def read_report(folder: Path) -> ExtensionReport:
    """Return the report in a result folder.

    Raises:
        UserError: the file is damaged.
        FileNotFoundError: it is gone.
    """
    file = folder / FILE
    return parse_model(ExtensionReport, read_small(file), str(file))
