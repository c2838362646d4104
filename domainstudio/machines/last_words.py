"""What a program that is read from writes beside: read too, so that it never waits, and its end kept."""

import subprocess
import threading
from contextlib import suppress
from types import TracebackType

_KEPT_BYTES = 1 << 16


class LastWords:
    """Reads a program's stderr while the block runs, after which the program has ended."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Begin at once."""
        self.data = b""
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "LastWords":
        """Begin to read."""
        self._reader.start()
        return self

    def end(self) -> None:
        """End the program now, from another thread."""
        self._process.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program, if it has not ended by itself, and read to the end."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        pipe = self._process.stderr
        with suppress(OSError, ValueError):
            while pipe is not None and (chunk := pipe.read(4096)):
                self.data = (self.data + chunk)[-_KEPT_BYTES:]
