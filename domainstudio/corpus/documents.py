"""Document shards: Parquet files (zstd) of texts with their facts, written once and never rewritten."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from domainstudio.corpus.facts import DocumentFacts
from domainstudio.corpus.hashing import HASH_BYTES, content_hash
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.readers import Document

SHARD_BYTES = 256 << 20
ROW_GROUP_BYTES = 4 << 20
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
    ]
)
"""What is stored of a document: a new fact is a field here and its value in `ShardWriter.add`.

`held_out` is null where the source's rule decides by content hash.
"""

_FACTS = ("content_hash", "characters", "bytes", "language", "origin", "position", "title", "held_out")
_SCRIPTS = {"CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "THAI": "th", "ARABIC": "ar"}


def language_of(text: str) -> str | None:
    """Return the language where the script of the beginning decides it (ISO 639), else None."""
    counts: dict[str, int] = {}
    letters = [letter for letter in text[:600] if letter.isalpha()]
    for letter in letters:
        script = unicodedata.name(letter, "").split(" ", 1)[0]
        language = _SCRIPTS.get(script)
        if language:
            counts[language] = counts.get(language, 0) + 1
    if not counts or sum(counts.values()) < len(letters) * 0.3:
        return None
    return "ja" if counts.get("ja", 0) > len(letters) * 0.05 else max(counts, key=lambda name: counts[name])


class ShardWriter:
    """Writes documents to `part-00000.parquet`, … in a folder, a new part every `SHARD_BYTES` of text."""

    def __init__(self, folder: Path) -> None:
        """Write into the existing, empty `folder`."""
        self._folder = folder
        self._writer: pq.ParquetWriter | None = None
        self._parts = 0
        self._rows: list[dict[str, object]] = []
        self._pending_bytes = 0
        self._part_bytes = 0
        self.documents = 0
        self.characters = 0

    def add(self, document: Document, held_out: bool | None = None) -> bytes:
        """Store one document and return its content hash."""
        text = _storable(document.text)
        digest, size_bytes = content_hash(text), len(text.encode())
        self._rows.append(
            {
                "text": text,
                "content_hash": digest,
                "characters": len(text),
                "bytes": size_bytes,
                "language": language_of(text),
                "origin": _storable(document.origin),
                "position": document.position,
                "title": _storable(document.title),
                "held_out": held_out,
            }
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
            path = self._folder / f"part-{self._parts:05d}.parquet"
            self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
            self._parts += 1
            self._part_bytes = 0
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._part_bytes += self._pending_bytes
        self._rows, self._pending_bytes = [], 0
        if self._part_bytes >= SHARD_BYTES:
            self._writer.close()
            self._writer = None


def _storable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot hold, as question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
                    digest, characters, size_bytes, language, origin, position, title, held_out = values
                    decided = rule.holds_out(digest) if held_out is None else held_out
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
                        decided,
                    )
                    row += 1


def read_documents(shards: Iterable[Path]) -> Iterator[Document]:
    """Yield every document of some shards in order."""
    for shard in shards:
        with pq.ParquetFile(shard) as parquet:
            for batch in parquet.iter_batches(
                batch_size=256, columns=["text", "origin", "position", "title"]
            ):
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield Document(*values)


def read_texts(shard: Path, rows: Iterable[int]) -> Iterator[str]:
    """Yield the texts of the given rows of one shard; `rows` ascends. Memory holds one row group."""
    wanted = iter(rows)
    row = next(wanted, None)
    with pq.ParquetFile(shard) as parquet:
        first = 0
        for group in range(parquet.metadata.num_row_groups):
            end = first + parquet.metadata.row_group(group).num_rows
            if row is not None and row < end:
                texts = parquet.read_row_group(group, columns=["text"]).column(0)
                while row is not None and row < end:
                    yield texts[row - first].as_py()
                    row = next(wanted, None)
            first = end
