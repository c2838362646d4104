"""The header of a safetensors file: which tensors it holds, read and checked without its weights."""

import json
import math
import struct
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domainstudio.paths import open_plain

MOST_HEADER_BYTES = 100_000_000
"""The format's own limit."""
_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16), **dict.fromkeys(("I32", "U32", "F32"), 32),
}  # fmt: skip


class Tensor(BaseModel):
    """One tensor: its type, its shape, and where its bytes lie behind the header."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: str
    shape: list[int] = Field(max_length=16)
    data_offsets: tuple[int, int] = Field(strict=False)

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


_TENSORS = TypeAdapter(dict[str, Tensor])


def tensors_of(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        ValueError: it is no safetensors file, or cut short; says why.
        UserError: it is no plain file.
        OSError: it cannot be read.
    """
    with open_plain(file) as source:
        size_bytes = file.stat().st_size
        try:
            (length,) = struct.unpack("<Q", source.read(8))
        except struct.error:
            raise ValueError(f"{file.name} is too short") from None
        if length > min(MOST_HEADER_BYTES, size_bytes - 8):
            raise ValueError(f"{file.name} has no header of safetensors")
        values = _json(source.read(length), file)
    try:
        tensors = _TENSORS.validate_python(values)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"the header of {file.name} is not valid at {where}") from None
    for name, tensor in tensors.items():
        _check(file.name, name, tensor, size_bytes - 8 - length)
    return tensors


def _json(data: bytes, file: Path) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"{file.name} has no header of safetensors")
    values.pop("__metadata__", None)
    return values


def _check(file: str, name: str, tensor: Tensor, data_bytes: int) -> None:
    """Refuse a tensor whose bytes are not those of its shape, or lie outside the file."""
    bits = _BITS.get(tensor.dtype)
    if bits is None:
        raise ValueError(f"{name} in {file} has the unknown type {tensor.dtype}")
    begin, end = tensor.data_offsets
    is_right = min(tensor.shape, default=0) >= 0 and 8 * (end - begin) == bits * tensor.elements
    if not (is_right and 0 <= begin <= end <= data_bytes):
        raise ValueError(f"{name} does not lie within {file}: it is damaged or cut short")
