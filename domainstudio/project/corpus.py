"""Sources and documents in the index."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from domainstudio.corpus.facts import DocumentFacts, ImportSummary
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.mixture.shares import Role, TextOrigin
from domainstudio.project.database import transaction

STAGED_ROWS = 20_000
DUPLICATE, HELD_OUT_COPY = "duplicate", "held_out_copy"

# A document counts if its job is committed; it is trained on if it is neither held out nor marked.
_VISIBLE = "job_id IN (SELECT id FROM jobs WHERE committed_at IS NOT NULL)"
_VISIBLE_OR_STAGED = "documents.job_id IN (SELECT id FROM jobs WHERE committed_at IS NOT NULL OR id = :job)"


@dataclass(frozen=True)
class Source:
    """A source of documents with its role and its frozen held-out rule."""

    id: int
    name: str
    role: Role
    rule: HeldOutRule
    text_origin: TextOrigin


@dataclass(frozen=True)
class SourceCounts:
    """The account of one source: read = training + held out + marked + rejected, up to cutting passages."""

    name: str
    role: Role
    documents: int
    characters: int
    bytes: int
    training_documents: int
    training_characters: int
    held_out_documents: int
    duplicates: int
    held_out_copies: int
    rejected: int
    text_origin: TextOrigin


def sources(connection: sqlite3.Connection) -> list[Source]:
    """Return the visible sources in the order of their first import."""
    rows = connection.execute(
        f"SELECT id, name, role, rule, text_origin FROM sources WHERE {_VISIBLE} ORDER BY id"
    )
    return [Source(**{**dict(row), "rule": HeldOutRule.model_validate_json(row["rule"])}) for row in rows]


def find_source(connection: sqlite3.Connection, name: str) -> Source | None:
    """Return the visible source of this name."""
    return next((source for source in sources(connection) if source.name == name), None)


def stage(connection: sqlite3.Connection, job_id: str, facts: Iterable[DocumentFacts]) -> None:
    """Insert an import's documents, invisible until the job is committed; a repeat changes nothing."""
    rows = (
        (
            job_id,
            fact.shard,
            fact.row,
            fact.content_hash,
            fact.characters,
            fact.size_bytes,
            fact.language,
            fact.held_out,
        )
        for fact in facts
    )
    while chunk := list(islice(rows, STAGED_ROWS)):
        with transaction(connection):
            connection.executemany(
                "INSERT OR IGNORE INTO documents"
                " (job_id, shard, row, content_hash, characters, bytes, language, held_out)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                chunk,
            )


def accept_import(
    connection: sqlite3.Connection,
    job_id: str,
    name: str,
    role: Role,
    summary: ImportSummary,
    text_origin: TextOrigin = "documents",
) -> None:
    """Give staged documents their source and mark copies; called inside the committing transaction.

    If another import made the source meanwhile, its frozen rule decides what is held out here too.
    """
    source = find_source(connection, name)
    if source is None:
        connection.execute(
            "INSERT INTO sources (name, role, rule, job_id, text_origin) VALUES (?, ?, ?, ?, ?)",
            (name, role, summary.rule.model_dump_json(), job_id, text_origin),
        )
        source_id = connection.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()["id"]
    else:
        source_id = source.id
        if source.rule != summary.rule:
            connection.execute(
                "UPDATE documents SET held_out = (content_hash < ?) WHERE job_id = ?",
                (bytes.fromhex(source.rule.below), job_id),
            )
    connection.execute("UPDATE documents SET source_id = ? WHERE job_id = ?", (source_id, job_id))
    connection.execute("INSERT INTO imports VALUES (?, ?, ?)", (job_id, source_id, summary.model_dump_json()))
    _mark_copies(connection, job_id)


def _mark_copies(connection: sqlite3.Connection, job_id: str) -> None:
    """Mark copies of held-out text anywhere in training, and this job's repeats of what there is.

    The witness is a committed document where there is one: an import staged first may be committed last.
    """
    connection.execute(
        f"""
        UPDATE documents SET mark = '{HELD_OUT_COPY}', witness = kept.id
        FROM (
            SELECT content_hash, min(id) AS id FROM documents
            WHERE held_out AND {_VISIBLE_OR_STAGED} GROUP BY content_hash
        ) AS kept
        WHERE documents.content_hash = kept.content_hash AND NOT documents.held_out AND {_VISIBLE_OR_STAGED}
        """,
        {"job": job_id},
    )
    connection.execute(
        f"""
        UPDATE documents SET mark = '{DUPLICATE}', witness = kept.id
        FROM (
            SELECT content_hash, held_out AS side,
                coalesce(min(CASE WHEN job_id <> :job THEN id END), min(id)) AS id
            FROM documents WHERE mark IS NULL AND {_VISIBLE_OR_STAGED}
                AND content_hash IN (SELECT content_hash FROM documents WHERE job_id = :job)
            GROUP BY content_hash, held_out HAVING count(*) > 1
        ) AS kept
        WHERE documents.content_hash = kept.content_hash AND documents.held_out = kept.side
            AND documents.id <> kept.id AND mark IS NULL AND documents.job_id = :job
        """,
        {"job": job_id},
    )


def counts(connection: sqlite3.Connection) -> list[SourceCounts]:
    """Return the account of every visible source."""
    kept = "mark IS NULL AND NOT held_out"
    rows = connection.execute(
        f"""
        SELECT source_id, count(*) AS documents, sum(characters) AS characters, sum(bytes) AS bytes,
            sum({kept}) AS training_documents,
            sum(CASE WHEN {kept} THEN characters ELSE 0 END) AS training_characters,
            sum(held_out AND mark IS NULL) AS held_out_documents,
            sum(mark IS '{DUPLICATE}') AS duplicates, sum(mark IS '{HELD_OUT_COPY}') AS held_out_copies
        FROM documents WHERE {_VISIBLE} GROUP BY source_id
        """
    )
    by_source = {row["source_id"]: dict(row) for row in rows}
    rejected: dict[int, int] = {}
    for row in connection.execute(f"SELECT source_id, summary FROM imports WHERE {_VISIBLE}"):
        summary = ImportSummary.model_validate_json(row["summary"])
        rejected[row["source_id"]] = rejected.get(row["source_id"], 0) + sum(summary.rejected.values())
    found = []
    for source in sources(connection):
        values = by_source[source.id]
        del values["source_id"]
        found.append(
            SourceCounts(
                source.name,
                source.role,
                rejected=rejected.get(source.id, 0),
                text_origin=source.text_origin,
                **values,
            )
        )
    return found


def shards(connection: sqlite3.Connection, source_id: int) -> list[tuple[str, str]]:
    """Return (job id, shard) of every part that holds visible documents of a source, in order of import."""
    rows = connection.execute(
        f"SELECT job_id, shard FROM documents WHERE source_id = ? AND {_VISIBLE}"
        " GROUP BY job_id, shard ORDER BY min(id)",
        (source_id,),
    )
    return [(row["job_id"], row["shard"]) for row in rows]


def rows_to_use(connection: sqlite3.Connection, job_id: str, shard: str, *, held_out: bool) -> Iterator[int]:
    """Yield the rows of a part that are not marked, on one side of the held-out border, ascending."""
    rows = connection.execute(
        "SELECT row FROM documents"
        " WHERE job_id = ? AND shard = ? AND held_out = ? AND mark IS NULL ORDER BY row",
        (job_id, shard, held_out),
    )
    return (row["row"] for row in rows)
