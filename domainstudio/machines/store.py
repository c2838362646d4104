"""The person's machines, kept in machines.json beside the person's other settings, never in a project."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domainstudio.jobs.spec import parse_model
from domainstudio.machines.machine import Machine
from domainstudio.paths import locked, read_small, write_atomically
from domainstudio.problems import Problem, UserError

_MOST_BYTES = 1 << 20


class _Machines(BaseModel):
    """What is in machines.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    machines: tuple[Machine, ...] = ()


def settings_folder() -> Path:
    """Return the folder of this person's settings, where the window's preferences lie too."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData/Roaming") / "domainstudio"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "domainstudio"


def machines() -> list[Machine]:
    """Return the machines that the person added, by name.

    Raises:
        UserError: the file is damaged.
    """
    return sorted(_read().machines, key=lambda one: one.name)


def machine(name: str) -> Machine:
    """Return the machine of this name.

    Raises:
        UserError: there is none.
    """
    known = machines()
    for one in known:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in known) or "-"
    raise UserError(Problem("machine.unknown", "name", {"name": name, "known": names}))


def check_free(name: str) -> None:
    """Raise a UserError if there is a machine of this name."""
    if any(one.name == name for one in _read().machines):
        raise UserError(Problem("machine.name_taken", "name", {"name": name}))


def add(new: Machine) -> None:
    """Keep a machine.

    Raises:
        UserError: another has its name.
    """
    with _changing():
        check_free(new.name)
        _write((*_read().machines, new))


def remove(name: str) -> Machine:
    """Forget a machine, and return what it was; what lies there stays.

    Raises:
        UserError: there is none of this name.
    """
    with _changing():
        gone = machine(name)
        _write(tuple(one for one in _read().machines if one != gone))
    return gone


def _file() -> Path:
    return settings_folder() / "machines.json"


@contextmanager
def _changing() -> Iterator[None]:
    """Let nobody else change the file meanwhile."""
    folder = settings_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".machines.lock"):
        yield


def _read() -> _Machines:
    try:
        return parse_model(_Machines, read_small(_file(), _MOST_BYTES), str(_file()))
    except FileNotFoundError:
        return _Machines()


def _write(machines: tuple[Machine, ...]) -> None:
    data = _Machines(machines=machines).model_dump_json(indent=1)
    write_atomically(_file(), data.encode(), draft=".machines.json.new")
