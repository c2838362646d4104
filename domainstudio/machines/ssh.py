"""The connection to a machine by the system's ssh: one command at a time, quoted, bounded, over one master.

The person's own configuration, agent, jump hosts and known hosts apply. Nothing is ever asked on a terminal:
a key that nobody accepted yet is shown and asked by `host_keys`; passwords are neither asked for nor kept.
"""

import hashlib
import io
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from domainstudio.machines.capture import MOST_BYTES, Finished, TooMuchOutput, TooSlow, run, start
from domainstudio.machines.last_words import LastWords
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh_words import trouble
from domainstudio.problems import Problem, UserError

CONNECT_SECONDS = 10
_PERSIST_SECONDS = 60
_SSH_FAILED = 255
"""The code of ssh itself, when it did not get as far as the command, or lost it."""
_NOT_FOUND = 127
_SOCKET_BYTES = 104
"""The longest path of a socket, on macOS; Linux has four more."""
_DRAFT_BYTES = 18
"""What ssh appends to the name of a socket until it listens, and the end of the path."""
_PLAIN = re.compile(r"[\w./+-]+")
"""What ssh takes literally in the path of a socket."""
_CHUNK = 1 << 20
_SCRIPTS = Path(__file__).parent / "scripts"
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "LogLevel=ERROR",
)


class Connection:
    """Runs commands on one machine; safe to use from several threads, and after `close`."""

    def __init__(self, machine: Machine) -> None:
        """Reach for nothing yet."""
        self.machine = machine

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | IO[bytes] = b"",
        seconds: float = 30,
        most_bytes: int = MOST_BYTES,
    ) -> Finished:
        """Run a command there, in the home folder, and return how it ended.

        Args:
            argv: the command and its arguments, taken literally there.
            input: its standard input: bytes, or an open file.
            seconds: the most that it may take, connecting included.
            most_bytes: the most that it may say on each output.

        Raises:
            UserError: the machine was not reached, was lost, took too long or said too much.
        """
        command = [*self.ssh_command(), "--", self.machine.destination, shlex.join(argv)]
        finished = self._run_here(command, input, seconds, most_bytes)
        if finished.code == _SSH_FAILED:
            raise UserError(trouble(self.machine, finished.stderr))
        return finished

    def python(
        self,
        script: str,
        *arguments: str,
        input: bytes | IO[bytes] = b"",
        seconds: float = 30,
        most_bytes: int = MOST_BYTES,
    ) -> Finished:
        """Run one of `machines/scripts` by the machine's own Python; the rest is as with `run`.

        Raises:
            UserError: see `run`; or there is no Python.
        """
        argv = [*python_command(script), *arguments]
        finished = self.run(argv, input=input, seconds=seconds, most_bytes=most_bytes)
        if finished.code == _NOT_FOUND:
            raise UserError(Problem("machine.no_python", None, {"name": self.machine.name}))
        return finished

    def stream(self, argv: Sequence[str], *, merged: bool = False) -> "subprocess.Popen[bytes]":
        """Start a command there whose output is read as it comes.

        Args:
            argv: the command and its arguments, taken literally there.
            merged: stderr, where ssh itself may have something to say, goes where stdout goes.

        Raises:
            UserError: there is no ssh here.
        """
        command = [*self.ssh_command(), "--", self.machine.destination, shlex.join(argv)]
        return start(command, stdin=subprocess.DEVNULL, environment=environment(), merged=merged)

    def receive(
        self, argv: Sequence[str], out: IO[bytes], most_bytes: int, beat: Callable[[int], None]
    ) -> None:
        """Write what a command there says into an open file, as it comes, for as long as it takes.

        Args:
            argv: the command and its arguments, taken literally there.
            out: the file.
            most_bytes: the most that it may say.
            beat: told after each piece how many bytes came so far; what it raises ends the command.

        Raises:
            UserError: the machine was not reached or was lost, the command failed, or said more than it may.
        """
        left = most_bytes
        with self.stream(argv, merged=False) as process, LastWords(process) as words:
            assert process.stdout is not None
            source: io.BufferedReader = process.stdout  # type: ignore[assignment]
            while left >= 0 and (chunk := source.read1(_CHUNK)):
                out.write(chunk[: max(0, left)])
                left -= len(chunk)
                beat(most_bytes - left)
            if left < 0:
                raise UserError(Problem("machine.too_much", None, {"name": self.machine.name}))
            code = process.wait()
        if code:
            raise UserError(trouble(self.machine, words.data))

    def ssh_command(self) -> list[str]:
        """Return ssh and its options without the destination: also what `rsync -e` is given, joined.

        Raises:
            UserError: there is no ssh here.
        """
        return [program("ssh"), *self.options()]

    def options(self) -> list[str]:
        """Return the options that ssh and sftp share."""
        return [*configuration(self.machine), *as_options((*_OPTIONS, *self._sharing()))]

    def host_name(self) -> str:
        """Return the name or number that ssh connects to, as the configuration says; nothing is reached for.

        Raises:
            UserError: there is no ssh here, or its configuration is not valid.
        """
        command = [program("ssh"), *configuration(self.machine), "-G", "--", self.machine.destination]
        finished = self._run_here(command, b"", CONNECT_SECONDS, MOST_BYTES)
        found = re.search(rb"(?m)^hostname (\S+)$", finished.stdout)
        if finished.code or found is None:
            raise UserError(trouble(self.machine, finished.stderr))
        return found[1].decode()

    def close(self) -> None:
        """End the master that the commands share, if there is one; the next command makes another."""
        socket = self._socket()
        if socket is not None and socket.exists():
            command = [program("ssh"), *configuration(self.machine), "-o", f"ControlPath={socket}"]
            command += ["-O", "exit", "--", self.machine.destination]
            with suppress(TooSlow, TooMuchOutput):
                run(command, environment=environment(), seconds=CONNECT_SECONDS)

    def _run_here(
        self, command: Sequence[str], given: bytes | IO[bytes], seconds: float, most_bytes: int
    ) -> Finished:
        name = self.machine.name
        try:
            return run(
                command, environment=environment(), given=given, seconds=seconds, most_bytes=most_bytes
            )
        except TooSlow:
            raise UserError(Problem("machine.too_slow", None, {"name": name, "seconds": seconds})) from None
        except TooMuchOutput:
            raise UserError(Problem("machine.too_much", None, {"name": name})) from None

    def _sharing(self) -> tuple[str, ...]:
        socket = self._socket()
        if socket is None:
            return ("ControlMaster=no", "ControlPath=none")
        return ("ControlMaster=auto", f"ControlPath={socket}", f"ControlPersist={_PERSIST_SECONDS}")

    def _socket(self) -> Path | None:
        """Return where the master listens, in a folder of this person's alone; None where that cannot be."""
        folder = _private_folder()
        if folder is None:
            return None
        known = f"{self.machine.destination}\0{self.machine.ssh_config}"
        socket = folder / hashlib.sha256(known.encode()).hexdigest()[:12]
        fits = len(os.fsencode(socket)) + _DRAFT_BYTES <= _SOCKET_BYTES
        return socket if fits and _PLAIN.fullmatch(str(socket)) else None


def python_command(script: str) -> list[str]:
    """Return the command that runs one of `machines/scripts` by a machine's own Python; stdin stays free."""
    source = (_SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    return ["python3", "-c", source]


def program(name: str) -> str:
    """Return where `ssh` or a program of its family lies here.

    Raises:
        UserError: it is missing.
    """
    found = shutil.which(name)
    if found is None:
        raise UserError(Problem("machine.no_ssh", None, {"program": name}))
    return found


def configuration(machine: Machine) -> list[str]:
    """Return the option that names another ssh configuration than the person's, if the machine has one."""
    return ["-F", machine.ssh_config] if machine.ssh_config else []


def environment() -> dict[str, str]:
    """Return the variables under which neither ssh nor that of a jump host may ask for a secret."""
    return {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}


def as_options(values: Sequence[str]) -> list[str]:
    """Return NAME=VALUE pairs as arguments of ssh."""
    return [part for value in values for part in ("-o", value)]


def _private_folder() -> Path | None:
    """Return a folder with a short path that nobody else may enter, made if need be."""
    if sys.platform == "win32":  # its ssh has no masters
        return None
    own = os.environ.get("XDG_RUNTIME_DIR")
    place = Path(own) if own and Path(own).is_dir() else Path(tempfile.gettempdir())
    folder = place / f"domainstudio-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:  # a full or read-only place: each command connects for itself
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_ours else None
