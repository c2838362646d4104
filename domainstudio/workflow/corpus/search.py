"""Find text and sort documents: a job that writes positions, and pages read from them."""

from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.leftovers import discard
from domainstudio.jobs.parallel import run_tasks
from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem, UserError
from domainstudio.project import documents
from domainstudio.project.documents import DocumentFilter, DocumentRow, SortKey
from domainstudio.project.project import Project
from domainstudio.workflow.running import Kind, start

IN_PROCESS_BYTES = 16 << 20
"""Starting processes costs more than reading this much of Parquet."""
_POSITIONS = "positions.bin"
_CHUNK = 50_000
_KEPT_SEARCHES = 4
"""Results that stay when a new search starts: other windows and commands may read them."""


class SearchWork(BaseModel):
    """List the documents of a filter that hold `text`, letters' case aside, in an order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: int | None
    states: tuple[str, ...]
    text: str = ""
    """Empty: all of them."""
    sort: SortKey = "position"
    descending: bool = False

    @property
    def wanted(self) -> DocumentFilter:
        """The filter."""
        return DocumentFilter(self.source_id, self.states)


@dataclass(frozen=True)
class Found:
    """What a search found, by position: ids on disk, 8 bytes each, as they were when it ran."""

    file: Path

    @property
    def total(self) -> int:
        """How many documents were found."""
        return self.file.stat().st_size // 8

    def page(self, project: Project, first: int, count: int) -> list[DocumentRow]:
        """Return up to `count` documents from position `first` on; none if the search was ended meanwhile."""
        ids = array("q")
        with suppress(FileNotFoundError), self.file.open("rb") as source:
            source.seek(first * 8)
            ids.frombytes(source.read(count * 8))
        return documents.rows_of(project.connection, ids)


@dataclass(frozen=True)
class _Part:
    """One shard to search, in a process that opens the project itself."""

    project: Path
    job_id: str
    shard: str
    work: SearchWork


def start_search(
    project: Project,
    wanted: DocumentFilter,
    text: str = "",
    sort: SortKey = "position",
    *,
    descending: bool = False,
) -> JobFolder:
    """Start listing documents by their text or in another order than that of import.

    Raises:
        UserError: there is no text at all.
    """
    if not documents.state_counts(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))
    work = SearchWork(
        source_id=wanted.source_id, states=wanted.states, text=text, sort=sort, descending=descending
    )
    for old in list(list_jobs(project.jobs, SEARCH.name))[:-_KEPT_SEARCHES]:
        end_search(old)
    return start(project, SEARCH, work)


def found(folder: JobFolder) -> Found:
    """Return what a finished search found."""
    return Found(folder.result / _POSITIONS)


def end_search(folder: JobFolder) -> None:
    """Stop a search that nobody waits for, or remove what it found: by one rename, so never by half."""
    if folder.status() in ("created", "running"):
        folder.ask_to_stop()
        return
    with suppress(FileNotFoundError):  # another window was faster
        discard(folder)


def matching(work: SearchWork, items: Iterable[tuple[int, tuple[str, str]]]) -> "array[int]":
    """Return the ids of those (id, (title, text)) that hold the text, letters' case aside."""
    needle = work.text.casefold()
    return array(
        "q",
        (
            number
            for number, (title, text) in items
            if needle in text.casefold() or needle in title.casefold()
        ),
    )


def _run(worker: Worker, work: SearchWork, folder: Path, result: Path) -> None:
    with Project(folder, read_only=True) as project:
        among = _search(worker, work, project) if work.text else None
        worker.progress(0, 0, "", "sorting")
        with (
            documents.interruptible(project.connection, worker.check_stop),
            (result / _POSITIONS).open("wb") as target,
        ):
            ids = documents.sorted_ids(
                project.connection, work.wanted, work.sort, descending=work.descending, among=among
            )
            _write(target.write, ids)


def _write(write: Callable[[bytes], object], ids: Iterable[int]) -> None:
    chunk = array("q")
    for number in ids:
        chunk.append(number)
        if len(chunk) == _CHUNK:
            write(chunk.tobytes())
            del chunk[:]
    write(chunk.tobytes())


def _search(worker: Worker, work: SearchWork, project: Project) -> "array[int]":
    parts = [
        _Part(project.path, job_id, shard, work)
        for job_id, shard in documents.parts(project.connection, work.wanted)
    ]

    def report(done: int) -> None:
        worker.check_stop()
        worker.progress(done, len(parts), "parts", "searching")

    report(0)
    size_bytes = sum(project.shard(part.job_id, part.shard).stat().st_size for part in parts)
    ids = array("q")
    for some in run_tasks(_search_part, parts, report, 0 if size_bytes < IN_PROCESS_BYTES else None):
        ids.extend(some)
    return ids


def _search_part(part: _Part, done: Callable[[], None]) -> "array[int]":
    from domainstudio.corpus.documents import read_titled_texts

    with Project(part.project, read_only=True) as project:
        rows, ids = array("q"), array("q")
        for row, number in documents.rows_in_part(
            project.connection, part.work.wanted, part.job_id, part.shard
        ):
            rows.append(row)
            ids.append(number)
        shard = project.shard(part.job_id, part.shard)
    texts = read_titled_texts(shard, rows)
    matches = matching(part.work, zip(ids, texts, strict=True))
    done()
    return matches


SEARCH = Kind("search", SearchWork, run=_run)
