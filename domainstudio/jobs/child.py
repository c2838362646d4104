"""A part of a job's work done by another program of this package: it is given JSON and tells in events."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

from domainstudio.jobs.events import Body, Event, JobProblem, LineDecoder, Log, encode
from domainstudio.problems import UserError

ChildProgram = Literal["domainstudio.model.write_blend"]


class ChildFailed(Exception):
    """The child died, or ended with an error of the program; the job's log has what it wrote."""


def run_child(program: ChildProgram, argument: Path, given: bytes) -> Generator[Body]:
    """Yield what `python -m PROGRAM ARGUMENT` tells until it is done; it ends when the iterator is closed.

    Args:
        program: reads `given` from its standard input and tells by `tell`.
        argument: its one argument.
        given: JSON.

    Raises:
        UserError: the child told of a problem last.
        ChildFailed: it ended in any other way than well.
    """
    command = [sys.executable, "-m", program, str(argument)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    decoder, last = LineDecoder(), None
    try:
        with suppress(BrokenPipeError), process.stdin as pipe:  # it died before it read: its code says so
            pipe.write(given)
        for line in process.stdout:
            for event in decoder.feed(line):
                last = event.body
                if not isinstance(last, JobProblem | Log):
                    yield last
        code = process.wait()
    finally:
        process.stdout.close()
        process.kill()
        process.wait()
    if isinstance(last, JobProblem):
        raise UserError(last.problem)
    if code:
        raise ChildFailed(f"{program} ended with {code}")


def tell(out: BinaryIO, body: Body) -> None:
    """Tell the parent, from within the child."""
    out.write(encode(Event(0, 1, time.time(), body)))
    out.flush()
