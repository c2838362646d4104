"""The document index: totals without counting, any page at once, each document once, names and roles."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imports import RULE, SHARD, VISIBLE, accept, counted, run, stage, totals

from domainstudio.mixture.shares import Mixture
from domainstudio.problems import UserError
from domainstudio.project import corpus, documents, plans
from domainstudio.project.database import connect, transaction
from domainstudio.project.documents import DocumentFilter
from domainstudio.project.migration import MIGRATIONS, migrate
from domainstudio.workflow import history


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four ids, so that a dozen documents lie in several."""
    monkeypatch.setattr(documents, "BLOCK", 4)


def everything(connection: sqlite3.Connection, wanted: DocumentFilter) -> list[int]:
    """Return the ids of a filter in the listing's order, the slow way."""
    order = {"training": 0, "held_out": 1}
    rows = connection.execute(f"SELECT source_id, state, id FROM documents WHERE {VISIBLE}").fetchall()
    kept = [tuple(row) for row in rows if wanted.has(row["source_id"], row["state"])]
    return [row[2] for row in sorted(kept, key=lambda row: (row[0], order.get(row[1], 2), row[1], row[2]))]


IMPORTS = st.lists(
    st.tuples(st.text("abcdeABC", min_size=1, max_size=12), st.sampled_from(["law", "news"])),
    min_size=1,
    max_size=5,
)
FILTERS = st.builds(
    DocumentFilter,
    st.sampled_from([None, 1, 2]),
    st.sampled_from([(), documents.KEPT, ("held_out",), ("duplicate",), ("held_out_copy", "training")]),
)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@settings(deadline=None, max_examples=60, suppress_health_check=SLOW)
@given(IMPORTS, FILTERS, st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False))
def test_totals_and_pages_at_any_position_are_those_of_a_count(
    template: Path,
    contents: list[tuple[str, str]],
    wanted: DocumentFilter,
    size: int,
    staged_first: bool,
    order: Any,
) -> None:
    file = Path(shutil.copy(template, template.with_name("example.sqlite")))
    imports = [(f"import-{number}", texts, source) for number, (texts, source) in enumerate(contents, 1)]
    with closing(connect(file)) as connection:
        if staged_first:
            for job, texts, _source in imports:
                stage(connection, job, texts)
            order.shuffle(imports)
        for job, texts, source in imports:
            run(connection, job, texts, source)
            assert totals(connection) == counted(connection)
        expected = everything(connection, wanted)
        listing = documents.listing(connection, wanted)
        assert listing.total == len(expected)
        for first in range(len(expected) + 2):
            page = listing.page(connection, first, size)
            assert [row.id for row in page] == expected[first : first + size]
        assert [row.id for row in documents.walk(connection, wanted, chunk=size)] == expected
        assert list(documents.sorted_ids(connection, wanted, "position")) == expected
        assert [row.id for row in documents.rows_of(connection, expected[::-1])] == expected[::-1]


@settings(deadline=None, max_examples=40, suppress_health_check=SLOW)
@given(IMPORTS, st.text("abcABCxyz", min_size=1, max_size=10), st.integers(0, 20), st.integers(1, 5))
def test_walking_meets_every_document_once_while_others_are_imported(
    template: Path, contents: list[tuple[str, str]], late: str, after: int, chunk: int
) -> None:
    file = Path(shutil.copy(template, template.with_name("walked.sqlite")))
    with closing(connect(file)) as connection:
        stage(connection, "import-99", late)  # its ids come before those of the others
        for number, (texts, source) in enumerate(contents, 1):
            run(connection, f"import-{number}", texts, source)
        wanted = DocumentFilter(None, ("training", "held_out", "duplicate"))
        before = set(everything(connection, wanted))
        seen = []
        for place, row in enumerate(documents.walk(connection, wanted, chunk)):
            if place == after:
                accept(connection, "import-99", late, "law")
            seen.append(row.id)
        assert len(seen) == len(set(seen))
        moved = {
            number
            for (number,) in connection.execute("SELECT id FROM documents WHERE state = 'held_out_copy'")
        }
        assert before - moved <= set(seen)


def test_documents_are_listed_by_title_with_their_marks_and_witness(connection: sqlite3.Connection) -> None:
    run(connection, "import-1", "abaC")
    rows = list(documents.walk(connection, DocumentFilter(None, ())))
    assert [(row.title, row.state) for row in rows] == [
        ("Title a", "training"), ("Title b", "training"), ("Title C", "held_out"), ("Title a", "duplicate"),
    ]  # fmt: skip
    assert [row.witness for row in rows] == [None, None, None, rows[0].id]


def test_documents_are_sorted_by_characters_and_title_among_those_found(
    connection: sqlite3.Connection,
) -> None:
    run(connection, "import-1", "bcadB")
    kept = DocumentFilter(1, documents.KEPT)
    ids = list(documents.sorted_ids(connection, kept, "characters", descending=True))
    assert [row.characters for row in documents.rows_of(connection, ids)] == [14, 13, 12, 11]
    by_title = documents.sorted_ids(connection, kept, "title", among=[ids[3], ids[1], ids[2], 999])
    assert [row.title for row in documents.rows_of(connection, by_title)] == ["Title a", "Title c", "Title d"]


def test_a_long_question_is_broken_off_when_asked(connection: sqlite3.Connection) -> None:
    def stop() -> None:
        raise TimeoutError

    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(TimeoutError), documents.interruptible(connection, stop):
        connection.execute(endless).fetchone()
    assert connection.execute("SELECT 1").fetchone()[0] == 1


def test_rejections_are_told_by_source_with_reasons_and_examples(connection: sqlite3.Connection) -> None:
    run(connection, "import-1", "a", rejected=2)
    run(connection, "import-2", "b", rejected=1)
    run(connection, "import-3", "c", "news")
    law, news = corpus.rejections(connection)
    assert (law.counts, len(law.listed), law.listed[0].position) == ({"bad_json": 3}, 3, 7)
    assert (news.counts, news.listed) == ({}, [])
    assert corpus.rejections(connection, law.source_id) == [law]
    assert [count.rejected for count in corpus.counts(connection)] == [3, 0]


def test_a_source_renamed_is_renamed_in_saved_mixtures_and_undo_brings_both_back(
    connection: sqlite3.Connection,
) -> None:
    run(connection, "import-1", "ab")
    run(connection, "import-2", "cd", "news", role="general")
    mixture = Mixture(shares={"law": 0.75, "news": 0.25}, tokens=100)
    plans.save(connection, "mixture", "default", mixture)
    law, _news = corpus.sources(connection)
    corpus.edit_source(connection, law.id, name="statutes", role="task")
    assert [(s.name, s.role) for s in corpus.sources(connection)] == [
        ("statutes", "task"), ("news", "general"),
    ]  # fmt: skip
    loaded = plans.load(connection, "mixture", "default", Mixture)
    assert loaded is not None and loaded.shares == {"statutes": 0.75, "news": 0.25}
    with pytest.raises(UserError) as refusal:
        corpus.edit_source(connection, corpus.sources(connection)[0].id, name="news", role="task")
    assert refusal.value.problem.code == "corpus.name_taken"

    class Opened:
        def __init__(self) -> None:
            self.connection = connection

    label = history.undo(Opened())  # type: ignore[arg-type]
    assert label is not None and label.words() == "Source law renamed to statutes"
    assert corpus.sources(connection)[0] == law
    assert plans.load(connection, "mixture", "default", Mixture) == mixture


def test_an_older_project_gets_its_totals_and_calls_documents_by_their_place(tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    for step in sorted(MIGRATIONS.glob("*.sql"))[:2]:
        shutil.copy(step, older)
    file = tmp_path / "old.sqlite"
    sqlite3.connect(file).close()
    migrate(file, older)
    with closing(connect(file)) as connection, transaction(connection):
        connection.execute("INSERT INTO jobs VALUES ('import-1', 'import', 0.0, 1.0)")
        connection.execute("INSERT INTO jobs VALUES ('import-2', 'import', 0.0, NULL)")
        connection.execute(
            "INSERT INTO sources (name, role, rule, job_id) VALUES ('law', 'domain', ?, 'import-1')",
            (RULE.model_dump_json(),),
        )
        rows = [("import-1", 1, 0, b"a", 0), ("import-1", 1, 1, b"b", 1), ("import-2", None, 0, b"c", 0)]
        connection.executemany(
            "INSERT INTO documents (job_id, source_id, shard, row, content_hash, characters, bytes, held_out)"
            f" VALUES (?, ?, '{SHARD}', ?, ?, 5, 6, ?)",
            rows,
        )
    migrate(file)
    with closing(connect(file)) as connection:
        expected = [(1, "held_out", 1, 5, 6), (1, "training", 1, 5, 6)]
        assert totals(connection) == counted(connection) == expected
        [first, _second] = documents.listing(connection, DocumentFilter()).page(connection, 0, 9)
        assert first.title == f"import-1/{SHARD}:0"
