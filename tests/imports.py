"""Imports made up of letters: each is a document, a capital one that is held out."""

import sqlite3
from typing import Any

from domainstudio.corpus.facts import DocumentFacts, ImportSummary, RejectionRecord
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.mixture.shares import Role
from domainstudio.project import corpus, documents, jobs

RULE = HeldOutRule(unit="document", below="0" * 32)

SHARD = "part-00000.parquet"

VISIBLE = "job_id IN (SELECT id FROM jobs WHERE committed_at IS NOT NULL)"


def facts(texts: str, shard: str = SHARD) -> list[DocumentFacts]:
    """Return documents of one letter each; a capital is held out."""
    return [
        DocumentFacts(
            shard, row, text.lower().encode().rjust(16, b"\x00"), 10 + row, 20, None, "a.txt", 0, "",
            text.isupper(), f"Title {text}",
        )
        for row, text in enumerate(texts)
    ]  # fmt: skip


def accept(
    connection: sqlite3.Connection,
    job: str,
    texts: str,
    source: str,
    role: Role = "domain",
    rejected: int = 0,
) -> None:
    records = [RejectionRecord(origin="a.jsonl", position=7, reason="bad_json", detail="?")] * rejected
    summary = ImportSummary(
        files=1, documents=len(texts), characters=10, rejected={"bad_json": rejected} if rejected else {},
        listed_rejections=records, stored_documents=len(texts), rule=RULE,
    )  # fmt: skip
    assert jobs.commit(connection, job, lambda: corpus.accept_import(connection, job, source, role, summary))


def stage(connection: sqlite3.Connection, job: str, texts: str) -> None:
    jobs.register(connection, job, "import")
    corpus.stage(connection, job, facts(texts))


def run(connection: sqlite3.Connection, job: str, texts: str, source: str = "law", **more: Any) -> None:
    stage(connection, job, texts)
    accept(connection, job, texts, source, **more)


def counted(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Count what the window asks for the slow way."""
    rows = connection.execute(
        "SELECT source_id, state, count(*), sum(characters), sum(bytes) FROM documents"
        f" WHERE {VISIBLE} GROUP BY source_id, state"
    )
    return sorted(map(tuple, rows))


def totals(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    found = documents.state_counts(connection)
    return sorted((c.source_id, c.state, c.documents, c.characters, c.bytes) for c in found)
