"""Does this corpus need an adaptation of the base or its vocabulary: what was measured, and the verdict."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import parse_model
from domainstudio.mixture.shares import Role
from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import HeldOutSource
from domainstudio.recipe.scores import FILE, Scores, ScoreWork
from domainstudio.tokenizer.comparison.table import Comparison
from domainstudio.tokenizer.comparison.terms import Term
from domainstudio.workflow.running import Kind, relative_to_job, start
from domainstudio.workflow.tokenizer.comparing import known_tokenizers, newest_comparison
from domainstudio.workflow.tokenizer.packing import packed

GREAT_GAP = 0.25
"""From so many more tokens a byte on, the field is cut much finer than general text."""
DENSE_TOKENS = 1.2
"""From so many tokens a Chinese character on, a vocabulary is not made for Chinese."""
HARDER_BITS = 0.1
"""Bits a byte by which the field is harder for the base than general text."""

Verdict = Literal["vocabulary", "training", "neither", "unknown"]
"""What the numbers speak for."""


@dataclass(frozen=True)
class Side:
    """The field, or general text."""

    tokens_per_byte: float | None
    """Of the sources that put spaces between words: in Chinese a byte is another thing."""
    tokens_per_word: float | None
    """Of the same."""
    tokens_per_unspaced: float | None
    """Of sources in Chinese or its like: tokens a character."""
    bits_per_byte: float | None
    """Of the base; None until it is measured."""


@dataclass(frozen=True)
class Need:
    """What was measured of the field against general text."""

    domain: Side
    general: Side | None
    """None without general text."""
    new_terms: tuple[Term, ...]

    @property
    def gap(self) -> float | None:
        """How many more tokens a byte the field takes than general text: 0.1 is 10 % more."""
        if self.general is None or not self.general.tokens_per_byte or self.domain.tokens_per_byte is None:
            return None
        return self.domain.tokens_per_byte / self.general.tokens_per_byte - 1

    @property
    def harder(self) -> float | None:
        """Bits a byte by which the base predicts the field worse than general text."""
        if self.general is None or self.general.bits_per_byte is None or self.domain.bits_per_byte is None:
            return None
        return self.domain.bits_per_byte - self.general.bits_per_byte

    @property
    def verdict(self) -> Verdict:
        """What the numbers speak for: a vocabulary of the field, training alone, neither; or unknown."""
        per_character = self.domain.tokens_per_unspaced
        if (self.gap or 0.0) >= GREAT_GAP or (per_character is not None and per_character >= DENSE_TOKENS):
            return "vocabulary"
        if self.harder is None:
            return "unknown"
        return "training" if self.harder >= HARDER_BITS else "neither"


def need_of(project: Project) -> Need | None:
    """Return what the last comparison and the base's losses say; None before the tokenizer was compared.

    Raises:
        UserError: a result is damaged.
    """
    found = newest_comparison(project)
    current = next((one.name for one in known_tokenizers(project) if one.is_current), "")
    names = [one.name for one in found.tokenizers] if found else []
    if found is None or current not in names:
        return None
    place = names.index(current)
    bits = base_bits(project)
    domain, general = (_side(found, place, bits, is_general=is_general) for is_general in (False, True))
    if domain is None:
        return None
    return Need(domain, general, found.tokenizers[place].new_terms)


def start_scoring(project: Project) -> JobFolder:
    """Start measuring the base on the held-out text of every source.

    Raises:
        UserError: the base has random weights, or nothing is packed with the current tokenizer.
    """
    if project.base.folder is None:
        raise UserError(Problem("model.random", "from", {"preset": str(project.base.preset)}))
    sources = [
        HeldOutSource(
            name=file.source,
            role=file.role,
            tokens=relative_to_job(project.inside(file.folder), project),
        )
        for file in packed(project, "held_out")
    ]
    return start(project, SCORE, ScoreWork(model=project.base.folder, held_out=tuple(sources)))


def base_bits(project: Project) -> dict[str, tuple[Role, float]]:
    """Return source → (role, bits a byte) of the project's base as it was last measured."""
    for folder in reversed(list(list_jobs(project.jobs, SCORE.name))):
        work = folder.spec().work_as(ScoreWork, f"{folder.job_id}/spec.json")
        if folder.status() == "done" and work.model == project.base.folder:
            scores = _scores(folder.result / FILE)
            return {one.source: (one.role, one.bits_per_byte) for one in scores.sources}
    return {}


def _scores(file: Path) -> Scores:
    return parse_model(Scores, read_small(file), str(file))


def _side(
    found: Comparison, place: int, bits: dict[str, tuple[Role, float]], *, is_general: bool
) -> Side | None:
    """Return the sources of one side together; each counts as much as it is text to train on."""
    numbers = [
        number for number, source in enumerate(found.sources) if (source.role == "general") == is_general
    ]
    if not numbers:
        return None
    measures = found.tokenizers[place].measures
    spaced = [number for number in numbers if measures[number].has_spaces]
    unspaced = [number for number in numbers if not measures[number].has_spaces]

    def total(name: str, of: list[int]) -> float:
        return float(sum(found.sources[number].scale * getattr(measures[number], name) for number in of))

    known = [
        (found.sources[number].whole_characters, bits[found.sources[number].name][1])
        for number in numbers
        if found.sources[number].name in bits
    ]
    word_tokens = total("tokens", spaced) - total("unspaced_tokens", spaced)
    return Side(
        tokens_per_byte=_over(total("tokens", spaced), total("bytes", spaced)),
        tokens_per_word=_over(word_tokens, total("words", spaced)),
        tokens_per_unspaced=_over(total("unspaced_tokens", unspaced), total("unspaced", unspaced)),
        bits_per_byte=_over(
            sum(weight * value for weight, value in known), sum(weight for weight, _value in known)
        ),
    )


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


SCORE = Kind("score", ScoreWork, program="domainstudio.model")
