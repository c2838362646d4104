"""Documents in the index, page by page: no question counts or skips more rows than one block holds."""

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Literal

from domainstudio.project.database import damaged

BLOCK = 4096
"""Ids in a block; migration 0003 has the same number."""

TRAINING, HELD_OUT = "training", "held_out"
KEPT = (TRAINING, HELD_OUT)
"""The states of documents that are used; every other state is the reason of a mark."""

SortKey = Literal["position", "characters", "title"]
_ORDERS: dict[SortKey, str] = {
    "position": "source_id {way}, {rank} {way}, id {way}",
    "characters": "characters {way}, id {way}",
    "title": "title COLLATE NOCASE {way}, id {way}",
}
_RANK = f"CASE state WHEN '{TRAINING}' THEN '' WHEN '{HELD_OUT}' THEN ' ' ELSE state END"
_FACTS = "id, source_id, job_id, shard, row, title, characters, language, state, witness"
_INTERRUPT_STEPS = 200_000


@dataclass(frozen=True)
class StateCount:
    """What a source has in one state."""

    source_id: int
    state: str
    documents: int
    characters: int
    bytes: int


@dataclass(frozen=True)
class DocumentFilter:
    """Which documents are listed: of one source or of all, in some states or (empty) in any."""

    source_id: int | None = None
    states: tuple[str, ...] = KEPT

    def has(self, source_id: int, state: str) -> bool:
        """Return whether documents of this source in this state are listed."""
        return self.source_id in (None, source_id) and (not self.states or state in self.states)


@dataclass(frozen=True)
class DocumentRow:
    """One visible document without its text; `witness` is the document that a marked one repeats."""

    id: int
    source_id: int
    job_id: str
    shard: str
    row: int
    title: str
    characters: int
    language: str | None
    state: str
    witness: int | None


def recount(connection: sqlite3.Connection, blocks: Iterable[int]) -> None:
    """Count some blocks anew; whoever changes marks or visibility does so in the same transaction.

    Raises:
        UserError: a document is of no source.
    """
    try:
        _recount(connection, blocks)
    except sqlite3.IntegrityError as error:
        raise damaged(connection) from error


def _recount(connection: sqlite3.Connection, blocks: Iterable[int]) -> None:
    for block in sorted(set(blocks)):
        connection.execute("DELETE FROM document_blocks WHERE block = ?", (block,))
        connection.execute(
            "INSERT INTO document_blocks SELECT source_id, state, ?1, count(*), sum(characters), sum(bytes)"
            " FROM documents WHERE id >= ?1 * ?2 AND id < (?1 + 1) * ?2 AND source_id IS NOT NULL"
            " GROUP BY source_id, state",
            (block, BLOCK),
        )


def blocks_of_job(connection: sqlite3.Connection, job_id: str) -> set[int]:
    """Return the blocks in which an import's documents lie."""
    rows = connection.execute("SELECT DISTINCT id / ? FROM documents WHERE job_id = ?", (BLOCK, job_id))
    return {block for (block,) in rows}


def state_counts(connection: sqlite3.Connection) -> list[StateCount]:
    """Return what every source has in each state, in order of sources, used states first."""
    rows = connection.execute(
        "SELECT source_id, state, sum(documents) AS documents, sum(characters) AS characters,"
        f" sum(bytes) AS bytes FROM document_blocks GROUP BY source_id, state ORDER BY source_id, {_RANK}"
    )
    found = [StateCount(**dict(row)) for row in rows]
    if any(min(count.documents, count.characters, count.bytes) < 0 for count in found):
        raise damaged(connection)
    return found


@dataclass(frozen=True)
class _Segment:
    """The documents of one source in one state: its blocks, and how many documents lie up to each."""

    key: tuple[int, str]
    blocks: list[int]
    ends: list[int]


class Listing:
    """The documents of a filter in their order: by source, used ones first, then as they were imported.

    It knows how many lie in each block, so that the page at any position is found at once.
    """

    def __init__(self, segments: list[_Segment]) -> None:
        """Take the segments in order."""
        self._segments = segments
        self._ends = list(accumulate(segment.ends[-1] for segment in segments))

    @property
    def total(self) -> int:
        """How many documents there are."""
        return self._ends[-1] if self._ends else 0

    def page(self, connection: sqlite3.Connection, first: int, count: int) -> list[DocumentRow]:
        """Return up to `count` documents from position `first` on."""
        found: list[DocumentRow] = []
        number = bisect_right(self._ends, first)
        offset = first - (self._ends[number - 1] if number else 0)
        while len(found) < count and number < len(self._segments):
            segment = self._segments[number]
            place = bisect_right(segment.ends, offset)
            skipped = offset - (segment.ends[place - 1] if place else 0)
            rows = connection.execute(
                f"SELECT {_FACTS} FROM documents INDEXED BY documents_by_state"
                " WHERE source_id = ? AND state = ? AND id >= ? ORDER BY id LIMIT ? OFFSET ?",
                (*segment.key, segment.blocks[place] * BLOCK, count - len(found), skipped),
            )
            found += map(_row, rows)
            number, offset = number + 1, 0
        return found


def listing(connection: sqlite3.Connection, wanted: DocumentFilter) -> Listing:
    """Return the documents of a filter, ready to be paged."""
    rows = connection.execute(
        "SELECT source_id, state, block, documents FROM document_blocks"
        f" WHERE ?1 IS NULL OR source_id = ?1 ORDER BY source_id, {_RANK}, block",
        (wanted.source_id,),
    )
    segments = []
    for (source_id, state), blocks in groupby(rows, key=lambda row: (row[0], row[1])):
        if wanted.has(source_id, state):
            counted = [(row[2], row[3]) for row in blocks]
            ends = list(accumulate(documents for _, documents in counted))
            segments.append(_Segment((source_id, state), [block for block, _ in counted], ends))
    return Listing(segments)


def walk(connection: sqlite3.Connection, wanted: DocumentFilter, chunk: int = 200) -> Iterator[DocumentRow]:
    """Yield the documents of a filter in the order of its listing.

    Each chunk begins after the last document seen: whatever is imported meanwhile, none comes twice.
    """
    for count in state_counts(connection):
        if not wanted.has(count.source_id, count.state):
            continue
        last = -1
        while rows := connection.execute(
            f"SELECT {_FACTS} FROM documents INDEXED BY documents_by_state"
            " WHERE source_id = ? AND state = ? AND id > ? ORDER BY id LIMIT ?",
            (count.source_id, count.state, last, chunk),
        ).fetchall():
            yield from map(_row, rows)
            last = rows[-1]["id"]


def rows_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[DocumentRow]:
    """Return the visible documents with these ids, in this order."""
    wanted = list(ids)
    rows = connection.execute(
        f"SELECT {_FACTS} FROM documents WHERE source_id IS NOT NULL"
        f" AND id IN ({', '.join('?' * len(wanted))})",
        wanted,
    )
    found = {row["id"]: _row(row) for row in rows}
    return [found[number] for number in wanted if number in found]


def parts(connection: sqlite3.Connection, wanted: DocumentFilter) -> list[tuple[str, str]]:
    """Return (job id, shard) of every part that may hold documents of a filter."""
    rows = connection.execute(
        "SELECT job_id FROM imports WHERE ?1 IS NULL OR source_id = ?1 ORDER BY source_id, job_id",
        (wanted.source_id,),
    )
    return [(job_id, shard) for (job_id,) in rows.fetchall() for shard in _shards(connection, job_id)]


def rows_in_part(
    connection: sqlite3.Connection, wanted: DocumentFilter, job_id: str, shard: str
) -> Iterator[tuple[int, int]]:
    """Yield (row, id) of the documents of a filter in one part, by ascending row."""
    rows = connection.execute(
        "SELECT row, id, source_id, state FROM documents"
        " WHERE job_id = ? AND shard = ? AND source_id IS NOT NULL ORDER BY row",
        (job_id, shard),
    )
    return ((row, number) for row, number, source_id, state in rows if wanted.has(source_id, state))


def sorted_ids(
    connection: sqlite3.Connection,
    wanted: DocumentFilter,
    sort: SortKey,
    *,
    descending: bool = False,
    among: Iterable[int] | None = None,
) -> Iterator[int]:
    """Yield the ids of a filter's documents in an order, or only those `among` some; SQLite sorts on disk."""
    order = _ORDERS[sort].format(way="DESC" if descending else "ASC", rank=_RANK)
    states = ", ".join("?" * len(wanted.states))
    conditions = "source_id IS NOT NULL" if wanted.source_id is None else "source_id = ?"
    conditions += f" AND state IN ({states})" if states else ""
    values = [*([] if wanted.source_id is None else [wanted.source_id]), *wanted.states]
    if among is not None:
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS among (id INTEGER PRIMARY KEY)")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM temp.among")
        connection.executemany("INSERT INTO temp.among VALUES (?)", ((number,) for number in among))
        connection.execute("COMMIT")
        conditions += " AND id IN (SELECT id FROM temp.among)"
    rows = connection.execute(f"SELECT id FROM documents WHERE {conditions} ORDER BY {order}", values)
    return (number for (number,) in rows)


@contextmanager
def interruptible(connection: sqlite3.Connection, check: Callable[[], None]) -> Iterator[None]:
    """Call `check` every few milliseconds while SQLite works; what it raises ends the question."""
    raised: list[Exception] = []

    def ask() -> int:
        try:
            check()
        except Exception as error:
            raised.append(error)
        return len(raised)

    connection.set_progress_handler(ask, _INTERRUPT_STEPS)
    try:
        yield
    except sqlite3.OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _shards(connection: sqlite3.Connection, job_id: str) -> Iterator[str]:
    """Yield the shards of an import, each found by one step in the index."""
    last = ""
    while row := connection.execute(
        "SELECT min(shard) FROM documents WHERE job_id = ? AND shard > ?", (job_id, last)
    ).fetchone():
        if row[0] is None or str(row[0]) <= last:  # an index out of order would lead back for ever
            return
        last = str(row[0])
        yield last


def _row(row: sqlite3.Row) -> DocumentRow:
    """Return a document; one imported before titles were kept is called by its place."""
    values = dict(row)
    values["title"] = values["title"] or f"{values['job_id']}/{values['shard']}:{values['row']}"
    return DocumentRow(**values)
