"""Find near-duplicates, see what a threshold would remove, and mark it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from domainstudio.corpus.duplicates.finding import find
from domainstudio.corpus.duplicates.plan import THOROUGH, Part, Settings
from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.arrays import save_array
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem, UserError
from domainstudio.project import duplicates
from domainstudio.project import verdicts as decided
from domainstudio.project.database import snapshot
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates.marking import (
    HASHES,
    LANGUAGES,
    Marking,
    Preview,
    Search,
    seal,
    wishes_of,
)
from domainstudio.workflow.running import Kind, Room, adopt, start

_DOCUMENT_BYTES = 700
"""What a search writes for a document besides the sets of candidates."""


class FindWork(BaseModel):
    """Compare every document that is in use with every other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings


def start_find(project: Project, *, thorough: bool = False) -> JobFolder:
    """Start looking for near-duplicates.

    Raises:
        UserError: there is no text yet.
    """
    if not duplicates.count_compared(project.connection):
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))
    return start(project, FIND, FindWork(settings=THOROUGH if thorough else Settings()))


def search_of(project: Project) -> Search:
    """Return the newest search, opened.

    Raises:
        UserError: there is none, or it is damaged.
    """
    finding = duplicates.newest_finding(project.connection)
    if finding is None:
        raise UserError(Problem("duplicates.none_yet", None, {"project": str(project.path)}))
    return Search(project, finding.job_id)


def is_stale(project: Project, search: Search) -> bool:
    """Return whether documents came since a search, which it knows nothing of."""
    return duplicates.count_compared(project.connection) != len(search.found.ids)


def standing_marking(project: Project) -> Marking:
    """Return what was marked last, the usual marking if nothing was."""
    standing = duplicates.standing(project.connection)
    if standing is None:
        return Marking()
    return parse_model(Marking, standing.settings.encode(), "removals")


def preview(project: Project, marking: Marking) -> Preview:
    """Return what a marking of the newest search would remove, as a person's verdicts have it."""
    search = search_of(project)
    return search.preview(checked(search, marking), wishes_of(search, decided.verdicts(project.connection)))


def checked(search: Search, marking: Marking) -> Marking:
    """Return a marking whose sources all exist.

    Raises:
        UserError: one does not.
    """
    for name in marking.sources:
        if name not in search.source_names.values():
            known = ", ".join(search.source_names.values())
            raise UserError(Problem("corpus.unknown_source", "source", {"source": name, "known": known}))
    return marking


def mark(project: Project, marking: Marking) -> Preview:
    """Mark what a marking of the newest search removes, in place of what was marked before.

    Raises:
        UserError: there is no search, it is damaged or of other documents, or a source is unknown.
    """
    search = search_of(project)
    search.check_whole()
    found = search.preview(checked(search, marking), wishes_of(search, decided.verdicts(project.connection)))
    ids, removals = search.found.ids, found.removals
    involved = np.union1d(removals.documents, removals.witnesses)
    sources, held_out = search.found.sources[involved], search.found.held_out[involved]
    if not duplicates.are_as_compared(
        project.connection, ids[involved], sources, held_out, search.hashes[involved]
    ):
        raise search.damaged()
    rows = duplicates.removal_rows(
        ids[removals.documents], ids[removals.witnesses], removals.similarity, found.reasons
    )
    duplicates.mark(project.connection, project.path, search.job_id, marking.model_dump_json(), rows)
    return found


def unmark(project: Project) -> None:
    """Use every near-duplicate again."""
    duplicates.unmark(project.connection, project.path)


def _run(worker: Worker, work: FindWork, folder: Path, result: Path) -> None:
    with Project(folder, read_only=True) as project, snapshot(project.connection):
        compared = list(duplicates.compared_parts(project.connection))
        parts = [Part(project.shard(part.job_id, part.shard), *part.columns) for part in compared]

    def report(done: int, total: int, phase: str) -> None:
        worker.check_stop()
        worker.progress(done, total, "pairs" if phase == "comparing" else "documents", phase)

    found = result / duplicates.FOLDER
    found.mkdir(exist_ok=True)
    summary = find(found, parts, work.settings, report)
    save_array(found / HASHES, np.concatenate([part.hashes for part in compared]))
    save_array(found / LANGUAGES, np.concatenate([part.languages for part in compared]))
    seal(found)
    print(f"{summary.pairs} pairs of {summary.documents} documents", flush=True)


def _commit(project: Project, _work: FindWork, folder: JobFolder) -> Callable[[], None]:
    target = project.inside(f"{duplicates.FOLDER}/{folder.job_id}")
    adopt(folder.result / duplicates.FOLDER, target)
    summary = Search(project, folder.job_id).found.summary
    return lambda: duplicates.accept_finding(
        project.connection, folder.job_id, summary.model_dump_json(indent=1)
    )


def _room(project: Project, _work: FindWork) -> Room:
    needed = LEAST_ROOM + _DOCUMENT_BYTES * duplicates.count_compared(project.connection)
    return Room(project.path, needed, needed // 4)


FIND = Kind("duplicates", FindWork, run=_run, commit=_commit, room=_room, keeps_parts=True)
