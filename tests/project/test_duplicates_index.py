"""Near-duplicates in the index: a list marks its documents and no others, and can be taken back."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from imports import counted, run, totals

from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import UserError
from domainstudio.project import documents, duplicates, jobs
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import history

FINDING = "duplicates-1"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two sources with a finding; ids 1 to 8 are abcdEF and gh."""
    monkeypatch.setattr(documents, "BLOCK", 4)
    made = create(tmp_path / "project", ModelOrigin(preset="tiny"))
    run(made.connection, "import-1", "abcdEF")
    run(made.connection, "import-2", "gha", "news")
    jobs.register(made.connection, FINDING, "duplicates")
    jobs.commit(made.connection, FINDING, lambda: duplicates.accept_finding(made.connection, FINDING, "{}"))
    return made


def mark(project: Project, *removed: tuple[int, int, str]) -> None:
    numbers = np.array([(document, witness) for document, witness, _ in removed], np.int64).reshape(-1, 2)
    reasons = np.array([duplicates.REASONS.index(reason) for *_, reason in removed], np.uint8)
    similarity = np.full(len(removed), 0.9, np.float32)
    rows = duplicates.removal_rows(numbers[:, 0], numbers[:, 1], similarity, reasons)
    duplicates.mark(project.connection, project.path, FINDING, '{"threshold": 0.8}', rows)


def marks(connection: sqlite3.Connection) -> dict[int, tuple[str, int]]:
    rows = connection.execute("SELECT id, mark, witness FROM documents WHERE mark IS NOT NULL")
    return {number: (reason, witness) for number, reason, witness in rows}


EXACT = {9: ("duplicate", 1)}


def test_a_list_marks_its_documents_with_their_witnesses_and_can_be_taken_back(project: Project) -> None:
    connection = project.connection
    assert marks(connection) == EXACT and duplicates.standing(connection) is None
    mark(project, (2, 1, "near_duplicate"), (7, 8, "same_words"))
    first = EXACT | {2: ("near_duplicate", 1), 7: ("same_words", 8)}
    assert marks(connection) == first and totals(connection) == counted(connection)
    mark(project, (3, 5, "held_out_near_copy"))
    second = EXACT | {3: ("held_out_near_copy", 5)}
    assert marks(connection) == second and totals(connection) == counted(connection)
    standing = duplicates.standing(connection)
    assert standing is not None and (standing.id, standing.documents) == (2, 1)
    duplicates.unmark(connection, project.path)
    assert marks(connection) == EXACT and duplicates.standing(connection) is None
    for expected in (second, first, EXACT):
        assert history.undo(project) is not None
        assert marks(connection) == expected and totals(connection) == counted(connection)
    assert history.undo(project) is None
    for expected in (first, second, EXACT):
        assert history.redo(project) is not None
        assert marks(connection) == expected


def test_what_was_marked_for_another_reason_since_keeps_that_mark(project: Project) -> None:
    connection = project.connection
    mark(project, (2, 1, "near_duplicate"))
    history.undo(project)
    connection.execute("UPDATE documents SET mark = 'held_out_copy', witness = 5 WHERE id = 2")
    history.redo(project)
    assert marks(connection) == EXACT | {2: ("held_out_copy", 5)}


def test_a_search_compares_what_is_used_and_what_was_marked_by_the_search_before(project: Project) -> None:
    mark(project, (2, 1, "near_duplicate"))
    parts = list(duplicates.compared_parts(project.connection))
    assert [part.documents.tolist() for part in parts] == [[1, 2, 3, 4, 5, 6], [7, 8]]
    assert parts[0].held_out.tolist() == [False] * 4 + [True] * 2
    assert [part.sources.tolist() for part in parts] == [[1] * 6, [2] * 2]
    assert parts[0].rows.tolist() == list(range(6))
    assert duplicates.count_compared(project.connection) == 8
    assert parts[0].marked.tolist() == [False, True, *[False] * 4]
    assert [duplicates.LANGUAGES[code] for code in parts[0].languages] == [""] * 6
    assert [one.tobytes()[-1:] for one in parts[1].hashes] == [b"g", b"h"]


def test_a_list_left_by_a_process_that_was_killed_before_it_could_commit_is_replaced(
    project: Project,
) -> None:
    mark(project, (2, 1, "near_duplicate"))
    with project.connection as connection:
        connection.execute("UPDATE documents SET mark = NULL, witness = NULL WHERE id = 2")
        connection.execute("DELETE FROM removals")
        connection.execute("DELETE FROM journal")
    mark(project, (3, 1, "near_duplicate"))
    assert marks(project.connection) == EXACT | {3: ("near_duplicate", 1)}


@pytest.mark.parametrize("harm", ["gone", "other type", "unknown reason", "pickle"])
def test_a_list_that_is_not_what_was_written_is_refused_and_nothing_changes(
    project: Project, harm: str
) -> None:
    mark(project, (2, 1, "near_duplicate"))
    before = marks(project.connection)
    duplicates.unmark(project.connection, project.path)
    file = project.path / "duplicates" / "removal-1" / "removals.npy"
    match harm:
        case "gone":
            file.unlink()
        case "other type":
            np.save(file, np.zeros(3))
        case "unknown reason":
            rows = np.load(file)
            rows["reason"] = 9
            np.save(file, rows)
        case _:
            np.save(file, np.array([JobFolder(file)], object), allow_pickle=True)
    with pytest.raises(UserError, match="search again"):
        history.undo(project)
    assert marks(project.connection) == EXACT
    assert before == EXACT | {2: ("near_duplicate", 1)}


def test_the_newest_committed_search_counts(project: Project) -> None:
    found = duplicates.newest_finding(project.connection)
    assert found is not None and found.job_id == FINDING
    jobs.register(project.connection, "duplicates-2", "duplicates")
    with project.connection as connection:
        duplicates.accept_finding(connection, "duplicates-2", "{}")
    found = duplicates.newest_finding(project.connection)
    assert found is not None and found.job_id == FINDING, "not committed yet"
