"""The one way to read a job's events, whole or as they come."""

import time
from collections.abc import Iterator

from domainstudio.jobs.events import Event, LineDecoder
from domainstudio.jobs.folder import JobFolder, Status

_CHUNK_BYTES = 1 << 20
_END_BYTES = 1 << 16
_FINAL: tuple[Status, ...] = ("done", "stopped", "failed", "interrupted")


class StatusWatch:
    """The status of a job that is asked for often: read anew only if its files differ or it may change."""

    def __init__(self, folder: JobFolder) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self.status: Status = "created"
        """As it was at the last refresh."""

    def refresh(self) -> bool:
        """Read the status; return False if the job has ended and nothing was written since."""
        stamp = (self._folder.events_size_bytes(), self._folder.attempt_stamp())
        if stamp == self._seen and self.status in _FINAL:
            return False
        self.status = self._folder.status()
        self._seen = stamp
        return True


class Tail:
    """Reads a growing events.jsonl from where it last ended; survives the file not being there yet."""

    def __init__(self, folder: JobFolder, offset: int = 0) -> None:
        """Begin at byte `offset`: at the start of a line, or the first event is a piece of one."""
        self._folder = folder
        self._read = offset
        self._decoder = LineDecoder()

    @property
    def offset(self) -> int:
        """The byte after the last whole line: where another reader may go on."""
        return self._read - self._decoder.pending_bytes

    def poll(self, most_bytes: int | None = None) -> Iterator[Event]:
        """Yield the events that have become whole since the last call, of about `most_bytes` at most."""
        try:
            source = self._folder.open_events()
        except FileNotFoundError:
            return
        with source:
            source.seek(self._read)
            end = None if most_bytes is None else self._read + most_bytes
            while (end is None or self._read < end) and (data := source.read(_CHUNK_BYTES)):
                self._read += len(data)
                yield from self._decoder.feed(data)


def end_of(folder: JobFolder) -> Tail:
    """Return a tail that begins near the end of the events so far: the line it cuts comes as a Log."""
    return Tail(folder, max(0, folder.events_size_bytes() - _END_BYTES))


def follow(folder: JobFolder, interval_seconds: float = 0.1) -> Iterator[Event | None]:
    """Yield a job's events from the first to the last, waiting for more while its process may live.

    None is yielded once per silent interval, so that the caller can act; breaking off leaves the job alone.
    A job on another machine is over once what it made is here.
    """
    tail = Tail(folder)
    while True:
        is_over = folder.status() not in ("running", "unknown") and not folder.is_carried()
        yield from tail.poll()
        if is_over:
            return
        yield None
        time.sleep(interval_seconds)


def read_events(folder: JobFolder) -> Iterator[Event]:
    """Yield all events written so far."""
    yield from Tail(folder).poll()
