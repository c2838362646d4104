"""What this program keeps on a machine, projects and its own versions, and how it goes from there."""

from dataclasses import dataclass

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from domainstudio.machines.assignment import PROJECT_KEY
from domainstudio.machines.bundle import bundle
from domainstudio.machines.errand import PROJECTS, answer
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError

_JOBS = "domainstudio.jobs"
_SECONDS = 120.0


@dataclass(frozen=True)
class Kept:
    """A project's folder on a machine: token files, bases, runs with all their checkpoints."""

    name: str
    size_bytes: int
    running: tuple[str, ...]
    """Its jobs that run there now."""


class Version(BaseModel):
    """A version of this program that was sent to a machine."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    size_bytes: int
    is_used: bool
    """Whether a process there uses it, or this program would."""


_VERSIONS = TypeAdapter(list[Version])


def versions(connection: Connection, *, removing: bool = False) -> list[Version]:
    """Return the versions of this program on a machine, as they were before those that nobody uses went.

    Args:
        connection: to the machine.
        removing: remove those that are not used.

    Raises:
        UserError: the machine is not reached, or answers nonsense.
    """
    machine = connection.machine
    verb = ["remove"] if removing else []
    done = connection.python("versions", machine.folder, bundle().name, *verb, seconds=_SECONDS)
    try:
        return _VERSIONS.validate_json(done.stdout)
    except ValidationError as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else error.errors(include_url=False)[0]["msg"]
    raise UserError(Problem("machine.bad_answer", None, {"name": machine.name, "reason": reason}))


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
