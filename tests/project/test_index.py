"""The index: documents counted once, copies marked with a witness, jobs committed once, plans kept."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domainstudio.corpus.facts import DocumentFacts, ImportSummary
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.mixture.shares import Mixture, Role
from domainstudio.problems import UserError
from domainstudio.project import corpus, jobs, plans, tokens
from domainstudio.project.database import connect, transaction
from domainstudio.recipe.recipe import Recipe, change

RULE = HeldOutRule(unit="document", below="0" * 32)
SHARD = "part-00000.parquet"


def digest(text: str) -> bytes:
    return text.encode().rjust(16, b"\x00")


@dataclass(frozen=True)
class Import:
    """An import of one shard: a text in upper case is held out, in lower case trained on."""

    job: str
    texts: str
    source: str = "law"
    role: Role = "domain"
    rejected: int = 0
    rule: HeldOutRule = RULE

    def facts(self) -> list[DocumentFacts]:
        return [
            DocumentFacts(SHARD, row, digest(text.lower()), 10, 20, None, "a.txt", 0, "", text.isupper())
            for row, text in enumerate(self.texts)
        ]

    def summary(self) -> ImportSummary:
        return ImportSummary(
            files=1, documents=len(self.texts), characters=10 * len(self.texts),
            rejected={"bad_json": self.rejected} if self.rejected else {}, listed_rejections=[],
            stored_documents=len(self.texts), rule=self.rule,
        )  # fmt: skip

    def stage(self, connection: sqlite3.Connection) -> None:
        jobs.register(connection, self.job, "import")
        corpus.stage(connection, self.job, self.facts())

    def commit(self, connection: sqlite3.Connection) -> bool:
        def accept() -> None:
            corpus.accept_import(connection, self.job, self.source, self.role, self.summary())

        return jobs.commit(connection, self.job, accept)

    def run(self, connection: sqlite3.Connection) -> None:
        self.stage(connection)
        assert self.commit(connection)

    def rows(self, connection: sqlite3.Connection, *, held_out: bool = False) -> str:
        """Return the texts that are used on one side."""
        found = corpus.rows_to_use(connection, self.job, SHARD, held_out=held_out)
        return "".join(self.texts[row] for row in found)


def marks(connection: sqlite3.Connection) -> list[tuple[str, str, str, str, str]]:
    """Return (job, text, mark, job of the witness, text of the witness) of every marked document."""
    rows = connection.execute(
        "SELECT a.job_id, a.content_hash, a.mark, b.job_id, b.content_hash FROM documents AS a"
        " JOIN documents AS b ON b.id = a.witness WHERE a.mark IS NOT NULL ORDER BY a.id"
    )
    return [
        (job, text.decode().strip("\x00"), mark, witness, other.decode().strip("\x00"))
        for job, text, mark, witness, other in rows
    ]


def test_staged_documents_are_invisible_until_their_job_is_committed(connection: sqlite3.Connection) -> None:
    work = Import("import-1", "abC")
    work.stage(connection)
    assert (corpus.sources(connection), corpus.counts(connection)) == ([], [])
    assert corpus.find_source(connection, "law") is None
    assert work.commit(connection)
    [source] = corpus.sources(connection)
    assert (source.name, source.role, source.rule) == ("law", "domain", RULE)
    assert corpus.shards(connection, source.id) == [("import-1", SHARD)]
    [count] = corpus.counts(connection)
    assert (count.documents, count.training_documents, count.held_out_documents) == (3, 2, 1)
    assert (count.characters, count.bytes, count.training_characters) == (30, 60, 20)


def test_staging_twice_stages_once(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a kill half way: the chunks there are stay, the others follow."""
    monkeypatch.setattr(corpus, "STAGED_ROWS", 2)
    work = Import("import-1", "abcde")
    jobs.register(connection, work.job, "import")
    corpus.stage(connection, work.job, work.facts()[:3])
    work.stage(connection)
    work.run(connection)
    assert corpus.counts(connection)[0].documents == 5
    assert work.rows(connection) == "abcde"


def test_staging_what_another_process_has_committed_changes_nothing(connection: sqlite3.Connection) -> None:
    work = Import("import-1", "abaC")
    work.run(connection)
    before = list(connection.iterdump())
    work.stage(connection)
    assert list(connection.iterdump()) == before


def test_repeats_within_an_import_are_marked_with_the_first(connection: sqlite3.Connection) -> None:
    work = Import("import-1", "abaaCcC")
    work.run(connection)
    assert marks(connection) == [
        ("import-1", "a", "duplicate", "import-1", "a"),
        ("import-1", "a", "duplicate", "import-1", "a"),
        ("import-1", "c", "held_out_copy", "import-1", "c"),
        ("import-1", "c", "duplicate", "import-1", "c"),
    ]
    assert (work.rows(connection), work.rows(connection, held_out=True)) == ("ab", "C")
    [count] = corpus.counts(connection)
    assert count.marks == {"duplicate": 3, "held_out_copy": 1}


def test_repeats_across_imports_and_sources_are_marked_in_the_later_one(
    connection: sqlite3.Connection,
) -> None:
    first, second = Import("import-1", "ab"), Import("import-2", "bc")
    other = Import("import-3", "cad", source="news", role="general")
    for work in (first, second, other):
        work.run(connection)
    assert (first.rows(connection), second.rows(connection), other.rows(connection)) == ("ab", "c", "d")
    assert {(job, text, witness) for job, text, _, witness, _ in marks(connection)} == {
        ("import-2", "b", "import-1"), ("import-3", "c", "import-2"), ("import-3", "a", "import-1"),
    }  # fmt: skip


def test_training_copies_of_held_out_text_are_marked_whichever_came_first(
    connection: sqlite3.Connection,
) -> None:
    first = Import("import-1", "aBc")
    second = Import("import-2", "bC", source="news", role="general")
    first.run(connection)
    assert first.rows(connection) == "ac"
    second.run(connection)
    assert (first.rows(connection), second.rows(connection)) == ("a", "")
    assert second.rows(connection, held_out=True) == "C"
    assert sorted(marks(connection)) == [
        ("import-1", "c", "held_out_copy", "import-2", "c"),
        ("import-2", "b", "held_out_copy", "import-1", "b"),
    ]
    news = corpus.counts(connection)[1]
    assert (news.marks.get("held_out_copy"), news.training_documents, news.held_out_documents) == (1, 0, 1)


def test_an_import_staged_first_and_committed_last_is_the_one_that_is_marked(
    connection: sqlite3.Connection,
) -> None:
    """A kill between staging and committing leaves it so; neither copy may be trained on twice."""
    interrupted, other = Import("import-1", "abb"), Import("import-2", "ac")
    interrupted.stage(connection)
    other.run(connection)
    interrupted.run(connection)
    assert interrupted.rows(connection) + other.rows(connection) == "bac"
    assert marks(connection)[0] == ("import-1", "a", "duplicate", "import-2", "a")


IMPORTS = st.lists(
    st.tuples(st.text("abcdeABC", min_size=1, max_size=12), st.sampled_from(["law", "news"])),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(IMPORTS, st.randoms(use_true_random=False), st.booleans())
def test_accounts_reconcile_and_no_text_is_used_twice(
    template: Path, contents: list[tuple[str, str]], order: "Callable[..., None]", staged_first: bool
) -> None:
    imports = [
        Import(f"import-{number}", texts, source, rejected=number)
        for number, (texts, source) in enumerate(contents, 1)
    ]
    file = template.with_name("example.sqlite")
    shutil.copy(template, file)
    with closing(connect(file)) as connection:
        if staged_first:
            for work in imports:
                work.stage(connection)
            order.shuffle(imports)  # type: ignore[attr-defined]
        for work in imports:
            work.run(connection)
        for count in corpus.counts(connection):
            mine = [work for work in imports if work.source == count.name]
            assert count.documents == sum(len(work.texts) for work in mine)
            assert count.documents == (count.training_documents + count.held_out_documents + count.marked)
            assert count.rejected == sum(work.rejected for work in mine)
        trained = Counter("".join(work.rows(connection) for work in imports))
        held = Counter("".join(work.rows(connection, held_out=True) for work in imports).lower())
        everything = {text for work in imports for text in work.texts}
        assert set(held) == {text.lower() for text in everything if text.isupper()}
        assert set(trained) == {text for text in everything if text.islower()} - set(held)
        assert max(trained.values(), default=1) == max(held.values(), default=1) == 1
        assert all(text == witness for _, text, _, _, witness in marks(connection))
        marked = connection.execute("SELECT count(*) FROM documents WHERE mark IS NOT NULL").fetchone()[0]
        assert marked == len(marks(connection))


def test_a_rule_frozen_meanwhile_by_another_import_decides(connection: sqlite3.Connection) -> None:
    frozen = HeldOutRule(unit="document", below=digest("c").hex())
    first, second = Import("import-1", "x", rule=frozen), Import("import-2", "aBcD")
    second.stage(connection)
    first.run(connection)
    assert second.commit(connection)
    assert second.rows(connection, held_out=True) == "aB"
    assert second.rows(connection) == "cD"
    assert corpus.sources(connection)[0].rule == frozen


def test_a_job_is_committed_once(connection: sqlite3.Connection) -> None:
    work = Import("import-1", "ab")
    work.run(connection)
    before = list(connection.iterdump())
    assert not work.commit(connection)
    assert list(connection.iterdump()) == before
    assert jobs.is_committed(connection, "import-1")
    assert not jobs.is_committed(connection, "import-2")


def test_a_commit_that_fails_leaves_the_job_to_be_committed(connection: sqlite3.Connection) -> None:
    work = Import("import-1", "ab")
    work.stage(connection)

    def fail() -> None:
        corpus.accept_import(connection, work.job, "law", "domain", work.summary())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jobs.commit(connection, work.job, fail)
    assert not jobs.is_committed(connection, work.job)
    assert corpus.sources(connection) == []
    assert work.commit(connection)


def test_a_job_is_registered_once_and_its_number_never_comes_again(connection: sqlite3.Connection) -> None:
    assert jobs.first_free_number(connection, "import") == 1
    for job in ("import-2", "import-10", "import-2"):
        jobs.register(connection, job, "import")
    jobs.register(connection, "train-99", "train")
    assert jobs.first_free_number(connection, "import") == 11
    assert connection.execute("SELECT count(*) FROM jobs").fetchone()[0] == 3


def test_the_newest_tokenizer_is_the_current_one(connection: sqlite3.Connection) -> None:
    assert tokens.current_tokenizer(connection) is None
    for number in range(3):
        row = tokens.TokenizerRow(f"models/tokenizer-{number}", f"sha-{number}", 400 + number)
        tokens.add_tokenizer(connection, row, None)
    assert tokens.current_tokenizer(connection) == tokens.TokenizerRow("models/tokenizer-2", "sha-2", 402)


def test_the_newest_committed_token_file_of_each_source_counts(connection: sqlite3.Connection) -> None:
    Import("import-1", "ab").run(connection)
    Import("import-2", "cd", source="news", role="general").run(connection)
    ids = {source.name: source.id for source in corpus.sources(connection)}

    def pack(job: str, source: str, role: Role, sha: str, split: Literal["training", "held_out"]) -> None:
        jobs.register(connection, job, "pack")
        file = tokens.TokenFile(source, role, split, f"tokens/{job}/{source}", 100, 2, 300)
        tokens.add_token_file(connection, job, ids[source], sha, file)

    def found(sha: str) -> list[str]:
        return [file.folder for file in tokens.token_files(connection, sha, "training")]

    for job in ("pack-1", "pack-2", "pack-3"):
        pack(job, "news", "general", "sha", "training")
        pack(job, "news", "general", "sha", "held_out")
    pack("pack-1", "law", "domain", "sha", "training")
    pack("pack-4", "law", "domain", "other", "training")
    assert found("sha") == []
    for job in ("pack-1", "pack-2", "pack-4"):
        assert jobs.commit(connection, job, lambda: None)
    assert found("sha") == ["tokens/pack-1/law", "tokens/pack-2/news"]
    assert found("other") == ["tokens/pack-4/law"]
    assert tokens.token_files(connection, "sha", "training")[1].role == "general"


def test_plans_are_kept_by_kind_and_name_and_replaced(connection: sqlite3.Connection) -> None:
    mixture = Mixture(shares={"法律": 0.25, "news": 0.75}, tokens=1000)
    recipe = change(Recipe(), {"learning_rate": "3e-5", "zero_stage": "2"})
    plans.save(connection, "mixture", "default", Mixture(shares={"law": 1}, tokens=5))
    plans.save(connection, "mixture", "default", mixture)
    plans.save(connection, "recipe", "default", recipe)
    assert plans.load(connection, "mixture", "default", Mixture) == mixture
    assert plans.load(connection, "recipe", "default", Recipe) == recipe
    assert plans.load(connection, "recipe", "other", Recipe) is None


def test_a_stored_plan_that_this_program_cannot_read_is_refused_by_name(
    connection: sqlite3.Connection,
) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO plans VALUES ('recipe', 'old', '{\"momentum\": 1}', 0.0)")
    with pytest.raises(UserError) as refusal:
        plans.load(connection, "recipe", "old", Recipe)
    assert refusal.value.problem.code == "document.invalid_field"
    assert "recipe old" in str(refusal.value) and "momentum" in str(refusal.value)
