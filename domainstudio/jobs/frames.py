"""How a job's machine tells another what is new: a line `KIND OFFSET LENGTH`, and so many bytes.

Events and log are the very bytes of the files, so that a copy of them knows by its own length where to go on.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Literal

from domainstudio.problems import Problem, UserError

FrameKind = Literal["events", "log", "run", "state", "problem"]
MOST_FRAME_BYTES = 1 << 20
_HEAD_BYTES = 128


def send(out: BinaryIO, kind: FrameKind, offset: int, data: bytes) -> None:
    """Write one frame, at once."""
    out.write(b"%s %d %d\n" % (kind.encode(), offset, len(data)) + data)
    out.flush()


def frames(source: IO[bytes]) -> Iterator[tuple[FrameKind, int, bytes]]:
    """Yield (kind, offset, data) until the source ends; a frame that is cut off is left out.

    Raises:
        UserError: something else than frames comes, such as words of a login script.
    """
    while line := source.readline(_HEAD_BYTES):
        parts = line.split()
        is_whole = line.endswith(b"\n")
        if not is_whole and not source.read(1):
            return
        numbers = [int(part) for part in parts[1:] if part.isdigit()]
        if not is_whole or len(parts) != 3 or len(numbers) != 2 or numbers[1] > MOST_FRAME_BYTES:
            said = line.decode(errors="replace").strip()
            raise UserError(Problem("machine.no_frame", None, {"line": said}))
        offset, length = numbers
        data = source.read(length)
        if len(data) < length:
            return
        yield parts[0].decode(errors="replace"), offset, data  # type: ignore[misc]


def append(file: Path, offset: int, data: bytes) -> None:
    """Put bytes where they belong in a copy that grows; what it has already is left out.

    Raises:
        UserError: bytes between are missing.
    """
    with file.open("ab") as target:
        size = os.fstat(target.fileno()).st_size
        if offset > size:
            raise UserError(Problem("machine.out_of_step", None, {"file": str(file)}))
        target.write(data[size - offset :])


def size_of(file: Path) -> int:
    """Return the bytes of a file, 0 if there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
