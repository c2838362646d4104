"""events.jsonl as its one writer sees it: whole lines in order, also over a disk that is full for a while."""

import errno
import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 64 << 10
"""Kept on the disk in a file of its own, for the last words of a job that finds the disk full."""
MOST_HELD_BYTES = 1 << 20
"""What may wait for room in memory: the steps of some minutes."""
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""What the system says of a disk that takes no more."""


def reserve(file: Path, size_bytes: int) -> None:
    """Take room on the disk, which `file` gives back by being removed or written over.

    Raises:
        OSError: there is none; no file is left then.
    """
    try:
        with file.open("wb") as target:
            target.write(os.urandom(size_bytes))  # what can be compressed might take no room
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        file.unlink(missing_ok=True)
        error.filename = error.filename or str(file)
        raise


class EventFile:
    """Appends lines. What a full disk does not take waits in memory for the next call."""

    def __init__(self, file: Path, reserved: Path, *, is_torn: bool) -> None:
        """Go on with a file, made if need be, whose last line is torn or not; keep room for last words."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._path, self._file = file, os.open(file, flags, 0o666)
        self._reserved = reserved
        self._is_torn, self._held = is_torn, b"\n" if is_torn else b""
        self._keep_room()

    def append(self, line: bytes) -> bool:
        """Write a line, one write if there is room; return whether nothing waits.

        Raises:
            OSError: the disk refuses for another reason than being full, or too much waits already.
        """
        was_waiting = bool(self._held)
        self._held += line
        if not self._push():
            if len(self._held) > MOST_HELD_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            return False
        if was_waiting:
            self._keep_room()
        return True

    def tell(self, line: bytes) -> None:
        """Append a line that shall be heard now: half of the reserved room is given up for it."""
        with suppress(OSError):
            os.truncate(self._reserved, RESERVE_BYTES // 2)
        self.append(line)

    def end(self, last_words: bytes) -> None:
        """Write the last lines, synced to disk, in the reserved room if there is no other.

        What waited is left out if there is no room for it: it told of work that could not be saved.

        Raises:
            OSError: not even they could be written.
        """
        self._reserved.unlink(missing_ok=True)
        waiting = self._held
        self._held += last_words
        if len(waiting) > RESERVE_BYTES // 2 or not self._push():
            self._held = b"\n" * self._is_torn + last_words
            if not self._push():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        os.fsync(self._file)

    def _push(self) -> bool:
        """Write what waits; return False if the disk is full."""
        try:
            while self._held:  # a second time only on a full disk, to raise its error
                written = os.write(self._file, self._held)
                self._is_torn = self._held[written - 1 : written] != b"\n"
                self._held = self._held[written:]
        except OSError as error:
            if error.errno not in FULL:
                raise
        return not self._held

    def _keep_room(self) -> None:
        if not self._reserved.exists():
            with suppress(OSError):  # full already: tried again when there is room
                reserve(self._reserved, RESERVE_BYTES)
