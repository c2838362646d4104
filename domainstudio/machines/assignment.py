"""remote.json: on which machine a job runs; a project names machines, it never describes them."""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small, write_atomically

ASSIGNMENT = "remote.json"
PROJECT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
Fetch = Literal["model", "all", "none"]


class Assignment(BaseModel):
    """Where a job runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """By its name: how it is reached is known to the person's own list of machines alone."""
    project: str
    """Name of the project's folder among those on the machine."""
    fetch: Fetch = "model"
    """What comes back when the job is done: the model of its result, all its checkpoints, or nothing yet."""
    attempts: int = Field(default=0, ge=0)
    """Attempts known of when it was last asked to start."""
    is_asked: bool = True
    """Whether a start is asked for that has not been confirmed."""

    @field_validator("project")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not PROJECT_KEY.fullmatch(name):
            raise ValueError("letters, digits, - and _ alone")
        return name


def read_assignment(job: Path) -> Assignment | None:
    """Return on which machine a job runs, None for this one.

    Raises:
        UserError: the file is damaged.
    """
    file = job / ASSIGNMENT
    try:
        return parse_model(Assignment, read_small(file), str(file))
    except FileNotFoundError:
        return None


def write_assignment(job: Path, assignment: Assignment) -> None:
    """Replace it."""
    write_atomically(job / ASSIGNMENT, assignment.model_dump_json().encode())
