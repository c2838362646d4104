"""Opening a file for reading bytes, decompressed as its name says."""

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

COMPRESSED = (".gz",)
BROKEN = (OSError, EOFError, zlib.error)


def open_bytes(path: Path) -> BinaryIO:
    """Open `path` for streaming; a broken archive raises one of `BROKEN` where it breaks."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
