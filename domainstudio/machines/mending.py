"""Providing a machine with what training needs: the commands are shown, and run only on consent."""

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domainstudio.language import translate as _
from domainstudio.machines import requirements
from domainstudio.machines.bundle import CONSTRAINTS, bundle, check_kept, provide
from domainstudio.machines.machine import Machine
from domainstudio.machines.probe import Probe
from domainstudio.machines.ssh import Connection
from domainstudio.machines.ssh_words import trouble
from domainstudio.problems import Problem, UserError

_LINE_BYTES = 65_536
_MOST_BYTES = 64 << 20
"""The most that an installation may say."""
_SLOWEST_BYTES_PER_SECOND = 50_000
_HASHING_SECONDS = 600
_ENVIRONMENT = ("env", "DS_BUILD_OPS=0", "PYTHONUNBUFFERED=1", "PIP_DISABLE_PIP_VERSION_CHECK=1")


@dataclass(frozen=True)
class Mending:
    """What will be done on a machine, as its commands."""

    machine: Machine
    commands: tuple[tuple[str, ...], ...]
    wheels: tuple[Path, ...] = ()
    """Files here that are sent first."""

    def lines(self) -> list[str]:
        """Return the commands as a person would type them there."""
        return [shlex.join(command) for command in self.commands]


def plan(machine: Machine, found: Probe, *, wheels: Path | None = None, index: str = "") -> Mending:
    """Return how a machine gets its environment.

    Args:
        machine: the machine.
        found: what there is on it.
        wheels: a folder here with all packages as wheels, for a machine without a way to an index.
        index: the address of a package index (pip's --index-url) instead of that which pip uses there.

    Raises:
        UserError: there is no Python there to begin with, or no wheel in the folder.
    """
    if found.python is None:
        raise UserError(Problem("machine.python_too_old", None, {"name": machine.name}))
    environment = f"{machine.folder}/env"
    sent = _wheels_in(wheels) if wheels is not None else ()
    source = ["--no-index", "--find-links", _wheels_folder(machine)] if sent else []
    source += ["--index-url", index] if index and not sent else []
    constraints = f"{machine.folder}/{bundle().name}/{CONSTRAINTS}"
    install = [f"{environment}/bin/python", "-m", "pip", "install", *source, "-c", constraints]
    return Mending(
        machine,
        (
            (found.python.command, "-m", "venv", environment),
            (*_ENVIRONMENT, *install, *requirements.on_a_machine()),
        ),
        sent,
    )


def mend(connection: Connection, planned: Mending, tell: Callable[[str], None]) -> None:
    """Do what was planned, telling each command and each line that it prints there.

    Raises:
        UserError: a command failed, or the machine was lost; the same call again goes on from there.
    """
    provide(connection)
    _send_wheels(connection, planned, tell)
    for command, line in zip(planned.commands, planned.lines(), strict=True):
        tell(f"$ {line}")
        _follow(connection, command, tell)


def _follow(connection: Connection, command: tuple[str, ...], tell: Callable[[str], None]) -> None:
    """Run a command there, telling each line of it."""
    name, last = connection.machine.name, "-"
    left = _MOST_BYTES
    with connection.stream(command, merged=True) as process:
        assert process.stdout is not None
        try:
            while line := process.stdout.readline(min(_LINE_BYTES, left)):
                left -= len(line)
                text = line.decode("utf-8", "replace").rstrip()
                last = text or last
                tell(text)
            code = process.wait() if left else 0
        finally:
            process.kill()
    if not left:
        raise UserError(Problem("machine.too_much", None, {"name": name}))
    if code == 255:
        raise UserError(trouble(connection.machine, last.encode()))
    if code:
        params = {"name": name, "command": shlex.join(command), "reason": last, "code": code}
        raise UserError(Problem("machine.command_failed", None, params))


def _send_wheels(connection: Connection, planned: Mending, tell: Callable[[str], None]) -> None:
    """Send those wheels that are not there yet, whole."""
    if not planned.wheels:
        return
    folder = _wheels_folder(planned.machine)
    held = connection.python("held", folder, seconds=_HASHING_SECONDS)
    check_kept(connection, folder, held.code, held.stderr)
    known = _digests(connection, held.stdout)
    for wheel in planned.wheels:
        with wheel.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            if known.get(wheel.name) == digest:
                continue
            tell(_("sending {file}").format(file=wheel.name))
            source.seek(0)
            seconds = 60 + wheel.stat().st_size / _SLOWEST_BYTES_PER_SECOND
            arguments = (f"{folder}/{wheel.name}", digest)
            kept = connection.python("keep", *arguments, input=source, seconds=seconds)
            check_kept(connection, wheel.name, kept.code, kept.stderr)


def _digests(connection: Connection, answer: bytes) -> dict[str, str]:
    try:
        return TypeAdapter(dict[str, str]).validate_json(answer)
    except ValidationError as error:
        params = {"name": connection.machine.name, "reason": error.errors(include_url=False)[0]["msg"]}
        raise UserError(Problem("machine.bad_answer", None, params)) from None


def _wheels_in(folder: Path) -> tuple[Path, ...]:
    found = tuple(sorted(folder.glob("*.whl")))
    if not found:
        raise UserError(Problem("machine.no_wheels", "wheels", {"folder": str(folder)}))
    return found


def _wheels_folder(machine: Machine) -> str:
    return f"{machine.folder}/wheels"
