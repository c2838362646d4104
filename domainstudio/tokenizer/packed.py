"""The token-file format: documents of one source and split as one stream of token ids.

A folder holds `part-00000.bin` (little-endian uint16 for up to 65,536 entries, else uint32; each document
ends with end-of-text), `part-00000.documents.npy` (int64 [documents + 1], token offset of each document),
`part-00000.bytes.npy` (int64 [documents], UTF-8 bytes of each) and `meta.json`. `meta.json` is written last:
a folder without it is not a token file.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from domainstudio.paths import inside, write_atomically
from domainstudio.problems import Problem, UserError

META = "meta.json"
PART_TOKENS = 128 << 20
"""A new part begins after this many tokens."""


class PartMeta(BaseModel):
    """One part: its counts and the SHA-256 of its .bin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: int
    documents: int
    bytes: int
    sha256: str


class PackedMeta(BaseModel):
    """meta.json: what the token file holds and what made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    dtype: Literal["uint16", "uint32"]
    vocabulary: int
    tokenizer_sha256: str
    end_of_text: int
    tokens: int
    documents: int
    bytes: int
    loss_mask: None = None
    """Reserved: the name of a parallel file of 0 and 1 per token."""
    parts: tuple[PartMeta, ...]


class PackedWriter:
    """Writes a token file into an existing, empty folder; leaving the `with` block closes what is open."""

    def __init__(self, folder: Path, vocabulary: int, tokenizer_sha256: str, end_of_text: int) -> None:
        """Begin; ids must be below `vocabulary`."""
        self._folder = folder
        self._dtype: Literal["uint16", "uint32"] = "uint16" if vocabulary <= 65_536 else "uint32"
        self._vocabulary = vocabulary
        self._tokenizer_sha256 = tokenizer_sha256
        self._end = end_of_text
        self._parts: list[PartMeta] = []
        self._open_part()

    def __enter__(self) -> "PackedWriter":
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the part in progress; without `close` the folder is no token file."""
        self._file.close()

    def add(self, ids: list[int], size_bytes: int) -> None:
        """Append one document (its ids without end-of-text; `size_bytes` of UTF-8)."""
        data = (
            np.array([*ids, self._end], dtype=self._dtype)
            .astype(f"<{np.dtype(self._dtype).str[1:]}")
            .tobytes()
        )
        self._file.write(data)
        self._digest.update(data)
        self._offsets.append(self._offsets[-1] + len(ids) + 1)
        self._bytes.append(size_bytes)
        if self._offsets[-1] >= PART_TOKENS:
            self._close_part()
            self._open_part()

    def close(self) -> PackedMeta:
        """End the last part and write meta.json, which makes the folder a token file."""
        self._close_part()
        meta = PackedMeta(
            dtype=self._dtype,
            vocabulary=self._vocabulary,
            tokenizer_sha256=self._tokenizer_sha256,
            end_of_text=self._end,
            tokens=sum(part.tokens for part in self._parts),
            documents=sum(part.documents for part in self._parts),
            bytes=sum(part.bytes for part in self._parts),
            parts=tuple(self._parts),
        )
        write_atomically(self._folder / META, meta.model_dump_json(indent=1).encode())
        return meta

    def _open_part(self) -> None:
        self._name = f"part-{len(self._parts):05d}"
        self._file = (self._folder / f"{self._name}.bin").open("wb")
        self._digest = hashlib.sha256()
        self._offsets = [0]
        self._bytes: list[int] = []

    def _close_part(self) -> None:
        self._file.close()
        np.save(self._folder / f"{self._name}.documents.npy", np.array(self._offsets, np.int64))
        np.save(self._folder / f"{self._name}.bytes.npy", np.array(self._bytes, np.int64))
        self._parts.append(
            PartMeta(
                name=self._name,
                tokens=self._offsets[-1],
                documents=len(self._bytes),
                bytes=sum(self._bytes),
                sha256=self._digest.hexdigest(),
            )
        )


def read_meta(folder: Path) -> PackedMeta:
    """Return what a token file holds.

    Raises:
        UserError: the folder is not a whole token file.
    """
    try:
        return PackedMeta.model_validate_json((folder / META).read_bytes())
    except (FileNotFoundError, ValidationError):
        raise UserError(Problem("tokens.unreadable", None, {"folder": str(folder)})) from None


class PackedTokens:
    """Reads a token file through memory maps."""

    def __init__(self, folder: Path) -> None:
        """Open the parts named by meta.json; their sizes must be those it gives.

        Raises:
            UserError: the folder is not a whole token file.
        """
        self.meta = read_meta(folder)
        self._folder = folder
        self._parts = [self._map(part) for part in self.meta.parts if part.tokens]
        self._starts = np.cumsum([0, *(len(part) for part in self._parts)])

    def _map(self, part: PartMeta) -> NDArray[Any]:
        file = inside(self._folder, f"{part.name}.bin")
        dtype = np.dtype(self.meta.dtype).newbyteorder("<")
        if not file.is_file() or file.stat().st_size != part.tokens * dtype.itemsize:
            raise UserError(Problem("tokens.unreadable", None, {"folder": str(self._folder)}))
        return np.memmap(file, dtype=dtype, mode="r")

    def blocks(self, length: int) -> int:
        """Return how many whole, disjoint blocks of `length` inputs with next-token labels there are."""
        return max(0, (self.meta.tokens - 1) // length)

    def block(self, number: int, length: int) -> NDArray[np.int64]:
        """Return block `number`: int64 [length + 1], inputs and labels overlapping by all but one token."""
        return self._slice(number * length, number * length + length + 1)

    def whole_documents(self, limit_tokens: int) -> tuple[NDArray[np.int64], int]:
        """Return the first whole documents, `limit_tokens` at most, as int64 [tokens], and their bytes.

        If already the first document is longer, its beginning is taken and its bytes counted pro rata.
        """
        tokens, size_bytes = 0, 0
        for part in self.meta.parts:
            offsets = np.load(self._folder / f"{part.name}.documents.npy", mmap_mode="r", allow_pickle=False)
            sizes = np.load(self._folder / f"{part.name}.bytes.npy", mmap_mode="r", allow_pickle=False)
            count = int(np.searchsorted(offsets, limit_tokens - tokens, side="right")) - 1
            if tokens == 0 and count == 0 and part.documents:
                share = limit_tokens / int(offsets[1])
                return self._slice(0, limit_tokens), round(int(sizes[0]) * share)
            tokens += int(offsets[count])
            size_bytes += int(sizes[:count].sum())
            if count < part.documents:
                break
        return self._slice(0, tokens), size_bytes

    def _slice(self, start: int, end: int) -> NDArray[np.int64]:
        pieces = []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for part, base in zip(self._parts[first:], self._starts[first:-1], strict=True):
            if base >= end:
                break
            pieces.append(part[max(0, start - base) : end - base])
        return np.concatenate(pieces).astype(np.int64) if pieces else np.empty(0, np.int64)
