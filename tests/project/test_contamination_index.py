"""Checks of evaluation items in the index: the newest first, and one of every set for advice."""

import sqlite3

import pytest
from imports import run

from domainstudio.problems import UserError
from domainstudio.project import contamination, documents, jobs
from domainstudio.project.contamination import Contamination


def accept(
    connection: sqlite3.Connection, number: int, row: Contamination, *, is_committed: bool = True
) -> None:
    job_id = f"contamination-{number}"
    jobs.register(connection, job_id, "contamination")
    if is_committed:
        jobs.commit(connection, job_id, lambda: contamination.accept(connection, job_id, row))
    else:
        contamination.accept(connection, job_id, row)


def test_checks_are_listed_the_newest_first_and_advice_takes_one_of_each_set(
    connection: sqlite3.Connection,
) -> None:
    old, other, new = (
        Contamination("quiz", 9, 1, 4),
        Contamination("exam", 30, 0, 0),
        Contamination("quiz", 9, 1, 2),
    )
    for number, row in enumerate((old, other, new), start=1):
        accept(connection, number, row)
    accept(connection, 4, Contamination("later", 1, 0, 1), is_committed=False)
    found = contamination.checks(connection)
    assert [one.job_id for one in found] == ["contamination-3", "contamination-2", "contamination-1"]
    assert [one.result for one in found] == [new, other, old]
    assert found[0].checked_at >= found[-1].checked_at > 0
    assert contamination.newest(connection) == [other, new]


def test_counts_that_cannot_be_are_said_to_be_damage(connection: sqlite3.Connection) -> None:
    accept(connection, 1, Contamination("quiz", 9, -1, 4))
    with pytest.raises(UserError):
        contamination.checks(connection)


def test_what_is_trained_on_is_looked_at(connection: sqlite3.Connection) -> None:
    run(connection, "import-1", "abcdEF")
    assert contamination.count_looked_at(connection) == 4
    connection.execute("UPDATE documents SET mark = 'near_duplicate', witness = 1 WHERE id = 2")
    documents.recount(connection, [0])
    assert contamination.count_looked_at(connection) == 3
