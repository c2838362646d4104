"""Canary facts: general questions with one right ending, as a file writes them and as a run is given them."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domainstudio.problems import Problem, UserError

MOST_CANARIES = 2000
_LONGEST = 2000
"""Characters of a prompt or an ending."""


class Canary(BaseModel):
    """A prompt, the ending that is right, and endings that are wrong; an ending begins with its space."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1, max_length=_LONGEST)
    right: str = Field(min_length=1, max_length=_LONGEST)
    wrong: tuple[str, ...] = Field(min_length=1, max_length=20)


class FrozenCanary(BaseModel):
    """A canary as token ids: prompt and ending together, the right ending first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    right: str
    choices: tuple[tuple[int, ...], ...] = Field(min_length=2)
    scored_from: int = Field(ge=1)
    """The first token whose probability counts: before it all choices are alike."""


def parse(text: str, file: str) -> Iterator[Canary]:
    """Yield the canaries of a file, one JSON object a line; blank lines are left aside.

    Raises:
        UserError: a line is none; it is named.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield Canary.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            raise UserError(
                Problem("canaries.bad_line", "canaries", {"file": file, "line": number})
            ) from None


def scored_from(prompt: list[int], choices: list[list[int]]) -> int:
    """Return the first position at which any choice leaves the prompt's own tokens.

    Prompt and ending are cut together, as text is; a token may then reach over their boundary, and every
    choice is scored from the earliest such place on.
    """
    shortest = min(len(prompt), *(len(choice) - 1 for choice in choices))
    for place in range(shortest):
        if any(choice[place] != prompt[place] for choice in choices):
            return place
    return shortest
