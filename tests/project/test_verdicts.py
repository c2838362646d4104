"""Verdicts: one for each pair, queue and reviewer; every one is in the journal and can be taken back."""

from dataclasses import replace
from pathlib import Path

import pytest

from domainstudio.corpus.audit.verdicts import Verdict
from domainstudio.problems import UserError
from domainstudio.project import verdicts
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import history

FIRST = Verdict(bytes([7] * 16), bytes([255] * 16), "accept", "random", "Ana: 1", 0.875, 1e9)
AGAIN = replace(FIRST, decision="reject", unix_seconds=2e9)
SECOND = replace(FIRST, reviewer="Bo", queue="second", unix_seconds=1.5e9)
SURVIVOR = replace(FIRST, kept=None, similarity=None, queue="survivor", unix_seconds=3e9)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create(tmp_path / "project", ModelOrigin(preset="tiny"))


def test_a_verdict_takes_the_place_of_the_same_reviewers_in_the_same_queue(project: Project) -> None:
    connection = project.connection
    for verdict in (FIRST, SECOND, AGAIN, SURVIVOR):
        verdicts.decide(connection, verdict)
    assert verdicts.verdicts(connection) == [SECOND, AGAIN, SURVIVOR]
    turned = replace(FIRST, removed=FIRST.kept, kept=FIRST.removed, unix_seconds=4e9)  # type: ignore[arg-type]
    verdicts.decide(connection, turned)
    assert verdicts.verdicts(connection) == [SECOND, SURVIVOR, turned], "the same pair the other way round"


def test_each_verdict_can_be_undone_and_done_again(project: Project) -> None:
    states = [verdicts.verdicts(project.connection)]
    for verdict in (FIRST, SECOND, AGAIN, SURVIVOR):
        verdicts.decide(project.connection, verdict)
        states.append(verdicts.verdicts(project.connection))
    for expected in reversed(states[:-1]):
        assert history.undo(project) is not None
        assert verdicts.verdicts(project.connection) == expected
    for expected in states[1:]:
        assert history.redo(project) is not None
        assert verdicts.verdicts(project.connection) == expected


@pytest.mark.parametrize("body", ["{}", "[", '{"removed": "zz"}', "null"])
def test_a_stored_verdict_that_this_program_cannot_have_written_is_refused(
    project: Project, body: str
) -> None:
    verdicts.decide(project.connection, FIRST)
    project.connection.execute("UPDATE verdicts SET body = ?", (body,))
    with pytest.raises(UserError, match="damaged"):
        verdicts.verdicts(project.connection)
