"""Opening a file for reading bytes, decompressed as its name says, and never expanded without bound."""

import gzip
import io
import zlib
from io import BufferedIOBase
from pathlib import Path, PurePath
from typing import BinaryIO, Self, cast

from domainstudio.corpus.readers.items import TooLarge

COMPRESSED = (".gz", ".zst")
BROKEN = (OSError, EOFError, zlib.error)

EXPANSION_RATIO = 200
"""Text compresses 3 to 50 times; what expands further than this is a bomb, or worth no training."""
EXPANSION_FLOOR_BYTES = 256 << 20
"""Up to this size the ratio does not matter."""
EXPANSION_LIMIT_BYTES = 64 << 30
_BUFFER_BYTES = 256 << 10
_PIECE_BYTES = 16 << 10
"""What is lost where a file breaks off: decompressed together with the break."""


class Expansion:
    """The allowance of one compressed input: `limit_bytes`, and `EXPANSION_RATIO` times its own size."""

    def __init__(self, compressed_bytes: int, limit_bytes: int, whole: "Expansion | None" = None) -> None:
        """Allow what both this input and the `whole` it is part of allow."""
        self._allowed = min(limit_bytes, max(EXPANSION_FLOOR_BYTES, EXPANSION_RATIO * compressed_bytes))
        self._used = 0
        self._whole = whole

    @property
    def is_spent(self) -> bool:
        """Whether more came out than is allowed."""
        return self._used > self._allowed

    def use(self, size_bytes: int) -> None:
        """Account for bytes that came out.

        Raises:
            TooLarge: the allowance is spent.
        """
        self._used += size_bytes
        if self.is_spent:
            raise TooLarge(f"it expands to more than {self._allowed} bytes")
        if self._whole is not None:
            self._whole.use(size_bytes)


class _Expanding(io.RawIOBase):
    """A decompressing stream that accounts for what it gives, and closes the file below it."""

    def __init__(self, stream: BufferedIOBase, below: BinaryIO, expansion: Expansion) -> None:
        self._stream, self._below, self._expansion = stream, below, expansion

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read1(min(len(buffer), _PIECE_BYTES))
        self._expansion.use(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._below.close()
        super().close()

    def __enter__(self) -> Self:
        return self


def open_bytes(path: Path) -> BinaryIO:
    """Open `path` for streaming; a broken or excessive one raises one of `BROKEN` where it breaks."""
    if not is_compressed(path):
        return path.open("rb")
    return decompressed(path.open("rb"), path, Expansion(path.stat().st_size, EXPANSION_LIMIT_BYTES))


def is_compressed(path: PurePath) -> bool:
    """Return whether the name says that a file is compressed."""
    return path.suffix.lower() in COMPRESSED


def decompressed(stream: BinaryIO, name: PurePath, expansion: Expansion) -> BinaryIO:
    """Return the content of a compressed stream, which is closed with it."""
    if name.suffix.lower() == ".gz":
        return limited(gzip.GzipFile(fileobj=stream, mode="rb"), stream, expansion)
    import pyarrow as pa  # its reader notices a truncated zstd file, which that of zstandard passes as whole

    return limited(pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd"), stream, expansion)


def limited(stream: BufferedIOBase, below: BinaryIO, expansion: Expansion) -> BinaryIO:
    """Return `stream` buffered and within its allowance; closing it also closes the file `below`."""
    return cast(BinaryIO, io.BufferedReader(_Expanding(stream, below, expansion), _BUFFER_BYTES))
