"""Import a corpus, and the table of what there is."""

import os
from dataclasses import dataclass

from domainstudio.mixture.shares import Role
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project import documents, tokens
from domainstudio.project.database import damaged
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.importing import _imports_into, checked_name

SHOWN_CHARACTERS = 200_000
"""Of a longer document the window shows the beginning."""


@dataclass(frozen=True)
class TableRow:
    """A row of the corpus table; token figures are None until the source is packed."""

    counts: index.SourceCounts
    tokens: int | None
    characters_per_token: float | None
    share: float | None


@dataclass(frozen=True)
class DocumentText:
    """A document as it is read: its row in the index, its source, and its text, which may be cut."""

    row: documents.DocumentRow
    source: str
    origin: str
    position: int
    text: str
    witness: documents.DocumentRow | None
    """The document that this one repeats."""


def table(project: Project) -> list[TableRow]:
    """Return the corpus table, a row per source."""
    tokenizer = tokens.current_tokenizer(project.connection)
    files = tokens.token_files(project.connection, tokenizer.sha256, "training") if tokenizer else []
    by_source = {file.source: file for file in files}
    total = sum(file.tokens for file in files)
    rows = []
    for counts in index.counts(project.connection):
        file = by_source.get(counts.name)
        rows.append(
            TableRow(
                counts=counts,
                tokens=file.tokens if file else None,
                characters_per_token=counts.training_characters / file.tokens
                if file and file.tokens
                else None,
                share=file.tokens / total if file and total else None,
            )
        )
    return rows


def read_document(project: Project, document: int, limit: int = SHOWN_CHARACTERS) -> DocumentText:
    """Return a document with at most `limit` characters of its text.

    Raises:
        UserError: there is none of this number, or its shard cannot be read.
    """
    from domainstudio.corpus import documents as shards

    rows = documents.rows_of(project.connection, [document])
    if not rows:
        raise UserError(Problem("document.missing", "document", {"document": document}))
    row = rows[0]
    shard = project.shard(row.job_id, row.shard)
    try:
        stored = shards.read_document(shard, row.row)
    except (OSError, IndexError, ValueError) as error:  # ValueError: Arrow's word for a damaged file
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error).splitlines()[0]
        params = {"file": str(shard), "reason": reason}
        raise UserError(Problem("document.unreadable", "document", params)) from None
    source = next((one for one in index.sources(project.connection) if one.id == row.source_id), None)
    if source is None:
        raise damaged(project.connection)
    witness = documents.rows_of(project.connection, [row.witness] if row.witness is not None else [])
    return DocumentText(
        row=row,
        source=source.name,
        origin=stored.origin,
        position=stored.position,
        text=stored.text[:limit],
        witness=next(iter(witness), None),
    )


def rename_source(project: Project, name: str, new: str) -> None:
    """Give a source another name, in the saved mixtures too; a run keeps the name it began with.

    Raises:
        UserError: there is no such source, the new name is none or taken, or an import into it is going on.
    """
    source, new = source_named(project, name), checked_name(new)
    if new != name and any(work.into is None for work in _imports_into(project, name)):
        raise UserError(Problem("corpus.import_running", "name", {"source": name}))
    index.edit_source(project.connection, source.id, name=new)


def set_role(project: Project, name: str, role: Role) -> None:
    """Give a source another role.

    Raises:
        UserError: there is no such source.
    """
    index.edit_source(project.connection, source_named(project, name).id, role=role)


def source_named(project: Project, name: str) -> index.Source:
    """Return a source.

    Raises:
        UserError: there is none of this name.
    """
    source = index.find_source(project.connection, name)
    if source is None:
        known = ", ".join(source.name for source in index.sources(project.connection)) or "-"
        raise UserError(Problem("corpus.unknown_source", "source", {"source": name, "known": known}))
    return source
