"""The project folder: project.sqlite with documents/, tokens/, models/ and jobs/."""

import json
import os
import re
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.spec import JOB_ID
from domainstudio.paths import inside, sync_folder
from domainstudio.problems import Problem, UserError
from domainstudio.project.database import check_version, connect, known_version, migrate, transaction
from domainstudio.recipe.run import ModelOrigin

DATABASE = "project.sqlite"
_FOLDERS = ("documents", "tokens", "models", "jobs")


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
        self._opened = file.stat()
        self.connection: sqlite3.Connection = connect(file, read_only=read_only)
        if not read_only and check_version(self.connection, file) < known_version():
            migrate(file)

    def __enter__(self) -> "Project":
        """Return the open project."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.connection.close()

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

        Raises:
            UserError: it was moved, deleted or replaced.
        """
        try:
            is_same = os.path.samestat(self._opened, (self.path / DATABASE).stat())
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise UserError(Problem("project.moved", "project", {"folder": str(self.path)}))

    def job(self, job_id: str) -> JobFolder:
        """Return a job of this project.

        Raises:
            UserError: there is none of this name.
        """
        folder = JobFolder(self.jobs / job_id)
        if not JOB_ID.fullmatch(job_id) or not (folder.path / "spec.json").is_file():
            raise UserError(Problem("job.missing", "run", {"job": job_id, "folder": str(self.jobs)}))
        return folder

    def inside(self, relative: str) -> Path:
        """Return a path within the project, refusing one that leaves it."""
        return inside(self.path, relative)

    @property
    def base(self) -> ModelOrigin:
        """Where the project's base model comes from."""
        row = self.connection.execute("SELECT value FROM facts WHERE key = 'base'").fetchone()
        return ModelOrigin.model_validate_json(row["value"])


def create(path: Path, base: ModelOrigin) -> Project:
    """Make a new project folder with its database and open it.

    The database takes its name last: a folder without it is no project.

    Raises:
        UserError: the folder exists and is not empty, or cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(Problem("project.folder_taken", "project", {"folder": str(path)}))
    if not re.fullmatch(r"[^\x00-\x1f/\\]+", path.name):
        raise UserError(Problem("project.bad_name", "project", {"name": path.name}))
    try:
        for name in _FOLDERS:
            (path / name).mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".new-", suffix=".sqlite", dir=path)
        os.close(handle)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            Problem("project.cannot_create", "project", {"folder": str(path), "reason": reason})
        ) from None
    migrate(Path(draft))
    with closing(connect(Path(draft))) as connection, transaction(connection):
        facts = {"base": base.model_dump_json(), "created_at": json.dumps(time.time())}
        connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
    os.replace(draft, path / DATABASE)
    sync_folder(path)
    return Project(path)
