"""Sources and documents in the index."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from pydantic import BaseModel, ConfigDict, TypeAdapter

from domainstudio.corpus.duplicates.reasons import REASONS
from domainstudio.corpus.facts import DocumentFacts, ImportSummary, RejectionRecord
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.jobs.spec import parse_model
from domainstudio.mixture.shares import Role, TextOrigin
from domainstudio.problems import Problem, UserError
from domainstudio.project import documents, journal, plans
from domainstudio.project.database import damaged, snapshot, transaction
from domainstudio.project.documents import HELD_OUT, TRAINING
from domainstudio.project.journal import Label

STAGED_ROWS = 20_000
DUPLICATE, HELD_OUT_COPY = "duplicate", "held_out_copy"

# A document counts if its job is committed; it is trained on if it is neither held out nor marked.
_VISIBLE = "job_id IN (SELECT id FROM jobs WHERE committed_at IS NOT NULL)"
_ON_REASONS = ", ".join(f"'{reason}'" for reason in REASONS)
_VISIBLE_OR_STAGED = "documents.job_id IN (SELECT id FROM jobs WHERE committed_at IS NOT NULL OR id = :job)"


@dataclass(frozen=True)
class Source:
    """A source of documents with its role and its frozen held-out rule."""

    id: int
    name: str
    role: Role
    rule: HeldOutRule
    text_origin: TextOrigin


_SOURCE = TypeAdapter(Source)


@dataclass(frozen=True)
class SourceCounts:
    """The account of one source: read = training + held out + marked + rejected, up to cutting passages."""

    id: int
    name: str
    role: Role
    documents: int
    characters: int
    bytes: int
    training_documents: int
    training_characters: int
    held_out_documents: int
    held_out_characters: int
    marks: dict[str, int]
    """Documents that are not used, by the reason of their mark."""
    rejected: int
    text_origin: TextOrigin
    read_documents: int
    """Documents before any was cut into passages."""

    @property
    def marked(self) -> int:
        """Documents that are not used."""
        return sum(self.marks.values())

    @property
    def is_cut(self) -> bool:
        """Whether documents of this source were cut, so that passages could be held out."""
        return self.documents != self.read_documents


class Naming(BaseModel):
    """What an edit of a source may change, as the journal keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role


@dataclass(frozen=True)
class Rejections:
    """What one source's imports could not use: how much for each reason, and examples."""

    source_id: int
    counts: dict[str, int]
    listed: list[RejectionRecord]


def sources(connection: sqlite3.Connection) -> list[Source]:
    """Return the visible sources in the order of their first import."""
    rows = connection.execute(
        f"SELECT id, name, role, rule, text_origin FROM sources WHERE {_VISIBLE} ORDER BY id"
    )
    try:
        return [_SOURCE.validate_python({**dict(row), "rule": json.loads(row["rule"])}) for row in rows]
    except (ValueError, RecursionError):
        raise damaged(connection) from None


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
            fact.heading,
        )
        for fact in facts
    )
    while chunk := list(islice(rows, STAGED_ROWS)):
        with transaction(connection):
            connection.executemany(
                "INSERT OR IGNORE INTO documents"
                " (job_id, shard, row, content_hash, characters, bytes, language, held_out, title)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                chunk,
            )


def accept_import(
    connection: sqlite3.Connection,
    job_id: str,
    name: str,
    role: Role,
    summary: ImportSummary,
    text_origin: TextOrigin = "documents",
    into: int | None = None,
) -> None:
    """Give staged documents their source and mark copies; called inside the committing transaction.

    If another import made the source meanwhile, its frozen rule decides what is held out here too; if it made
    it of another role or origin, these documents get a source of their own, with a number after the name.

    Args:
        connection: in a transaction.
        job_id: the import.
        name: of the source.
        role: of the source, if it is made.
        summary: what was read.
        text_origin: of the source, if it is made.
        into: id of the source if it was there when the import began, whatever it is called by now.
    """
    source = next((one for one in sources(connection) if one.id == into), None)
    if into is None:
        source = find_source(connection, name)
    if into is None and source and (source.role, source.text_origin) != (role, text_origin):
        name, source = _free_name(connection, name), None
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
    changed = _mark_copies(connection, job_id)
    documents.recount(connection, changed | documents.blocks_of_job(connection, job_id))


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    taken, number = {source.name for source in sources(connection)}, 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _mark_copies(connection: sqlite3.Connection, job_id: str) -> set[int]:
    """Mark copies of held-out text anywhere in training, and this job's repeats of what there is.

    The witness is a committed document where there is one: an import staged first may be committed last. It
    may be marked as a near-duplicate: were its copy used, the text would be there twice once it is too.
    Returns the blocks of other imports in which something was marked.
    """
    rows = connection.execute(
        f"""
        UPDATE documents SET mark = '{HELD_OUT_COPY}', witness = kept.id
        FROM (
            SELECT content_hash, min(id) AS id FROM documents
            WHERE held_out AND {_VISIBLE_OR_STAGED}
                AND content_hash IN (SELECT content_hash FROM documents WHERE job_id = :job)
            GROUP BY content_hash
        ) AS kept
        WHERE documents.content_hash = kept.content_hash AND NOT documents.held_out AND {_VISIBLE_OR_STAGED}
        RETURNING id / {documents.BLOCK}
        """,
        {"job": job_id},
    )
    changed = {block for (block,) in rows.fetchall()}
    connection.execute(
        f"""
        UPDATE documents SET mark = '{DUPLICATE}', witness = kept.id
        FROM (
            SELECT content_hash, held_out AS side,
                coalesce(
                    min(CASE WHEN job_id <> :job AND mark IS NULL THEN id END),
                    min(CASE WHEN job_id <> :job THEN id END), min(id)
                ) AS id
            FROM documents WHERE (mark IS NULL OR mark IN ({_ON_REASONS})) AND {_VISIBLE_OR_STAGED}
                AND content_hash IN (SELECT content_hash FROM documents WHERE job_id = :job)
            GROUP BY content_hash, held_out HAVING count(*) > 1
        ) AS kept
        WHERE documents.content_hash = kept.content_hash AND documents.held_out = kept.side
            AND documents.id <> kept.id AND mark IS NULL AND documents.job_id = :job
        """,
        {"job": job_id},
    )
    return changed


def counts(connection: sqlite3.Connection) -> list[SourceCounts]:
    """Return the account of every visible source; no document is counted for it."""
    with snapshot(connection):
        return _counts(connection)


def _counts(connection: sqlite3.Connection) -> list[SourceCounts]:
    states: dict[int, dict[str, documents.StateCount]] = {}
    for count in documents.state_counts(connection):
        states.setdefault(count.source_id, {})[count.state] = count
    rejected = _rejected(connection)
    read = dict(
        connection.execute(
            "SELECT source_id, CAST(sum(json_extract(summary, '$.documents')) AS INTEGER)"
            " FROM imports GROUP BY source_id"
        ).fetchall()
    )
    try:
        return [
            _account(source, states[source.id], sum(rejected.get(source.id, {}).values()), read[source.id])
            for source in sources(connection)
        ]
    except KeyError:  # a source that no import made
        raise damaged(connection) from None


def _account(
    source: Source, states: dict[str, documents.StateCount], rejected: int, read: int
) -> SourceCounts:
    nothing = documents.StateCount(source.id, "", 0, 0, 0)
    training, held_out = states.get(TRAINING, nothing), states.get(HELD_OUT, nothing)
    return SourceCounts(
        id=source.id,
        name=source.name,
        role=source.role,
        documents=sum(count.documents for count in states.values()),
        characters=sum(count.characters for count in states.values()),
        bytes=sum(count.bytes for count in states.values()),
        training_documents=training.documents,
        training_characters=training.characters,
        held_out_documents=held_out.documents,
        held_out_characters=held_out.characters,
        marks={state: count.documents for state, count in states.items() if state not in documents.KEPT},
        rejected=rejected,
        text_origin=source.text_origin,
        read_documents=read,
    )


def _rejected(connection: sqlite3.Connection) -> dict[int, dict[str, int]]:
    """Return source id → reason → rejected, over all imports."""
    found: dict[int, dict[str, int]] = {}
    for source_id, reason, count in connection.execute(
        "SELECT source_id, reasons.key, CAST(sum(reasons.value) AS INTEGER)"
        " FROM imports, json_each(imports.summary, '$.rejected') AS reasons"
        " GROUP BY source_id, reasons.key ORDER BY source_id, 3 DESC, 2"
    ):
        found.setdefault(source_id, {})[reason] = count
    return found


def rejections(connection: sqlite3.Connection, source_id: int | None = None) -> list[Rejections]:
    """Return what was rejected, by source, most frequent reasons first; of one source if it is named."""
    listed: dict[int, list[RejectionRecord]] = {}
    for row in connection.execute("SELECT source_id, summary FROM imports ORDER BY source_id, job_id"):
        if source_id in (None, row["source_id"]):
            summary = parse_model(ImportSummary, row["summary"].encode(), "imports")
            listed.setdefault(row["source_id"], []).extend(summary.listed_rejections)
    counted = _rejected(connection)
    return [Rejections(source, counted.get(source, {}), records) for source, records in listed.items()]


def edit_source(
    connection: sqlite3.Connection, source_id: int, *, name: str | None = None, role: Role | None = None
) -> None:
    """Give a source another name or role, and note it in the journal; what is not given stays as it is.

    Raises:
        UserError: another source has the name.
    """
    with transaction(connection):
        source = next(source for source in sources(connection) if source.id == source_id)
        name, role = name or source.name, role or source.role
        taken = connection.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()
        if taken is not None and taken["id"] != source.id:
            raise UserError(Problem("corpus.name_taken", "name", {"name": name}))
        label = Label("Source {name} renamed to {new}", {"name": source.name, "new": name})
        if name == source.name:
            label = Label("Role of {name} changed", {"name": name})
        apply_source(connection, source.id, name, role)
        named = ((source.name, source.role), (name, role))
        before, after = (Naming(name=each, role=what).model_dump_json() for each, what in named)
        journal.record(connection, label, f"source:{source.id}", before, after)


def apply_source(connection: sqlite3.Connection, source_id: int, name: str, role: Role) -> None:
    """Set a source's name and role, in the saved mixtures too; called inside a transaction."""
    row = connection.execute("SELECT name FROM sources WHERE id = ?", (source_id,)).fetchone()
    if row is None:
        raise damaged(connection)
    old = row["name"]
    connection.execute("UPDATE sources SET name = ?, role = ? WHERE id = ?", (name, role, source_id))
    if old != name:
        plans.rename_source(connection, old, name)


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
