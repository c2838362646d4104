"""A job's stdout and stderr, which go into job.log: a full disk takes away words, never the work."""

import io
import sys
from typing import Any

from domainstudio.jobs.event_file import FULL


class _Forgiving(io.FileIO):
    """A file that drops what a full disk refuses."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError as error:
            if error.errno not in FULL:
                raise
            return memoryview(data).nbytes


def survive_a_full_disk() -> None:
    """Let nothing that is printed from now on raise for want of room in the log."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        stream.flush()
        raw = _Forgiving(stream.fileno(), "wb", closefd=False)
        errors = stream.errors
        text = io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, errors, write_through=True)
        setattr(sys, name, text)
