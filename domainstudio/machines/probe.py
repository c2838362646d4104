"""What there is on a machine, what is missing for training there, and the one command that mends each."""

import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domainstudio.language import translate as _
from domainstudio.machines.machine import Machine
from domainstudio.machines.requirements import on_a_machine, pinned
from domainstudio.machines.ssh import Connection
from domainstudio.paths import read_small, user_cache, write_atomically
from domainstudio.problems import Problem, UserError

OLDEST_PYTHON = (3, 11)
_SECONDS = 120
"""An environment of many packages on a slow network disk takes a while to read."""
_MOST_BYTES = 1 << 20
Text = Annotated[str, StringConstraints(max_length=500)]
Bytes = Annotated[int, Field(ge=0, lt=2**63)]


class _Answer(BaseModel):
    """Part of what a machine says of itself; what this program does not know is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Gpu(_Answer):
    """One GPU; None is what its driver does not tell."""

    name: Text
    memory_bytes: Bytes | None
    free_bytes: Bytes | None
    driver: Text
    utilisation_percent: float | None
    temperature_celsius: float | None


class Python(_Answer):
    """A Python that a command of the machine starts."""

    command: Text
    version: Text
    makes_environments: bool
    """Whether it has venv and ensurepip, which some systems pack apart."""

    @property
    def fits(self) -> bool:
        """Whether the trainer runs on it."""
        found = re.match(r"(\d{1,4})\.(\d{1,4})", self.version)
        return found is not None and (int(found[1]), int(found[2])) >= OLDEST_PYTHON


class RemoteProcess(_Answer):
    """A process there that belongs to this program."""

    pid: int
    command: Text


class Probe(_Answer):
    """What there is on a machine now; sizes in bytes."""

    host: Text
    system: Text
    processors: Annotated[int, Field(ge=1, lt=1_000_000)]
    memory_bytes: Bytes | None
    free_memory_bytes: Bytes | None
    free_disk_bytes: Bytes | None
    """Where the machine's folder lies, or will lie."""
    gpus: Annotated[tuple[Gpu, ...], Field(max_length=64)]
    pythons: Annotated[tuple[Python, ...], Field(max_length=20)]
    packages: Annotated[dict[Text, Text], Field(max_length=100)]
    """Package → version in this program's environment there."""
    bundles: Annotated[tuple[Text, ...], Field(max_length=100)]
    """The versions of this program that were sent there."""
    programs: Annotated[tuple[Text, ...], Field(max_length=10)]
    """Those of rsync and setsid that are there."""
    processes: Annotated[tuple[RemoteProcess, ...], Field(max_length=200)]

    @property
    def python(self) -> Python | None:
        """The Python to make the environment with."""
        return next((one for one in self.pythons if one.fits and one.makes_environments), None)

    @property
    def nccl(self) -> str:
        """The version of NCCL, which comes with torch for GPUs; empty if there is none."""
        return next((version for name, version in self.packages.items() if "nccl" in name), "")


Lack = Literal["python", "environments", "setsid", "packages", "rsync"]


@dataclass(frozen=True)
class Missing:
    """Something that training there needs, or does better with."""

    code: Lack
    command: str
    """What mends it: a command of this program, or one to type there."""
    is_needed: bool = True
    """Without it there is no training there."""
    names: tuple[str, ...] = ()
    """The packages, where it is about packages."""

    def words(self) -> str:
        """Return what is missing, for a person."""
        match self.code:
            case "python":
                return _("Python {oldest} or newer").format(oldest=".".join(map(str, OLDEST_PYTHON)))
            case "environments":
                return _("Python's venv and pip")
            case "setsid":
                return _("setsid, which lets a run go on without a connection")
            case "packages":
                return _("packages: {names}").format(names=", ".join(self.names))
            case "rsync":
                return _("rsync: files are sent without it too, only slower")


def probe(connection: Connection) -> Probe:
    """Ask a machine what there is.

    Raises:
        UserError: it cannot be reached, has no Python, or answers nonsense.
    """
    machine = connection.machine
    names = list(pinned(on_a_machine()))
    finished = connection.python("probe", machine.folder, *names, seconds=_SECONDS, most_bytes=_MOST_BYTES)
    try:
        if finished.code:
            raise ValueError(finished.stderr[-300:].decode("utf-8", "replace"))
        found = Probe.model_validate_json(finished.stdout)
        _remember(machine, found)
        return found
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
    except ValueError as error:
        reason = str(error)
    raise UserError(Problem("machine.bad_answer", None, {"name": machine.name, "reason": reason}))


class _Remembered(BaseModel):
    """What a machine said last, and which machine that was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine: Machine
    found: Probe


def last_probe(machine: Machine) -> Probe | None:
    """Return what a machine said when it was asked last; None if it never was since it is described so."""
    try:
        told = _Remembered.model_validate_json(read_small(_memory(machine)))
    except (OSError, UserError, ValidationError):  # asked anew, it is written anew
        return None
    return told.found if told.machine == machine else None


def _remember(machine: Machine, found: Probe) -> None:
    data = _Remembered(machine=machine, found=found).model_dump_json().encode()
    with suppress(OSError):  # a full disk here says nothing of that machine
        _memory(machine).parent.mkdir(exist_ok=True)
        write_atomically(_memory(machine), data)


def _memory(machine: Machine) -> Path:
    return user_cache() / "machines" / f"{machine.name}.json"


def missing(name: str, found: Probe) -> list[Missing]:
    """Return what is missing on the machine `name`, what must be mended first at the head."""
    lacks = []
    fitting = [one for one in found.pythons if one.fits]
    if not fitting:
        lacks.append(Missing("python", _debian("python3", "python3-venv")))
    elif found.python is None:
        lacks.append(Missing("environments", _debian(f"python{_minor(fitting[0].version)}-venv")))
    if "setsid" not in found.programs:
        lacks.append(Missing("setsid", _debian("util-linux")))
    others = tuple(_other_packages(found))
    if others:
        lacks.append(Missing("packages", f"domainstudio machines mend {shlex.quote(name)}", names=others))
    if "rsync" not in found.programs:
        lacks.append(Missing("rsync", _debian("rsync"), is_needed=False))
    return lacks


def _other_packages(found: Probe) -> list[str]:
    """Return the packages that are not there in the tested version; of which build (+cu126) is no matter."""
    wanted = pinned(on_a_machine())
    return [
        f"{name} {version}"
        for name, version in wanted.items()
        if found.packages.get(name, "").partition("+")[0] != version
    ]


def _debian(*packages: str) -> str:
    return f"sudo apt-get install {' '.join(packages)}"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
