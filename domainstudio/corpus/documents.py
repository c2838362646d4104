"""Document shards: Parquet files (zstd) of texts with their facts, written once and never rewritten."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from domainstudio.corpus.arrays import array_of
from domainstudio.corpus.facts import DocumentFacts
from domainstudio.corpus.hashing import HASH_BYTES, content_hash
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.readers import Document

SHARD_BYTES = 256 << 20
ROW_GROUP_BYTES = 1 << 20
"""Small row groups let one document's text be read without its whole shard."""

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("content_hash", pa.binary(HASH_BYTES)),
        ("characters", pa.int64()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("origin", pa.string()),
        ("position", pa.int64()),
        ("title", pa.string()),
        ("held_out", pa.bool_()),
        ("beginning", pa.string()),
    ]
)
"""What is stored of a document: a new fact is a field here and a value in `ShardWriter.add`, in this order.

`held_out` is null where the source's rule decides by content hash.
"""

_FACTS = (
    "content_hash", "characters", "bytes", "language", "origin", "position", "title", "held_out", "beginning",
)  # fmt: skip
HEADING_CHARACTERS = 80
_SCRIPTS = {
    "zh": re.compile("[\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "ja": re.compile("[\u3041-\u309f\u30a1-\u30ff\uff66-\uff9f]"),
    "ko": re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7af]"),
    "th": re.compile("[\u0e01-\u0e4f]"),
    "ar": re.compile("[\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
}
_LANGUAGE_CHARACTERS = 600


def language_of(text: str) -> str | None:
    """Return the language where the script of the beginning decides it (ISO 639), else None."""
    beginning = text[:_LANGUAGE_CHARACTERS]
    if beginning.isascii():
        return None
    letters = sum(map(str.isalpha, beginning))
    counts = {language: len(script.findall(beginning)) for language, script in _SCRIPTS.items()}
    if sum(counts.values()) < max(1, letters * 0.3):
        return None
    return "ja" if counts["ja"] > letters * 0.05 else max(counts, key=lambda name: counts[name])


class ShardWriter:
    """Writes documents to `part-00000.parquet`, … in a folder, a new part every `SHARD_BYTES` of text."""

    def __init__(self, folder: Path) -> None:
        """Write into the existing, empty `folder`."""
        self._folder = folder
        self._writer: pq.ParquetWriter | None = None
        self._parts = 0
        self._rows: list[tuple[object, ...]] = []
        self._pending_bytes = 0
        self._part_bytes = 0
        self.documents = 0
        self.characters = 0

    def add(self, document: Document, held_out: bool | None = None) -> bytes:
        """Store one document and return its content hash."""
        text = _storable(document.text)
        digest, size_bytes = content_hash(text), len(text.encode())
        self._rows.append(
            (
                text,
                digest,
                len(text),
                size_bytes,
                language_of(text),
                _storable(document.origin),
                document.position,
                _storable(document.title),
                held_out,
                _words(text[: 4 * HEADING_CHARACTERS])[:HEADING_CHARACTERS],
            )
        )
        self.documents += 1
        self.characters += len(text)
        self._pending_bytes += size_bytes
        if self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush()
        return digest

    def close(self) -> None:
        """Write what is pending and end the last part."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            path = self._folder / shard_name(self._parts)
            self._writer = pq.ParquetWriter(
                path, SCHEMA, compression="zstd", use_dictionary=["language", "origin"]
            )
            self._parts += 1
            self._part_bytes = 0
        columns = zip(*self._rows, strict=True)
        arrays = [array_of(field.type, values) for field, values in zip(SCHEMA, columns, strict=True)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
        self._part_bytes += self._pending_bytes
        self._rows, self._pending_bytes = [], 0
        if self._part_bytes >= SHARD_BYTES:
            self._writer.close()
            self._writer = None


def _words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def _heading(title: str, beginning: str, is_piece: bool) -> str:
    """Return what a list calls a document: the pieces of one document differ by their first words."""
    named = _words(title)
    parts = [named, beginning] if is_piece or not named else [named]
    return " · ".join(part for part in parts if part)[:HEADING_CHARACTERS]


def _storable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot hold, as question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def shard_name(number: int) -> str:
    """Return the name of a part."""
    return f"part-{number:05d}.parquet"


def shards_of(folder: Path) -> list[Path]:
    """Return the parts in a folder in order."""
    return sorted(folder.glob("part-*.parquet"))


def read_facts(folder: Path, rule: HeldOutRule) -> Iterator[DocumentFacts]:
    """Yield the facts of every document in a folder of shards; no text is read."""
    for shard in shards_of(folder):
        row = 0
        with pq.ParquetFile(shard) as parquet:
            for batch in parquet.iter_batches(batch_size=8192, columns=_FACTS):
                for values in zip(*(batch.column(name).to_pylist() for name in _FACTS), strict=True):
                    digest, characters, size_bytes, language, origin, position, title, side, begin = values
                    yield DocumentFacts(
                        shard.name,
                        row,
                        digest,
                        characters,
                        size_bytes,
                        language,
                        origin,
                        position,
                        title,
                        rule.holds_out(digest) if side is None else side,
                        _heading(title, begin, side is not None),
                    )
                    row += 1


def read_places(shard: Path) -> Iterator[tuple[str, int, str]]:
    """Yield (origin, position, title) of every row of a shard: the same for all pieces of one document."""
    with pq.ParquetFile(shard) as parquet:
        for batch in parquet.iter_batches(batch_size=8192, columns=["origin", "position", "title"]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def read_documents(shards: Iterable[Path]) -> Iterator[Document]:
    """Yield every document of some shards in order."""
    for shard in shards:
        with pq.ParquetFile(shard) as parquet:
            for group in range(parquet.num_row_groups):  # a batch across groups could be of any size
                for batch in parquet.iter_batches(
                    batch_size=256, row_groups=[group], columns=["text", "origin", "position", "title"]
                ):
                    for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        yield Document(*values)


def read_texts(shard: Path, rows: Iterable[int]) -> Iterator[str]:
    """Yield the texts of the given rows of one shard; `rows` ascends. Memory holds one row group."""
    return (text for (text,) in _values(shard, rows, ["text"]))


def read_titled_texts(shard: Path, rows: Iterable[int]) -> Iterator[tuple[str, str]]:
    """Yield (title, text) of the given rows of one shard; `rows` ascends. Memory holds one row group."""
    return ((title, text) for title, text in _values(shard, rows, ["title", "text"]))


def _values(shard: Path, rows: Iterable[int], columns: list[str]) -> Iterator[tuple[str, ...]]:
    wanted = iter(rows)
    row = next(wanted, None)
    with pq.ParquetFile(shard) as parquet:
        first = 0
        for group in range(parquet.metadata.num_row_groups):
            end = first + parquet.metadata.row_group(group).num_rows
            if row is not None and row < end:
                table = parquet.read_row_group(group, columns=columns)
                arrays = [table.column(name) for name in columns]
                while row is not None and row < end:
                    yield tuple(array[row - first].as_py() for array in arrays)
                    row = next(wanted, None)
            first = end


@dataclass(frozen=True)
class StoredDocument:
    """One document as it lies in its shard."""

    text: str
    language: str | None
    origin: str
    position: int
    title: str


def read_document(shard: Path, row: int) -> StoredDocument:
    """Return one document, reading nothing but the row group it lies in.

    Raises:
        IndexError: the shard has no such row.
    """
    with pq.ParquetFile(shard) as parquet:
        metadata, first = parquet.metadata, 0
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if row < first + rows:
                columns = ["text", "language", "origin", "position", "title"]
                table = parquet.read_row_group(group, columns=columns)
                return StoredDocument(*(table.column(name)[row - first].as_py() for name in columns))
            first += rows
    raise IndexError(f"{shard} has no row {row}")
