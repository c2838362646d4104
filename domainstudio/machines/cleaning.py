"""What this program keeps on a machine, project by project, and how it goes from there."""

from dataclasses import dataclass

import orjson

from domainstudio.machines.assignment import PROJECT_KEY
from domainstudio.machines.errand import PROJECTS, answer
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError

_JOBS = "domainstudio.jobs"


@dataclass(frozen=True)
class Kept:
    """A project's folder on a machine: token files, bases, runs with all their checkpoints."""

    name: str
    size_bytes: int
    running: tuple[str, ...]
    """Its jobs that run there now."""


def kept(connection: Connection) -> list[Kept]:
    """Return what lies on a machine, by name.

    Raises:
        UserError: the machine is not reached, or lacks this program.
    """
    place = Place(connection)
    (told,) = answer(place, place.command(_JOBS, "sizes", _projects(connection)))
    return [Kept(row["name"], row["size_bytes"], tuple(row["running"])) for row in orjson.loads(told)]


def remove(connection: Connection, project: str) -> int:
    """Remove a project's folder from a machine and return the bytes that became free.

    Raises:
        UserError: there is none of this name, a job of it runs, or the machine is not reached.
    """
    found = {one.name: one for one in kept(connection)}
    if not PROJECT_KEY.fullmatch(project) or project not in found:
        params = {"name": connection.machine.name, "project": project, "known": ", ".join(found) or "-"}
        raise UserError(Problem("machine.no_project", "project", params))
    place = Place(connection)
    answer(place, place.command(_JOBS, "remove", f"{_projects(connection)}/{project}"))
    return found[project].size_bytes


def _projects(connection: Connection) -> str:
    return f"{connection.machine.folder}/{PROJECTS}"
