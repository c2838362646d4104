"""Opening a file for reading bytes, decompressed as its name says."""

import gzip
from pathlib import Path
from typing import BinaryIO, cast

COMPRESSED = (".gz",)


def open_bytes(path: Path) -> BinaryIO:
    """Open `path` for streaming; a broken archive raises OSError or EOFError where it breaks."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
