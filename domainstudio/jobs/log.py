"""The end of a job's log as it grows: bounded however long the log is, and characters are never cut."""

import codecs
import os
import re
from dataclasses import dataclass

from domainstudio.jobs.folder import JobFolder

KEPT_BYTES = 256 << 10
"""How much of a log's end is read at most."""
LONGEST_LINE = 2000
"""Longer lines are broken: no view lays out a line of a million characters in time."""
_BREAKS = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class LogPiece:
    """What has come since the last call."""

    text: str
    is_anew: bool
    """Whether it replaces what came before: the first piece, or so much came that the middle is left out."""
    size_bytes: int
    """The whole log."""
    skipped_bytes: int
    """Bytes before the text that are not shown."""


class LogTail:
    """Reads the end of job.log and then what is appended."""

    def __init__(self, folder: JobFolder) -> None:
        """Read nothing yet."""
        self._file = folder.log_file
        self._offset, self._first = -1, 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line_length = 0
        self._ends_in_return = False

    def poll(self) -> LogPiece | None:
        """Return what came since the last call, None if nothing did."""
        try:
            source = self._file.open("rb")
        except FileNotFoundError:
            return None
        with source:
            size = os.fstat(source.fileno()).st_size
            is_anew = not 0 <= self._offset <= size or size - self._offset > KEPT_BYTES
            if size == self._offset and not is_anew:
                return None
            if is_anew:
                self._begin(max(0, size - KEPT_BYTES))
            source.seek(self._offset)
            data = source.read(KEPT_BYTES)
        self._offset += len(data)
        if is_anew and self._first:
            # The first line is cut, and its first character may be.
            cut = data.find(b"\n") + 1
            data, self._first = data[cut:], self._first + cut
        return LogPiece(self._lines(self._decoder.decode(data)), is_anew, size, self._first)

    def _begin(self, offset: int) -> None:
        self._offset = self._first = offset
        self._decoder.reset()
        self._line_length, self._ends_in_return = 0, False

    def _lines(self, text: str) -> str:
        """Return text with one kind of line break and without overlong lines."""
        if not text:  # half a character
            return ""
        made = []
        if self._ends_in_return and text.startswith("\n"):
            text = text[1:]  # the other half of a break that was cut
        self._ends_in_return = text.endswith("\r")
        for number, line in enumerate(_BREAKS.split(text)):
            if number:
                made.append("\n")
                self._line_length = 0
            while self._line_length + len(line) > LONGEST_LINE:
                fitting = LONGEST_LINE - self._line_length
                made += [line[:fitting], "\n"]
                line, self._line_length = line[fitting:], 0
            made.append(line)
            self._line_length += len(line)
        return "".join(made)
