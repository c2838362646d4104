"""Near-duplicates in the index: what is compared, what a search found, and which list of removals stands."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.columns import digest, mapped
from domainstudio.corpus.duplicates.reasons import REASONS
from domainstudio.jobs.arrays import save_array
from domainstudio.paths import inside, read_small, whole_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project import documents, journal
from domainstudio.project.database import damaged, transaction
from domainstudio.project.journal import Label

FOLDER = "duplicates"
TARGET = "removal:standing"
"""What the journal calls the list that stands."""
_LIST, _DIGEST = "removals.npy", "removals.sha256"
_ROW = np.dtype([("document", "<i8"), ("witness", "<i8"), ("similarity", "<f4"), ("reason", "u1")])
_COMPARED = np.dtype(
    [
        ("row", "i8"),
        ("id", "i8"),
        ("source", "i4"),
        ("held_out", "?"),
        ("hash", "V16"),
        ("language", "u1"),
        ("marked", "?"),
    ]
)
_FACTS = np.dtype([("id", "i8"), ("source", "i8"), ("held_out", "?"), ("hash", "V16")])
LANGUAGES = ("", "ar", "ja", "ko", "th", "zh")
"""ISO 639, as documents have them; empty where the script does not decide it."""
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_LATEST_TIME = 1e11
"""Unix seconds that no clock shows, nor a date could."""
_LOT = 1 << 16
_CASES = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(LANGUAGES) if name)
_LANGUAGE = f"CASE language {_CASES} ELSE 0 END"
_ON_REASONS = ", ".join(f"'{reason}'" for reason in REASONS)


@dataclass(frozen=True, eq=False)
class ComparedPart:
    """The documents of one shard that are compared: in use, or marked as near-duplicates before."""

    job_id: str
    shard: str
    rows: NDArray[np.int64]
    """Ascending."""
    documents: NDArray[np.int64]
    """Ids."""
    sources: NDArray[np.int32]
    """Ids of their sources."""
    held_out: NDArray[np.bool_]
    hashes: NDArray[np.uint64]
    """Content hashes, shape [documents, 2]."""
    languages: NDArray[np.uint8]
    """Places in `LANGUAGES`."""
    marked: NDArray[np.bool_]
    """As near-duplicates."""

    @property
    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]:
        """Rows, ids, sources and what is held out."""
        return self.rows, self.documents, self.sources, self.held_out

    def only(self, wanted: NDArray[np.bool_]) -> "ComparedPart":
        """Return some of the documents."""
        arrays: dict[str, Any] = {
            name: value[wanted] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)


@dataclass(frozen=True)
class Finding:
    """A search that is committed; its pairs lie in `duplicates/<job>/`."""

    job_id: str
    summary: str
    """JSON."""


@dataclass(frozen=True)
class RemovalList:
    """A list of documents that was marked; `settings` is the JSON of what it was made with."""

    id: int
    job_id: str
    settings: str
    documents: int
    made_at: float


def compared_parts(connection: sqlite3.Connection) -> Iterator[ComparedPart]:
    """Yield what a search compares, shard by shard in the order of import."""
    shards = connection.execute(
        "SELECT job_id, shard FROM documents WHERE source_id IS NOT NULL GROUP BY job_id, shard"
        " ORDER BY min(id)"
    ).fetchall()
    for job_id, shard in shards:
        found = connection.execute(
            f"SELECT row, id, source_id, held_out, content_hash, {_LANGUAGE},"
            " mark IS NOT NULL FROM documents"
            " WHERE job_id = ? AND shard = ?"
            f" AND source_id IS NOT NULL AND (mark IS NULL OR mark IN ({_ON_REASONS})) ORDER BY row",
            (job_id, shard),
        )
        try:
            table = np.fromiter((tuple(row) for row in found), _COMPARED)
        except OverflowError:  # the number of a source
            raise damaged(connection) from None
        if len(table):
            hashes = np.ascontiguousarray(table["hash"]).view("<u8").reshape(-1, 2)
            yield ComparedPart(
                job_id, shard, table["row"], table["id"], table["source"], table["held_out"], hashes,
                table["language"], table["marked"],
            )  # fmt: skip


def count_compared(connection: sqlite3.Connection) -> int:
    """Return how many documents a search would compare; no document is counted for it."""
    return sum(
        count.documents
        for count in documents.state_counts(connection)
        if count.state in (*documents.KEPT, *REASONS)
    )


def accept_finding(connection: sqlite3.Connection, job_id: str, summary: str) -> None:
    """Add a search; called inside the committing transaction."""
    connection.execute("INSERT INTO findings VALUES (?, ?)", (job_id, summary))


def newest_finding(connection: sqlite3.Connection) -> Finding | None:
    """Return the search that was committed last."""
    row = connection.execute(
        "SELECT job_id, summary FROM findings JOIN jobs ON jobs.id = job_id"
        " WHERE committed_at IS NOT NULL ORDER BY committed_at DESC LIMIT 1"
    ).fetchone()
    return Finding(row["job_id"], row["summary"]) if row else None


def standing(connection: sqlite3.Connection) -> RemovalList | None:
    """Return the list whose documents are marked, None if none is."""
    row = connection.execute(
        "SELECT id, job_id, settings, documents, made_at FROM removals WHERE stands"
    ).fetchone()
    if row is None:
        return None
    found = RemovalList(**dict(row))
    if not (_NUMBER.fullmatch(str(found.id)) and found.documents >= 0 and 0 <= found.made_at < _LATEST_TIME):
        raise damaged(connection)
    return found


def mark(
    connection: sqlite3.Connection, project: Path, job_id: str, settings: str, rows: NDArray[np.void]
) -> None:
    """Mark the documents of a new list in place of the one that stands, and note it in the journal.

    Args:
        connection: outside a transaction.
        project: its folder, in which the list is kept.
        job_id: the search whose pairs justify the list.
        settings: JSON of what the list was made with.
        rows: see `removal_rows`.
    """
    with transaction(connection):
        number = 1 + int(connection.execute("SELECT coalesce(max(id), 0) FROM removals").fetchone()[0])
        if not _NUMBER.fullmatch(str(number)):
            raise damaged(connection)
        folder = _folder_of(project, number)
        _discard(folder)  # of a process that was killed before it could commit
        with whole_folder(folder) as draft:
            save_array(draft / _LIST, rows)
            (draft / _DIGEST).write_text(digest([draft / _LIST]))
        connection.execute(
            "INSERT INTO removals (id, job_id, settings, documents, made_at) VALUES (?, ?, ?, ?, ?)",
            (number, job_id, settings, len(rows), time.time()),
        )
        _replace(connection, project, str(number))


def unmark(connection: sqlite3.Connection, project: Path) -> None:
    """Use every document again that the standing list marked, and note it in the journal."""
    with transaction(connection):
        _replace(connection, project, None)


def _replace(connection: sqlite3.Connection, project: Path, value: str | None) -> None:
    before = standing_value(connection)
    let_stand(connection, project, value)
    after = standing(connection)
    label = Label("Near-duplicates used again")
    if after is not None:
        label = Label("{count} near-duplicates marked", {"count": f"{after.documents:,}"})
    journal.record(connection, label, TARGET, before, value)


def standing_value(connection: sqlite3.Connection) -> str | None:
    """Return what the journal keeps of the list that stands: its number; None if none does."""
    found = standing(connection)
    return str(found.id) if found else None


def let_stand(connection: sqlite3.Connection, project: Path, value: str | None) -> None:
    """Mark the documents of a list, given as `standing_value` has it, and no others.

    Called inside a transaction. A document that was marked for another reason since keeps that mark.

    Raises:
        UserError: the list is gone or damaged.
    """
    if value is not None and not _NUMBER.fullmatch(value):
        raise damaged(connection)
    number = None if value is None else int(value)
    rows = np.empty(0, _ROW) if number is None else _read(connection, project, number)
    freed = connection.execute(
        f"UPDATE documents SET mark = NULL, witness = NULL WHERE mark IN ({_ON_REASONS})"
        f" RETURNING id / {documents.BLOCK}"
    )
    changed = {block for (block,) in freed.fetchall()}
    connection.executemany(
        "UPDATE documents SET mark = ?, witness = ? WHERE id = ? AND mark IS NULL AND source_id IS NOT NULL",
        (
            (REASONS[reason], witness, document)
            for document, witness, reason in zip(
                rows["document"].tolist(), rows["witness"].tolist(), rows["reason"].tolist(), strict=True
            )
        ),
    )
    changed |= set(np.unique(rows["document"] // documents.BLOCK).tolist())
    documents.recount(connection, changed)
    connection.execute("UPDATE removals SET stands = (id IS ?) WHERE stands OR id = ?", (number, number))


def removal_rows(
    removed: NDArray[np.int64],
    witnesses: NDArray[np.int64],
    similarity: NDArray[np.float32],
    reasons: NDArray[np.uint8],
) -> NDArray[np.void]:
    """Return a list of removals: ids of the removed and of their kept witnesses, and places in `REASONS`."""
    rows = np.empty(len(removed), _ROW)
    rows["document"], rows["witness"] = removed, witnesses
    rows["similarity"], rows["reason"] = similarity, reasons
    return rows


def _folder_of(project: Path, number: int) -> Path:
    return inside(project, f"{FOLDER}/removal-{number}")


def _discard(folder: Path) -> None:
    for file in (folder / _LIST, folder / _DIGEST, folder):
        if file.is_file():
            file.unlink()
        elif file.is_dir():
            file.rmdir()


def _read(connection: sqlite3.Connection, project: Path, number: int) -> NDArray[np.void]:
    """Return a list that was made here, of documents that may go for the sake of others that stay.

    Raises:
        UserError: it is missing or damaged, or no search can have led to it.
    """
    folder = _folder_of(project, number)
    found = connection.execute("SELECT documents FROM removals WHERE id = ?", (number,)).fetchone()
    try:
        rows: NDArray[np.void] = mapped(inside(folder, _LIST), _ROW, (max(0, found["documents"]),))
        sealed = folder / _DIGEST  # an earlier version wrote none
        is_right = not sealed.exists() or read_small(sealed) == digest([folder / _LIST]).encode()
    except (OSError, ValueError, TypeError):  # the last: no row of this number
        is_right = False
    if not (is_right and _can_go(connection, rows)):
        raise UserError(Problem("duplicates.list_damaged", None, {"folder": str(folder)}))
    return rows


def _can_go(connection: sqlite3.Connection, rows: NDArray[np.void]) -> bool:
    """Return whether all rows are of different documents that are not held out, and of others that stay."""
    removed = np.sort(rows["document"])
    if (rows["reason"] >= len(REASONS)).any() or not (np.diff(removed) > 0).all():
        return False
    if np.isin(rows["witness"], removed).any():
        return False
    witnesses = np.unique(rows["witness"])
    held_out = np.concatenate([*_facts(connection, removed)] or [np.empty(0, _FACTS)])["held_out"]
    there = sum(len(lot) for lot in _facts(connection, witnesses))
    return len(held_out) == len(removed) and not held_out.any() and there == len(witnesses)


def are_as_compared(
    connection: sqlite3.Connection,
    ids: NDArray[np.int64],
    sources: NDArray[np.int32],
    held_out: NDArray[np.bool_],
    hashes: NDArray[np.uint64],
) -> bool:
    """Return whether documents are still what a search says of them: none of it ever changes.

    Args:
        connection: for reading.
        ids: of documents, each once.
        sources: ids of their sources.
        held_out: of each.
        hashes: of their contents, shape [documents, 2].
    """
    said = np.empty(len(ids), _FACTS)
    said["id"], said["source"], said["held_out"] = ids, sources, held_out
    said["hash"] = np.ascontiguousarray(hashes, "<u8").view("V16").reshape(-1)
    said = said[np.argsort(ids)]
    start = 0
    for lot in _facts(connection, said["id"]):
        if not np.array_equal(lot, said[start : start + len(lot)]):
            return False
        start += len(lot)
    return start == len(said)


def _facts(connection: sqlite3.Connection, ids: NDArray[np.int64]) -> Iterator[NDArray[np.void]]:
    """Yield what the index has of those of some ascending documents that are visible, in lots."""
    for start in range(0, len(ids), _LOT):
        wanted = json.dumps(ids[start : start + _LOT].tolist())
        rows = connection.execute(
            "SELECT id, source_id, held_out, content_hash FROM documents"
            " WHERE id IN (SELECT value FROM json_each(?)) AND source_id IS NOT NULL ORDER BY id",
            (wanted,),
        )
        yield np.fromiter((tuple(row) for row in rows), _FACTS)
