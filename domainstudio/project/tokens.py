"""Tokenizers and token files in the index."""

import sqlite3
from dataclasses import dataclass
from typing import Literal, get_args

from domainstudio.mixture.shares import Role
from domainstudio.project.database import damaged
from domainstudio.tokenizer.vocabulary import MOST_ENTRIES

Split = Literal["training", "held_out"]


@dataclass(frozen=True)
class TokenizerRow:
    """A tokenizer of the project; `folder` is relative to it."""

    folder: str
    sha256: str
    vocabulary: int


@dataclass(frozen=True)
class TokenFile:
    """A source packed with one tokenizer; `folder` is relative to the project."""

    source: str
    role: Role
    split: Split
    folder: str
    tokens: int
    documents: int
    bytes: int


def add_tokenizer(connection: sqlite3.Connection, row: TokenizerRow, job_id: str | None) -> None:
    """Add a tokenizer; the newest is the current one."""
    connection.execute(
        "INSERT INTO tokenizers (job_id, folder, sha256, vocabulary) VALUES (?, ?, ?, ?)",
        (job_id, row.folder, row.sha256, row.vocabulary),
    )


def current_tokenizer(connection: sqlite3.Connection) -> TokenizerRow | None:
    """Return the newest tokenizer."""
    return next(iter(_tokenizers(connection, "LIMIT 1")), None)


def all_tokenizers(connection: sqlite3.Connection) -> list[TokenizerRow]:
    """Return every tokenizer the project has had, the newest first."""
    return _tokenizers(connection, "")


def _tokenizers(connection: sqlite3.Connection, limit: str) -> list[TokenizerRow]:
    rows = connection.execute(
        f"SELECT folder, sha256, vocabulary FROM tokenizers ORDER BY id DESC {limit}"
    ).fetchall()
    if any(not 0 < row["vocabulary"] <= MOST_ENTRIES for row in rows):
        raise damaged(connection)
    return [TokenizerRow(**dict(row)) for row in rows]


def add_token_file(
    connection: sqlite3.Connection, job_id: str, source_id: int, tokenizer_sha256: str, file: TokenFile
) -> None:
    """Add the token file of one source and split."""
    connection.execute(
        "INSERT INTO token_files"
        " (job_id, source_id, split, folder, tokenizer_sha256, tokens, documents, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            source_id,
            file.split,
            file.folder,
            tokenizer_sha256,
            file.tokens,
            file.documents,
            file.bytes,
        ),
    )


def token_files(connection: sqlite3.Connection, tokenizer_sha256: str, split: Split) -> list[TokenFile]:
    """Return the newest token file of each source for a tokenizer, in order of the sources."""
    rows = connection.execute(
        """
        SELECT name AS source, role, split, folder, tokens, documents, bytes
        FROM token_files JOIN sources ON sources.id = source_id
        WHERE token_files.id IN (
            SELECT max(token_files.id) FROM token_files JOIN jobs ON jobs.id = job_id
            WHERE committed_at IS NOT NULL AND tokenizer_sha256 = ? AND split = ? GROUP BY source_id
        ) ORDER BY sources.id
        """,
        (tokenizer_sha256, split),
    )
    found = [TokenFile(**dict(row)) for row in rows]
    if any(
        file.role not in get_args(Role) or min(file.tokens, file.documents, file.bytes) < 0 for file in found
    ):
        raise damaged(connection)
    return found
