"""Columns: plain .npy files that come into being whole, written a piece at a time."""

import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from domainstudio.paths import open_plain, sync_folder

_BEGINNING = b"\x93NUMPY\x01\x00"
_LOT_BYTES = 1 << 20


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


def mapped(file: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of a type and shape that are known beforehand, mapped.

    What the file says of itself is compared, never acted upon: it may come from anybody.

    Raises:
        UserError: it is a pipe or a device.
        OSError: it is not there, or may not be read.
        ValueError: it is a link, or not such an array as this program writes, to the byte.
    """
    wanted = np.dtype(dtype)
    form = {"descr": np.lib.format.dtype_to_descr(wanted), "fortran_order": False, "shape": shape}
    header = "".join(f"{key!r}: {value!r}, " for key, value in form.items())
    size_bytes = math.prod(shape) * wanted.itemsize
    if file.is_symlink():
        raise ValueError(f"{file} is a link")
    with open_plain(file) as source:
        beginning = source.read(len(_BEGINNING) + 2)
        length = int.from_bytes(beginning[len(_BEGINNING) :], "little")
        start = len(beginning) + length
        is_right = (
            beginning.startswith(_BEGINNING) and source.read(length).strip() == f"{{{header}}}".encode()
        )
        if not is_right or os.fstat(source.fileno()).st_size != start + size_bytes:
            raise ValueError(f"{file} is no column of {shape} {wanted}")
        if not size_bytes:
            return np.empty(shape, wanted)
        return np.memmap(source, wanted, "r", start, shape)


def digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 of what some files hold, one after the other."""
    found = hashlib.sha256()
    for file in files:
        with open_plain(file) as source:
            while lot := source.read(_LOT_BYTES):
                found.update(lot)
    return found.hexdigest()
