"""Columns: plain .npy files that come into being whole, written a piece at a time."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from domainstudio.paths import sync_folder


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """Yield a draft to write to; it takes the name `file`, synced, only if the block succeeds.

    Its name is always the same: what a killed process left is written over.
    """
    draft = file.with_name(f".{file.name}.tmp")
    try:
        with draft.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(draft, file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def write_column(file: Path, values: NDArray[Any]) -> None:
    """Write an array of any shape."""
    write_pieces(file, [values], values.dtype, values.shape)


def write_pieces(
    file: Path, pieces: Iterable[NDArray[Any]], dtype: DTypeLike, shape: tuple[int, ...]
) -> None:
    """Write an array of the given shape of which the pieces, one after the other, are the rows."""
    empty = np.empty(0, dtype)
    header = {**np.lib.format.header_data_from_array_1_0(empty), "shape": shape}
    with whole_file(file) as target:
        np.lib.format.write_array_header_1_0(target, header)
        for piece in pieces:
            # np.save would lose the system's error on a full disk.
            target.write(np.ascontiguousarray(piece, dtype).data)


def read_column(file: Path) -> NDArray[Any]:
    """Return an array, mapped: its pages are read as they are used.

    Raises:
        FileNotFoundError: it was not written to the end.
    """
    array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array
