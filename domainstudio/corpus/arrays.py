"""Arrow arrays built from buffers: `pyarrow.array` would load pandas, 50 MB in every process that writes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def array_of(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """Return an array of texts, fixed-size bytes, 64-bit integers or booleans; None is null.

    Raises:
        TypeError: another type is asked for.
    """
    present = np.array([value is not None for value in values], dtype=bool)
    validity = None if present.all() else _bits(present)
    if kind == pa.string():
        encoded = [b"" if value is None else value.encode() for value in values]
        offsets = np.zeros(len(values) + 1, np.int32)
        np.cumsum([len(value) for value in encoded], out=offsets[1:])
        buffers = [pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    elif pa.types.is_fixed_size_binary(kind):
        buffers = [pa.py_buffer(b"".join(values))]
    elif kind == pa.int64():
        buffers = [pa.py_buffer(np.array(values, np.int64))]
    elif kind == pa.bool_():
        buffers = [_bits(np.array([bool(value) for value in values], dtype=bool))]
    else:
        raise TypeError(f"no array of {kind} is built here")
    return pa.Array.from_buffers(kind, len(values), [validity, *buffers])


def _bits(flags: Any) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))
