"""The project folder: project.sqlite with documents/, tokens/, models/ and jobs/."""

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from domainstudio.disk import disk_problem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import JOB_ID, parse_model
from domainstudio.paths import inside, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project.database import connect, known_errors, settle, transaction
from domainstudio.project.migration import check_version, known_version, migrate
from domainstudio.recipe.run import ModelOrigin

DATABASE = "project.sqlite"
_FOLDERS = ("documents", "duplicates", "tokens", "models", "jobs")
_DRAFT = ".new-"


class Project:
    """An open project. Close it, or use it in a `with` statement."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the project in `path`, migrating an older one first.

        Raises:
            UserError: there is no project, or its database cannot be used.
        """
        self.path = path.resolve()
        file = self.path / DATABASE
        if not file.is_file():
            raise UserError(Problem("project.missing", "project", {"folder": str(path)}))
        for name in _FOLDERS:
            if (self.path / name).is_symlink():
                raise UserError(Problem("project.is_link", "project", {"file": str(self.path / name)}))
        self._is_read_only = read_only
        self._opened: os.stat_result | None = file.stat()
        self.connection: sqlite3.Connection = connect(file, read_only=read_only)
        try:
            if check_version(self.connection, file) < known_version() and not read_only:
                migrate(file)
            with known_errors(file):
                self._made = self._fact("created_at")
        except UserError:
            self.connection.close()
            raise

    def __enter__(self) -> "Project":
        """Return the open project."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Close the database; what it said of damage or of the disk becomes a UserError."""
        self.connection.close()
        if isinstance(error, sqlite3.Error):
            with known_errors(self.path / DATABASE):
                raise error

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def jobs(self) -> Path:
        """The only job folder."""
        return self.path / "jobs"

    def check_in_place(self) -> None:
        """Check that the folder still holds the database that was opened: else an edit would be lost.

        A project whose disk was away and is back is opened anew.

        Raises:
            UserError: it was moved, deleted or replaced by another.
        """
        try:
            found = (self.path / DATABASE).stat()
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if self._opened is None or found is None or not os.path.samestat(self._opened, found):
            self._open_anew()

    def distrust(self) -> None:
        """Have the database opened anew before it is used again: its disk failed."""
        self._opened = None

    def _open_anew(self) -> None:
        moved = UserError(Problem("project.moved", "project", {"folder": str(self.path)}))
        try:
            again = Project(self.path, read_only=self._is_read_only)
        except UserError:
            raise moved from None
        if again._made != self._made:
            again.connection.close()
            raise moved
        self.connection.close()
        self.connection, self._opened = again.connection, again._opened

    def job(self, job_id: str) -> JobFolder:
        """Return a job of this project.

        Raises:
            UserError: there is none of this name.
        """
        folder = JobFolder(self.jobs / job_id)
        is_there = (folder.path / "spec.json").is_file() and not folder.path.is_symlink()
        if not JOB_ID.fullmatch(job_id) or not is_there:
            raise UserError(Problem("job.missing", "run", {"job": job_id, "folder": str(self.jobs)}))
        return folder

    def shard(self, job_id: str, name: str) -> Path:
        """Return where a part of an import's documents lies, refusing one that leads out of the project."""
        file = inside(self.path, f"documents/{job_id}/{name}")
        if file.exists() and not file.is_file():
            raise UserError(Problem("file.not_plain", None, {"file": str(file)}))
        return file

    def inside(self, relative: str) -> Path:
        """Return a path within the project, refusing one that leaves it."""
        return inside(self.path, relative)

    @property
    def made(self) -> str:
        """When the project was made: another that lies here later has another."""
        return self._made

    @property
    def base(self) -> ModelOrigin:
        """Where the project's base model comes from."""
        return parse_model(ModelOrigin, self._fact("base").encode(), f"{self.path / DATABASE} base")

    def _fact(self, key: str) -> str:
        row = self.connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise UserError(Problem("project.damaged", None, {"file": str(self.path / DATABASE)}))
        return str(row["value"])


def set_base(connection: sqlite3.Connection, base: ModelOrigin) -> None:
    """Make another model the project's base; called inside a transaction."""
    connection.execute("UPDATE facts SET value = ? WHERE key = 'base'", (base.model_dump_json(),))


def create(path: Path, base: ModelOrigin) -> Project:
    """Make a new project folder with its database and open it.

    Raises:
        UserError: see `making`.
    """
    with making(path, base):
        pass
    return Project(path)


@contextmanager
def making(path: Path, base: ModelOrigin) -> Iterator[sqlite3.Connection]:
    """Make a project folder; the block may put more into it, and rows into its database.

    The database takes its name last: a folder without it is no project. If anything fails, what was made is
    removed; what a process that was killed had made is replaced.

    Raises:
        UserError: the folder exists and is not empty, or cannot be written.
    """
    if not re.fullmatch(r"[^\x00-\x1f/\\]+", path.name):
        raise UserError(Problem("project.bad_name", "project", {"name": path.name}))
    was_there = path.exists()
    if was_there and (not path.is_dir() or (any(path.iterdir()) and not _is_broken_off(path))):
        raise UserError(Problem("project.folder_taken", "project", {"folder": str(path)}))
    draft = path / f"{_DRAFT}{uuid4().hex}.sqlite"
    try:
        _clear(path)
        path.mkdir(parents=True, exist_ok=True)
        draft.touch()
        for name in _FOLDERS:
            (path / name).mkdir()
        migrate(draft)
        with closing(connect(draft)) as connection:
            with transaction(connection):
                facts = {"base": base.model_dump_json(), "created_at": json.dumps(time.time())}
                connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
                yield connection
            settle(connection, draft)
        os.replace(draft, path / DATABASE)
        sync_folder(path)
    except BaseException as error:
        problem = _why_not(error, path)  # before what was made is removed: it may be what filled the disk
        _clear(path)
        if not was_there:
            with suppress(OSError):  # its parent may not be there, or no folder
                path.rmdir()
        if problem is None:
            raise
        raise UserError(problem) from None


def _why_not(error: BaseException, path: Path) -> Problem | None:
    """Return what a person can mend; it names the project's folder, not a draft in it."""
    if isinstance(error, UserError):
        told = error.problem
        params = {**told.params, "file": str(path)} if "file" in told.params else told.params
        return Problem(told.code, told.field, params)
    if not isinstance(error, OSError):
        return None
    problem = disk_problem(error, path)
    if problem is not None and problem.code.startswith(("project.disk", "project.no_more_files")):
        return Problem(problem.code, "project", {**problem.params, "file": str(path)})
    reason = error.strerror or str(error)
    return Problem("project.cannot_create", "project", {"folder": str(path), "reason": reason})


def _is_broken_off(path: Path) -> bool:
    """Return whether a folder holds nothing but what making a project leaves when it is killed."""
    names = [entry.name for entry in path.iterdir()]
    is_ours = all(name in _FOLDERS or name.startswith(_DRAFT) for name in names)
    others = (file for name in _FOLDERS if name != "models" for file in (path / name).rglob("*"))
    return is_ours and any(name.startswith(_DRAFT) for name in names) and not any(others)


def _clear(path: Path) -> None:
    """Remove what making a project leaves, its mark last; called only where there was nothing else."""
    for name in _FOLDERS:
        shutil.rmtree(path / name, ignore_errors=True)
    for draft in path.glob(f"{_DRAFT}*"):
        draft.unlink()
