"""What a person can mend: a problem's code, field and numbers, and its sentence. Anything else is a bug."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domainstudio.language import one_line, translate
from domainstudio.problems import data, machines, project, training

SENTENCES = {**data.SENTENCES, **machines.SENTENCES, **project.SENTENCES, **training.SENTENCES}


_WORDS = {"role", "asked", "status", "trouble"}
"""Params whose values are words of this program, which have a translation."""


@dataclass(frozen=True)
class Problem:
    """Something a person can mend: which sentence, which field it is about, and its numbers."""

    code: str
    field: str | None = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class UserError(Exception):
    """Carries a Problem to whoever words it; never raised for a bug."""

    def __init__(self, problem: Problem) -> None:
        """Hold the problem."""
        super().__init__(problem.code)
        self.problem = problem

    def __str__(self) -> str:
        """Return the sentence."""
        return sentence(self.problem)


def sentence(problem: Problem) -> str:
    """Return the problem in the person's language; an unknown code (from a newer program) shows as it is."""
    as_it_is = one_line(f"{problem.code} {dict(problem.params)}")
    template = SENTENCES.get(problem.code)
    if template is None:
        return as_it_is
    params = {
        name: one_line(value) if isinstance(value, str) else value for name, value in problem.params.items()
    }
    words = {name: translate(str(params[name])) for name in _WORDS & params.keys()}
    try:
        return translate(template).format(**{**params, **words})
    except (KeyError, ValueError, TypeError):  # params of another version of this program
        return as_it_is
