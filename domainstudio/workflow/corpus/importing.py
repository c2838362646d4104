"""Import files into a source, and the account of what became of them."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domainstudio.corpus import sample
from domainstudio.corpus.facts import ImportSummary
from domainstudio.corpus.finding import files_of
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.corpus.reading import text_bytes
from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.mixture.shares import Role, TextOrigin
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project import jobs
from domainstudio.project.project import Project
from domainstudio.workflow.running import Kind, Room, adopt, start, work_of

LONGEST_NAME = 100
"""Characters of a source's name."""

_SUMMARY = "summary.json"

_STORED = 0.4
"""Bytes on the disk for one of text: compressed, and what the index keeps of its documents."""


class ImportWork(BaseModel):
    """Read these files into this source; `rule` is frozen by the source's first import."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...]
    source: str
    role: Role
    settings: ReaderSettings
    rule: HeldOutRule | None
    into: int | None = None
    """Id of the source, which may get another name meanwhile; None for its first import."""
    text_origin: TextOrigin = "documents"


@dataclass(frozen=True)
class ImportAccount:
    """What became of the documents of one committed import: `read` = `kept` + `marked` + `rejected`.

    A document that was cut for holding out passages is kept while any of its pieces is.
    """

    read: int
    kept: int
    marked: int
    rejected: int


@dataclass(frozen=True)
class ImportPreview:
    """What an import would read."""

    files: int
    size_bytes: int


def start_import(
    project: Project,
    paths: list[Path],
    source: str,
    role: Role,
    settings: ReaderSettings,
    text_origin: TextOrigin = "documents",
) -> JobFolder:
    """Start importing files and folders into a source.

    Raises:
        UserError: a path is missing, nothing readable is there, name or path are no text, or the source has
            another role.
    """
    files_of(paths, settings)
    source = checked_name(source)
    for path in paths:
        if os.fsencode(path).decode("utf-8", "replace") != str(path):
            raise UserError(Problem("corpus.bad_path", "path", {"path": ascii(str(path))}))
    existing = index.find_source(project.connection, source)
    for other in [existing] if existing else _imports_into(project, source):
        if other.role != role:
            params = {"source": source, "role": other.role, "asked": role}
            raise UserError(Problem("corpus.other_role", "role", params))
        if other.text_origin != text_origin:
            raise UserError(Problem("corpus.other_origin", "name", {"source": source}))
    work = ImportWork(
        paths=tuple(str(path.absolute()) for path in paths),
        source=source,
        role=role,
        settings=settings,
        rule=existing.rule if existing else None,
        into=existing.id if existing else None,
        text_origin=text_origin,
    )
    return start(project, IMPORT, work)


def checked_name(name: str) -> str:
    """Return the name of a source as it is kept: without space around it.

    Raises:
        UserError: it is empty, too long, or holds what is no text on one line.
    """
    name = name.strip()
    if not name:
        raise UserError(Problem("corpus.name_empty", "name", {}))
    if not is_a_name(name):
        params = {"name": ascii(name[:LONGEST_NAME]), "most": LONGEST_NAME}
        raise UserError(Problem("corpus.bad_name", "name", params))
    return name


def is_a_name(name: str) -> bool:
    """Return whether a name is short, and text on one line."""
    is_text = not any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in name)
    return is_text and 0 < len(name) <= LONGEST_NAME


def start_sample(project: Project, source: str) -> JobFolder:
    """Start importing technical English found on this machine as general text, labelled as such."""
    files = sample.general_files()
    return start_import(
        project, files, source, "general", ReaderSettings(reader="docstrings"), "found on this machine"
    )


def preview(paths: list[Path], settings: ReaderSettings) -> ImportPreview:
    """Return what an import would read; no file is opened.

    Raises:
        UserError: a path is missing, or nothing readable is there.
    """
    files = files_of(paths, settings)
    return ImportPreview(len(files), sum(file.stat().st_size for file in files if file.is_file()))


def summary_of(folder: JobFolder) -> ImportSummary:
    """Return the account of a finished import."""
    file = folder.result / _SUMMARY
    return parse_model(ImportSummary, file.read_bytes(), str(file))


def account_of(project: Project, folder: JobFolder) -> ImportAccount:
    """Return the account of a committed import, counted from the marks in the index."""
    from domainstudio.corpus.documents import read_places, shards_of

    summary = summary_of(folder)
    kept = 0
    before: tuple[str, int, str] | None = None
    for shard in shards_of(project.path / "documents" / folder.job_id):
        unmarked = {
            row
            for held_out in (True, False)
            for row in index.rows_to_use(project.connection, folder.job_id, shard.name, held_out=held_out)
        }
        if summary.stored_documents == summary.documents:
            kept += len(unmarked)
            continue
        for row, place in enumerate(read_places(shard)):
            if row in unmarked and place != before:  # the pieces of a document lie side by side
                kept += 1
                before = place
    rejected = sum(summary.rejected.values())
    return ImportAccount(summary.documents + rejected, kept, summary.documents - kept, rejected)


def _imports_into(project: Project, name: str) -> Iterator[ImportWork]:
    """Yield the imports into a source that are under way, or done and not yet committed."""
    for folder in list_jobs(project.jobs, IMPORT.name):
        if jobs.is_committed(project.connection, folder.job_id):
            continue
        try:
            work: ImportWork = work_of(folder.spec(), IMPORT)
            is_coming = folder.status() in ("created", "running", "unknown", "done")
        except UserError:  # damaged: nothing will come of it
            continue
        if is_coming and work.source == name:
            yield work


def _run(worker: Worker, work: ImportWork, _project: Path, result: Path) -> None:
    from domainstudio.corpus.importing import Importer

    documents = result / "documents"
    documents.mkdir()

    def report(done: int, total: int) -> None:
        worker.check_stop()
        worker.progress(done, total, "files", "importing")

    summary = Importer(documents, work.settings, report).run([Path(path) for path in work.paths], work.rule)
    (result / _SUMMARY).write_text(summary.model_dump_json(indent=1), encoding="utf-8")


def _commit(project: Project, work: ImportWork, folder: JobFolder) -> Callable[[], None]:
    from domainstudio.corpus.documents import read_facts

    summary = summary_of(folder)
    documents = project.path / "documents" / folder.job_id
    adopt(folder.result / "documents", documents)
    connection = project.connection
    index.stage(connection, folder.job_id, read_facts(documents, summary.rule))
    return lambda: index.accept_import(
        connection,
        folder.job_id,
        work.source,
        work.role,
        summary,
        work.text_origin,
        into=work.into,
    )


def _room(project: Project, work: ImportWork) -> Room:
    files = files_of([Path(path) for path in work.paths], work.settings)
    stored = round(_STORED * sum(text_bytes(file, work.settings) for file in files))
    return Room(project.path, LEAST_ROOM + stored, stored // 4)


IMPORT = Kind("import", ImportWork, run=_run, commit=_commit, room=_room)
