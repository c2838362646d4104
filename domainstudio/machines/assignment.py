"""remote.json: on which machines a job runs; a project names machines, it never describes them."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError

ASSIGNMENT = "remote.json"
PROJECT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
Fetch = Literal["model", "all", "none"]
MOST_MACHINES = 64
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class Assignment(BaseModel):
    """Where a job runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: Name
    """By its name: how it is reached is known to the person's own list of machines alone."""
    others: tuple[Name, ...] = Field(default=(), max_length=MOST_MACHINES - 1)
    """Those that train with it, each a node of one run; what the run tells and makes is on the first."""
    project: str
    """Name of the project's folder among those on the machine."""
    fetch: Fetch = "model"
    """What comes back when the job is done: the model of its result, all its checkpoints, or nothing yet."""
    attempts: int = Field(default=0, ge=0)
    """Attempts known of when it was last asked to start."""
    is_asked: bool = True
    """Whether a start is asked for that has not been confirmed."""
    is_begun: bool = False
    """Whether something of that start may have happened there."""

    @property
    def machines(self) -> tuple[str, ...]:
        """All of them, the first first."""
        return (self.machine, *self.others)

    @field_validator("project")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not PROJECT_KEY.fullmatch(name):
            raise ValueError("letters, digits, - and _ alone")
        return name

    @model_validator(mode="after")
    def _are_different(self) -> "Assignment":
        if len(set(self.machines)) < len(self.machines):
            raise ValueError("a machine is named twice")
        return self


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


def assignment_of(job: Path) -> Assignment:
    """Return on which machines a job runs that runs on others.

    Raises:
        UserError: it says none, or the file is damaged.
    """
    found = read_assignment(job)
    if found is None:
        raise UserError(Problem("machine.not_assigned", None, {"job": job.name}))
    return found


def write_assignment(job: Path, assignment: Assignment) -> None:
    """Replace it."""
    write_atomically(job / ASSIGNMENT, assignment.model_dump_json().encode())
