"""The token-file format: documents of one source and split as one stream of token ids.

A folder holds `part-00000.bin` (little-endian uint16 for up to 65,536 entries, else uint32; each document
ends with end-of-text), `part-00000.documents.npy` (int64 [documents + 1], token offset of each document),
`part-00000.bytes.npy` (int64 [documents], UTF-8 bytes of each), `part-00000.json` (what the part holds and
was made of, written last: a part without it is torn) and `meta.json`. `meta.json` is written after all parts:
a folder without it is not a token file.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domainstudio.jobs.arrays import save_array
from domainstudio.paths import inside, open_plain, read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.tokenizer.words import NO_WORDS, WordCount

META = "meta.json"
_DOCUMENTS, _BYTES = ".documents.npy", ".bytes.npy"

TokenType = Literal["uint16", "uint32"]


class PartMeta(BaseModel):
    """One part: its counts and the SHA-256 of its .bin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^part-[0-9]{5}$")
    tokens: int = Field(ge=0, lt=2**60)
    documents: int = Field(ge=0, lt=2**60)
    bytes: int = Field(ge=0, lt=2**60)
    sha256: str
    characters: int | None = None
    sample: WordCount | None = None
    """Both are None in parts made before they were counted."""


class PartRecord(BaseModel):
    """part-NNNNN.json: the part, and the hash of what it was made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_of: str
    part: PartMeta


class PackedMeta(BaseModel):
    """meta.json: what the token file holds and what made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    dtype: TokenType
    vocabulary: int = Field(ge=1, le=2**32)
    tokenizer_sha256: str
    end_of_text: int = Field(ge=0)
    tokens: int
    documents: int
    bytes: int
    characters: int | None = None
    sample: WordCount | None = None
    """Words of a sample of its documents."""
    loss_mask: None = None
    """Reserved: the name of a parallel file of 0 and 1 per token."""
    parts: tuple[PartMeta, ...]

    @model_validator(mode="after")
    def _agrees(self) -> "PackedMeta":
        for name in ("tokens", "documents", "bytes"):
            if getattr(self, name) != sum(getattr(part, name) for part in self.parts):
                raise ValueError(f"the {name} are not those of the parts")
        if self.end_of_text >= self.vocabulary:
            raise ValueError("end_of_text is beyond the vocabulary")
        return self


class PartWriter:
    """Writes one part; leaving the `with` block without `close` leaves a torn part, which is none."""

    def __init__(self, folder: Path, number: int, dtype: TokenType, end_of_text: int) -> None:
        """Begin part `number` in an existing folder, in place of what lies there under its name."""
        self._folder = folder
        self._name = part_name(number)
        (folder / f"{self._name}.json").unlink(missing_ok=True)
        self._end = np.array([end_of_text], np.dtype(dtype).newbyteorder("<"))
        self._file = (folder / f"{self._name}.bin").open("wb")
        self._digest = hashlib.sha256()
        self._lengths: list[int] = []
        self._bytes: list[int] = []
        self._characters: int | None = None
        self._sample: WordCount | None = None

    def __enter__(self) -> "PartWriter":
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, documents: Sequence[NDArray[Any]], sizes_bytes: Sequence[int]) -> None:
        """Append documents (their ids in the part's type, without end-of-text; UTF-8 bytes of each)."""
        data = np.concatenate([piece for ids in documents for piece in (ids, self._end)]).data
        self._file.write(data)
        self._digest.update(data)
        self._lengths += [len(ids) + 1 for ids in documents]
        self._bytes += sizes_bytes

    def count(self, characters: int, sample: WordCount) -> None:
        """Add to what is known of the text that the appended documents were made of."""
        self._characters = (self._characters or 0) + characters
        self._sample = (self._sample or NO_WORDS) + sample

    def close(self, made_of: str) -> PartMeta:
        """End the part: everything is on disk before the .json that says so."""
        offsets = np.cumsum([0, *self._lengths], dtype=np.int64)
        for suffix, values in ((_DOCUMENTS, offsets), (_BYTES, np.array(self._bytes, np.int64))):
            save_array(self._folder / f"{self._name}{suffix}", values)
        self._file.flush()
        os.fsync(self._file.fileno())
        part = PartMeta(
            name=self._name,
            tokens=int(offsets[-1]),
            documents=len(self._bytes),
            bytes=sum(self._bytes),
            sha256=self._digest.hexdigest(),
            characters=self._characters,
            sample=self._sample,
        )
        record = PartRecord(made_of=made_of, part=part)
        write_atomically(self._folder / f"{self._name}.json", record.model_dump_json(indent=1).encode())
        return part


def part_name(number: int) -> str:
    """Return the name of a part, to which its files add their endings."""
    return f"part-{number:05d}"


def whole_part(folder: Path, number: int, dtype: TokenType, made_of: str) -> PartMeta | None:
    """Return what part `number` holds if it is whole and was made of the same; None if it must be made."""
    name = part_name(number)
    try:
        record = PartRecord.model_validate_json((folder / f"{name}.json").read_bytes())
        offsets, sizes = (
            np.load(folder / f"{name}{suffix}", allow_pickle=False) for suffix in (_DOCUMENTS, _BYTES)
        )
        part = record.part
        with (folder / f"{name}.bin").open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            is_whole = (
                record.made_of == made_of
                and part.name == name
                and size_bytes == part.tokens * np.dtype(dtype).itemsize
                and (len(offsets) - 1, len(sizes)) == (part.documents, part.documents)
                and (int(offsets[-1]), int(sizes.sum())) == (part.tokens, part.bytes)
                and hashlib.file_digest(file, "sha256").hexdigest() == part.sha256
            )
    except (FileNotFoundError, EOFError, ValueError):  # ValueError: a torn .json or .npy
        return None
    return part if is_whole else None


def write_meta(
    folder: Path, dtype: TokenType, vocabulary: int, sha256: str, end_of_text: int, parts: list[PartMeta]
) -> PackedMeta:
    """Write meta.json, which makes the folder a token file, and remove what does not belong to it.

    Args:
        folder: holds the parts.
        dtype: of the token ids.
        vocabulary: entries; ids are below it.
        sha256: of the tokenizer.
        end_of_text: the id that ends each document.
        parts: in the order in which they make one stream.
    """
    kept = {part.name for part in parts}
    for file in list(folder.iterdir()):
        if file.name.split(".", 1)[0] not in kept:
            file.unlink()
    samples = [part.sample for part in parts if part.sample is not None]
    meta = PackedMeta(
        dtype=dtype,
        vocabulary=vocabulary,
        tokenizer_sha256=sha256,
        end_of_text=end_of_text,
        tokens=sum(part.tokens for part in parts),
        documents=sum(part.documents for part in parts),
        bytes=sum(part.bytes for part in parts),
        characters=_sum_known([part.characters for part in parts]),
        sample=sum(samples, NO_WORDS) if samples else None,
        parts=tuple(parts),
    )
    write_atomically(folder / META, meta.model_dump_json(indent=1).encode())
    return meta


def _sum_known(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def read_meta(folder: Path) -> PackedMeta:
    """Return what a token file holds.

    Raises:
        UserError: the folder is not a whole token file.
    """
    try:
        return PackedMeta.model_validate_json(read_small(folder / META))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        raise _unreadable(folder) from None


def _unreadable(folder: Path) -> UserError:
    return UserError(Problem("tokens.unreadable", None, {"folder": str(folder)}))


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
            raise _unreadable(self._folder)
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
            offsets, sizes = self._documents_of(part)
            count = int(np.searchsorted(offsets, limit_tokens - tokens, side="right")) - 1
            if tokens == 0 and count == 0 and part.documents:
                share = limit_tokens / int(offsets[1])
                return self._slice(0, limit_tokens), round(int(sizes[0]) * share)
            tokens += int(offsets[count])
            size_bytes += int(sizes[:count].sum())
            if count < part.documents:
                break
        return self._slice(0, tokens), size_bytes

    def _documents_of(self, part: PartMeta) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the documents of a part begin, and last where they end; and the bytes of each."""
        arrays = []
        for suffix, rows in ((_DOCUMENTS, part.documents + 1), (_BYTES, part.documents)):
            file = inside(self._folder, f"{part.name}{suffix}")
            try:
                with open_plain(file):
                    array = np.load(file, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError):
                raise _unreadable(self._folder) from None
            if array.shape != (rows,) or array.dtype != np.int64 or (rows and int(array.min()) < 0):
                raise _unreadable(self._folder)
            arrays.append(array)
        offsets, sizes = arrays
        if offsets[0] != 0 or offsets[-1] != part.tokens or bool((np.diff(offsets) < 1).any()):
            raise _unreadable(self._folder)
        return offsets, sizes

    def _slice(self, start: int, end: int) -> NDArray[np.int64]:
        pieces = []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for part, base in zip(self._parts[first:], self._starts[first:-1], strict=True):
            if base >= end:
                break
            pieces.append(part[max(0, start - base) : end - base])
        ids = np.concatenate(pieces).astype(np.int64) if pieces else np.empty(0, np.int64)
        if len(ids) and int(ids.max()) >= self.meta.vocabulary:  # the model has no such row
            raise _unreadable(self._folder)
        return ids
