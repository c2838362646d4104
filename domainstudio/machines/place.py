"""How this program is run on a machine: by the environment that lies there."""

from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem

ENVIRONMENT = "env"
"""Below the machine's folder: the Python environment with what a trainer needs, and this program."""
_NOT_THERE = (126, 127)
"""What a shell says of a program that it cannot run, or does not find."""


def module_command(machine: Machine, module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this program there."""
    return [f"{machine.folder}/{ENVIRONMENT}/bin/python", "-m", module, *arguments]


def missing_program(connection: Connection, code: int) -> Problem | None:
    """Return that this program is not there, if that is what an exit code says."""
    return (
        Problem("machine.no_program", None, {"name": connection.machine.name}) if code in _NOT_THERE else None
    )
