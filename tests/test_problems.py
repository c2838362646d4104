"""Problems and their sentences: every code that the source raises has one, and none is left over."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest

import domainstudio
from domainstudio.disk import _DISK_PROBLEMS
from domainstudio.problems import SENTENCES, Problem, UserError, sentence
from domainstudio.project.database import _KNOWN_ERRORS

PACKAGE = Path(domainstudio.__file__).parent
PASSED_ON = {"disk.py", "jobs/events.py", "jobs/link.py", "project/database.py", "project/project.py"}
"""Files that build a Problem from a code they were given: read back, or of an error of SQLite or the disk."""


@dataclass(frozen=True)
class Raised:
    """A call of Problem in the source; `keys` is None where its params are no literal dict."""

    place: str
    code: str | None
    keys: frozenset[str] | None


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _codes(node: ast.expr | None) -> list[str | None]:
    match node:
        case ast.Constant(value=str(code)):
            return [code]
        case ast.IfExp(body=body, orelse=other):
            return _codes(body) + _codes(other)
    return [None]


def _keys(node: ast.expr | None) -> frozenset[str] | None:
    match node:
        case None:
            return frozenset()
        case ast.Dict(keys=keys) if all(isinstance(key, ast.Constant) for key in keys):
            return frozenset(key.value for key in keys if isinstance(key, ast.Constant))
    return None


def _raised() -> Iterator[Raised]:
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Problem":
                for code in _codes(_argument(node, 0, "code")):
                    yield Raised(f"{name}:{node.lineno}", code, _keys(_argument(node, 2, "params")))


RAISED = list(_raised())


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_the_source_was_found() -> None:
    assert len(RAISED) > 50
    assert {raised.place.split(":")[0] for raised in RAISED if raised.code is None} == PASSED_ON


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    used = {raised.code for raised in RAISED if raised.code} | set(_KNOWN_ERRORS.values())
    used |= set(_DISK_PROBLEMS.values())
    assert used - SENTENCES.keys() == set(), "codes without a sentence"
    assert SENTENCES.keys() - used == set(), "sentences that nothing says"


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_a_sentence_names_only_what_it_is_given(code: str) -> None:
    template = SENTENCES[code]
    assert all(name.isidentifier() for name in placeholders(template)), template
    assert template.endswith((".", "}")), "a sentence ends"
    for raised in RAISED:
        if raised.code == code and raised.keys is not None:
            assert placeholders(template) <= raised.keys, raised.place
    if code in _KNOWN_ERRORS.values():
        assert placeholders(template) <= {"file"}


def test_no_sentence_takes_it_for_granted_that_a_command_was_given() -> None:
    """The window showed “choose another --name” beside a field that is called Source."""
    named = {code for code, text in SENTENCES.items() if " --" in re.sub("`[^`]*`", "", text)}
    assert named == set()


def test_an_error_shows_its_sentence() -> None:
    error = UserError(Problem("project.missing", "project", {"folder": "/a b/{c}"}))
    assert "/a b/{c}" in str(error)
    assert str(error) == sentence(error.problem)


def test_a_code_of_a_newer_program_shows_as_it_is() -> None:
    assert sentence(Problem("later.code", None, {"n": 1})) == "later.code {'n': 1}"
