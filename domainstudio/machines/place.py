"""How this program is run on a machine: its code as it is here, by the environment that lies there."""

from collections.abc import Sequence
from typing import IO

from domainstudio.machines.bundle import provide
from domainstudio.machines.capture import Finished
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError

ENVIRONMENT = "env"
"""Below the machine's folder: the Python environment with what a trainer needs."""
_NOT_THERE = (126, 127)
"""What a shell says of a program that it cannot run, or does not find."""


class Place:
    """This program on a machine; what is not there of its code is sent at the first command."""

    def __init__(self, connection: Connection) -> None:
        """Reach for nothing yet."""
        self.connection = connection
        self._code = ""

    def command(self, module: str, *arguments: str) -> list[str]:
        """Return the command that runs a module of this program there.

        Raises:
            UserError: the machine cannot be reached.
        """
        folder = self.connection.machine.folder
        if not self._code:
            bundle = provide(self.connection)
            # Absolute: what it starts stands elsewhere.
            home = self.connection.run(["pwd"]).stdout.decode().rstrip("\n")
            self._code = bundle if bundle.startswith("/") else f"{home}/{bundle}"
        python = f"{folder}/{ENVIRONMENT}/bin/python"
        return ["env", f"PYTHONPATH={self._code}", python, "-P", "-m", module, *arguments]

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | IO[bytes] = b"",
        seconds: float,
        most_bytes: int = 4 << 20,
    ) -> Finished:
        """Run what `command` returned, as `Connection.run` does.

        Raises:
            UserError: see there; or the environment is not there.
        """
        done = self.connection.run(argv, input=input, seconds=seconds, most_bytes=most_bytes)
        if done.code in _NOT_THERE:
            raise UserError(Problem("machine.no_program", None, {"name": self.connection.machine.name}))
        return done
