"""A local program run to its end: its input given, its output held within bounds, its time limited."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

MOST_BYTES = 4 << 20
"""The most that a program may say on each of its outputs."""
_CHUNK = 65_536
_HIDDEN: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    code: int
    stdout: bytes
    stderr: bytes


class TooSlow(Exception):
    """The program took longer than it may; it was ended."""


class TooMuchOutput(Exception):
    """The program said more than it may; it was ended."""


class _Intake(threading.Thread):
    """Reads one output to its end, or until it is too much, when the program is ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", pipe: IO[bytes], most_bytes: int) -> None:
        super().__init__(daemon=True)
        self._process, self._pipe, self._most_bytes = process, pipe, most_bytes
        self.data = bytearray()
        self.is_too_much = False
        self.start()

    def run(self) -> None:
        """Read; a pipe that is closed under it ends it."""
        with suppress(OSError, ValueError):
            while chunk := self._pipe.read(_CHUNK):
                if len(self.data) + len(chunk) > self._most_bytes:
                    self.is_too_much = True
                    self._process.kill()
                    return
                self.data += chunk


def start(
    argv: Sequence[str],
    *,
    stdin: IO[bytes] | int,
    environment: Mapping[str, str],
    merged: bool = False,
    bufsize: int = -1,
) -> "subprocess.Popen[bytes]":
    """Start a local program away from the terminal, which it could otherwise ask for a password.

    Args:
        argv: the program and its arguments; no shell sees them.
        stdin: a file, or what `subprocess` knows.
        environment: all of its variables.
        merged: stderr goes where stdout goes.
        bufsize: 0 for pipes that may be closed while another thread reads them.
    """
    return subprocess.Popen(
        list(argv),
        bufsize=bufsize,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        env=dict(environment),
        start_new_session=sys.platform != "win32",
        creationflags=_HIDDEN,
    )


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    given: bytes | IO[bytes] = b"",
    seconds: float,
    most_bytes: int = MOST_BYTES,
) -> Finished:
    """Run a local program to its end.

    Args:
        argv: the program and its arguments; no shell sees them.
        environment: all of its variables.
        given: its standard input; a file is read by the program itself.
        seconds: the most that it may take.
        most_bytes: the most that it may say on each output.

    Raises:
        TooSlow: it took longer.
        TooMuchOutput: it said more.
    """
    stdin: IO[bytes] | int = subprocess.DEVNULL
    if given:
        stdin = subprocess.PIPE if isinstance(given, bytes) else given
    deadline = time.monotonic() + seconds
    with start(argv, stdin=stdin, environment=environment, bufsize=0) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            intakes = [_Intake(process, pipe, most_bytes) for pipe in (process.stdout, process.stderr)]
            if isinstance(given, bytes) and given:
                _Feeding(process, given)
            code = process.wait(timeout=seconds)
            for intake in intakes:
                intake.join(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TooSlow from None
        finally:
            process.kill()
    if any(intake.is_too_much for intake in intakes):
        raise TooMuchOutput
    return Finished(code, *(bytes(intake.data) for intake in intakes))


class _Feeding(threading.Thread):
    """Gives a program its standard input; one that ends before it has read all is none the worse."""

    def __init__(self, process: "subprocess.Popen[bytes]", given: bytes) -> None:
        super().__init__(daemon=True)
        assert process.stdin is not None
        self._pipe, self._given = process.stdin, given
        self.start()

    def run(self) -> None:
        """Write, and say that this was all."""
        left = memoryview(self._given)
        with suppress(OSError, ValueError), self._pipe:
            while left:
                left = left[self._pipe.write(left) :]
