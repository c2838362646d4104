"""The open project as the panes see it: questions, edits, and what changes by itself."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from domainstudio.gui.bridge import DISK_FAILED, Answer, Bridge, Outcome, ProjectThread, Receiver, Task
from domainstudio.jobs.leftovers import sweep
from domainstudio.problems import Problem, UserError
from domainstudio.project import jobs as index
from domainstudio.project.database import data_version, known_errors
from domainstudio.project.journal import Label
from domainstudio.project.project import DATABASE, Project
from domainstudio.workflow import history
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.machines.remote import follow_again, key_there
from domainstudio.workflow.overview import JobList, JobRow
from domainstudio.workflow.running import commit
from domainstudio.workflow.runs.run_list import RunList, RunRow

Found = TypeVar("Found")
FOLLOW_SECONDS = 0.1
CARRY_SECONDS = 5.0
"""How often it is looked whether runs on other machines are followed."""
RETRY_SECONDS = 5.0
READ_BYTES = 4 << 20
"""Events of a run read at once by the follower; a process of its own reads what is far longer."""
TOPICS_OF_KIND = {
    "import": frozenset({"corpus"}),
    "duplicates": frozenset({"duplicates"}),
    "contamination": frozenset({"checks"}),
    "tokenizer": frozenset({"tokens"}),
    "pack": frozenset({"tokens"}),
    "compare": frozenset({"tokens"}),
    "score": frozenset({"tokens"}),
    "size": frozenset({"tokens"}),
    "extend": frozenset({"tokens"}),
    "grow": frozenset({"tokens", "project"}),
    "train": frozenset({"runs"}),
    "laboratory": frozenset({"laboratory"}),
    "dry_step": frozenset({"runs"}),
}
"""Kind of job → what changes when it is committed."""
PASSING = (
    "project.locked", "project.disk_full", "project.disk_filled", "project.no_more_files",
    "project.read_only", "project.no_access",
)  # fmt: skip
"""Problems that mostly pass or are mended while the window is open: what they refused is tried again."""
ALL_TOPICS = frozenset({"corpus", "duplicates", "checks", "tokens", "plans", "laboratory", "runs", "project"})


class Session(QObject):
    """Reads, edits and follows one project; three threads serve it and none of them touches Qt.

    Signals:
        changed: frozenset of topics whose facts changed.
        jobs_changed: list[JobRow], whenever a job's state differs, at most ten times a second.
        runs_changed: list[RunRow], likewise.
        job_ended: JobRow of a job that ended while the window was open; what it made is there to be seen.
        edits_ended: no edit is waiting any more; True if all were written, False if one was refused.
        saving_asked: an edit follows that everything put off must come before.
        problem_found: Problem that no pane asked to hear of.
        crashed: Exception, a bug in a thread.
    """

    changed = Signal(frozenset)
    jobs_changed = Signal(list)
    runs_changed = Signal(list)
    job_ended = Signal(object)
    edits_ended = Signal(bool)
    saving_asked = Signal()
    problem_found = Signal(object)
    crashed = Signal(object)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        """Follow the project in `path`, migrating an older one first.

        Raises:
            UserError: it cannot be opened.
        """
        super().__init__(parent)
        self.path = path.resolve()
        with Project(self.path):
            pass
        self.jobs: list[JobRow] = []
        self.run_rows: list[RunRow] = []
        self._following = Project(self.path, read_only=True)
        self.key_there = key_there(self._following)
        """What the project's folder is called on other machines."""
        self.runs = RunList(self._following, READ_BYTES)
        self._bridge = Bridge(self)
        self._reader = ProjectThread(self.path, self._report, is_read_only=True)
        self._writer = ProjectThread(self.path, self._report, is_read_only=False)
        self._unwritten, self._is_any_refused = 0, False
        self._edits = 0
        self._newest: dict[object, Task] = {}
        self._asked: set[str] = set()
        self._uncommitted: set[str] = set()
        self._ended: dict[str, JobRow] = {}
        self._refusal = ""
        self._data_version: int | None = None
        self._closed = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._follower.start()
        self.edit(lambda project: sweep(project.jobs))

    def read(
        self,
        question: Callable[[Project], Found],
        answered: Callable[[Found], None],
        failed: Answer | None = None,
    ) -> None:
        """Ask the project off the window's thread.

        Args:
            question: called with a read-only project.
            answered: a bound method, called with the answer in the window's thread; a newer question with
                the same one replaces one that has not begun, or was asked before an edit that has ended.
            failed: a bound method, called with a Problem; by default `problem_found` is emitted.
        """
        key = (id(getattr(answered, "__self__", None)), getattr(answered, "__name__", ""))
        task = Task(
            question,
            Receiver(answered),
            Receiver(failed) if failed else None,
            key=key,
            edits_before=self._edits,
        )
        self._newest[key] = task
        self._bridge.change_awaited(1 - self._reader.do(task))

    def edit(
        self,
        change: Callable[[Project], Found],
        done: Callable[[Found], None] | None = None,
        failed: Answer | None = None,
        topics: frozenset[str] = frozenset(),
    ) -> None:
        """Change the project or start a job, in the one writing thread, in the order asked for.

        Args:
            change: called with a writable project; one transaction.
            done: a bound method, called with what `change` returned, after `changed` was emitted.
            failed: a bound method, called with a Problem; by default `problem_found` is emitted.
            topics: what of the project is different afterwards.
        """
        task = Task(change, Receiver(done) if done else None, Receiver(failed) if failed else None, topics)
        self._bridge.change_awaited(1)
        self._unwritten += bool(topics)
        self._writer.do(task)

    def undo(self, done: Callable[[Label | None], None] | None = None) -> None:
        """Take back the newest edit; what panes have put off is written before. `done` is as in `edit`."""
        self.saving_asked.emit()
        self.edit(history.undo, done, topics=ALL_TOPICS)

    def redo(self, done: Callable[[Label | None], None] | None = None) -> None:
        """Make the edit undone last again; as `undo`."""
        self.saving_asked.emit()
        self.edit(history.redo, done, topics=ALL_TOPICS)

    @property
    def is_writing(self) -> bool:
        """Whether an edit waits to be written."""
        return self._unwritten > 0

    def close(self) -> None:
        """End the threads; edits that were made are written first."""
        self._closed.set()
        self._follower.join()
        self._reader.close()
        self._writer.close()
        self._bridge.close()
        self._following.connection.close()

    def _report(self, outcome: Outcome) -> None:
        """Called in a thread of a project."""
        self._bridge.put(self._on_outcome, outcome)

    def _on_outcome(self, outcome: Outcome) -> None:
        task, error = outcome.task, outcome.error
        self._bridge.change_awaited(-1)
        if self._is_outdated(task):
            return
        self._edits += bool(task.topics)
        if isinstance(error, UserError):
            (task.failed or self.problem_found.emit)(error.problem)
        elif error is not None:
            self.crashed.emit(error)
        else:
            if task.topics:
                self.changed.emit(task.topics)
            if task.answered is not None:
                task.answered(outcome.value)
        if task.topics:
            self._end_edit(is_refused=error is not None)

    def _is_outdated(self, task: Task) -> bool:
        """Return whether an edit ended since this was asked and the same has been asked again."""
        newest = self._newest.get(task.key)
        if newest is task:
            del self._newest[task.key]
        return newest is not None and newest is not task and task.edits_before < self._edits

    def _end_edit(self, *, is_refused: bool) -> None:
        self._unwritten -= 1
        self._is_any_refused |= is_refused
        if not self._unwritten:
            is_any_refused, self._is_any_refused = self._is_any_refused, False
            self.edits_ended.emit(not is_any_refused)

    def _follow(self) -> None:
        """Put the state of jobs and runs into the queue whenever it differs; ask for commits."""
        jobs, before_jobs, before_runs = JobList(self._following), None, None
        told: Problem | None = None
        before_version: int | None = None
        carried_at = float("-inf")
        while not self._closed.is_set():
            try:
                with known_errors(self.path / DATABASE):
                    self._following.check_in_place()
                    rows, runs = jobs.refresh(), self.runs.refresh()
                    self._ask_for_commits(rows)
                    if time.monotonic() - carried_at >= CARRY_SECONDS:
                        is_first, carried_at = carried_at < 0, time.monotonic()
                        follow_again(self._following, also_refused=is_first)
                    version = data_version(self._following.connection)
            except UserError as error:
                if error.problem != told:
                    self._bridge.put(self.problem_found.emit, error.problem)
                told = error.problem
                if told.code in DISK_FAILED:
                    self._following.distrust()
                self._closed.wait(RETRY_SECONDS)
                continue
            except Exception as error:  # a bug: shown once with its traceback, the rest of the window goes on
                self._bridge.put(self.crashed.emit, error)
                return
            if told is not None:
                self._bridge.put(self.changed.emit, ALL_TOPICS)
                told = None
            if version != before_version:
                self._bridge.put(self._on_written, version)
                before_version = version
            if (runs, self.runs.refused) != before_runs:
                self._bridge.put(self._on_runs, runs)
                before_runs = runs, self.runs.refused
            if rows != before_jobs:
                self._bridge.put(self._on_jobs, rows)
                before_jobs = rows
            self._closed.wait(FOLLOW_SECONDS)

    def _ask_for_commits(self, rows: list[JobRow]) -> None:
        """Have committed what is done and nobody has committed, each job asked for once."""
        for row in rows:
            if row.status != "done":
                self._asked.discard(row.job_id)
            elif row.job_id not in self._asked:
                self._asked.add(row.job_id)
                is_committed = index.is_committed(self._following.connection, row.job_id)
                self._bridge.put(self._on_seen_committed if is_committed else self._commit, row.job_id)

    def _commit(self, job_id: str) -> None:
        if job_id.rsplit("-", 1)[0] in KINDS:
            self._uncommitted.add(job_id)
            self.edit(partial(_commit_job, job_id=job_id), self._on_committed, self._on_commit_refused)

    def _on_commit_refused(self, problem: Problem) -> None:
        if problem.code not in (
            self._refusal,
            "job.missing",
        ):  # once, however often it is tried; deleted by now
            self.problem_found.emit(problem)
        self._refusal = problem.code
        if problem.code in PASSING:
            QTimer.singleShot(int(RETRY_SECONDS * 1000), self, self._asked.clear)

    def _on_committed(self, committed: tuple[str, bool]) -> None:
        job_id, is_by_us = committed
        self._refusal = ""
        if is_by_us:
            self.changed.emit(TOPICS_OF_KIND.get(job_id.rsplit("-", 1)[0], frozenset({"jobs"})))
        self._on_seen_committed(job_id)

    def _on_seen_committed(self, job_id: str) -> None:
        """Tell now that a job ended: whoever hears of it finds what it made."""
        self._uncommitted.discard(job_id)
        if job_id in self._ended:
            self.job_ended.emit(self._ended.pop(job_id))

    def _on_written(self, _version: int) -> None:
        self._look_for_others()

    def _look_for_others(self) -> None:
        """Ask the writing connection, which counts the commits of others alone."""
        self.edit(_version_seen, self._on_version)

    def _on_version(self, version: int) -> None:
        before, self._data_version = self._data_version, version
        if before not in (None, version):
            self.changed.emit(ALL_TOPICS)

    def _on_jobs(self, rows: list[JobRow]) -> None:
        before = {row.job_id: row.status for row in self.jobs}
        self.jobs = rows
        self.jobs_changed.emit(rows)
        for row in rows:
            if before.get(row.job_id) == "running" and row.status != "running":
                if row.job_id in self._uncommitted:
                    self._ended[row.job_id] = row
                else:
                    self.job_ended.emit(row)

    def _on_runs(self, rows: list[RunRow]) -> None:
        self.run_rows = rows
        self.runs_changed.emit(rows)


def _commit_job(project: Project, job_id: str) -> tuple[str, bool]:
    """Return the job, and whether this call committed it: another program may be faster."""
    return job_id, commit(project, KINDS[job_id.rsplit("-", 1)[0]], project.job(job_id))


def _version_seen(project: Project) -> int:
    return data_version(project.connection)
