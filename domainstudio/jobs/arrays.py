"""Arrays on disk: .npy files that are written whole, or whose writing says what the disk refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_array(file: Path, values: NDArray[Any]) -> None:
    """Write a contiguous array to `file`, synced to disk.

    Raises:
        OSError: with the system's number, which np.save loses on a full disk.
    """
    with file.open("wb") as target:
        header = np.lib.format.header_data_from_array_1_0(values)
        np.lib.format.write_array_header_1_0(target, header)
        target.write(values.data)
        target.flush()
        os.fsync(target.fileno())
