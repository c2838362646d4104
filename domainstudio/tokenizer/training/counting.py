"""Counting the types of a text: what its splitting makes of it, each once, with how often it stands there.

Parts are counted apart and added, which is exact however the text is parted. Where there are more types than
memory shall hold, rare ones are thinned: those that stay stand for those that go.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import xxhash
from numpy.typing import NDArray

from domainstudio.paths import write_atomically
from domainstudio.tokenizer.training.alphabet import spell
from domainstudio.tokenizer.training.splitting import compiled

LONGEST_TYPE = 1000
"""Bytes; a longer one is counted in pieces of this."""


@dataclass(frozen=True)
class TypeCounts:
    """The types of a text, spelled in letters of the byte-level alphabet."""

    counts: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    """Of the text that was counted."""
    seen: int = 0
    """The most types that were held at once; so many there are at least."""

    @property
    def is_thinned(self) -> bool:
        """Whether rare types were left out, and others stand for them."""
        return self.seen > len(self.counts)


def count_types(texts: Iterable[str], pattern: str) -> TypeCounts:
    """Count the types of some texts, cut by a regular expression of `splitting`."""
    split = compiled(pattern)
    found: Counter[str] = Counter()
    for text in texts:
        found.update(split.findall(text))
    counts: dict[str, int] = {}
    size_bytes = 0
    for name, count in found.items():
        data = name.encode("utf-8", "replace")
        size_bytes += len(data) * count
        for start in range(0, len(data), LONGEST_TYPE):
            letters = spell(data[start : start + LONGEST_TYPE])
            counts[letters] = counts.get(letters, 0) + count
    return TypeCounts(counts, size_bytes, len(counts))


def thin(counted: TypeCounts, most: int, stage: int) -> TypeCounts:
    """Return about `most` types at most: all frequent ones, and a sample of rare ones that counts for all.

    A type counted c < t times stays with probability c / t and then counts t, so the expected count of every
    type and of every part of it is what it was (threshold sampling, Duffield, Lund and Thorup 2005).

    Args:
        counted: is returned as it is if it has no more types.
        most: types to keep.
        stage: another number each time the same types may be thinned again; nothing else decides the choice.
    """
    if len(counted.counts) <= most:
        return counted
    values = np.fromiter(counted.counts.values(), np.int64)
    threshold = _threshold(values, most)
    kept = {
        name: max(count, threshold)
        for name, count in counted.counts.items()
        if count >= threshold or xxhash.xxh3_64_intdigest(name.encode(), stage) < count / threshold * 2**64
    }
    return TypeCounts(kept, counted.size_bytes, counted.seen)


def _threshold(values: NDArray[np.int64], most: int) -> int:
    """Return the least whole t for which the expected number of types, the sum of min(1, c / t), fits."""
    low, high = 1, int(values.sum()) // most + 1
    while low < high:
        middle = (low + high) // 2
        if np.minimum(1.0, values / middle).sum() <= most:
            high = middle
        else:
            low = middle + 1
    return low


def total(parts: Iterable[TypeCounts], most: int) -> TypeCounts:
    """Return the types of all parts together, in order, thinned whenever they are too many."""
    whole = TypeCounts()
    for stage, part in enumerate(parts, 1):
        counts = whole.counts
        for name, count in part.counts.items():
            counts[name] = counts.get(name, 0) + count
        seen = max(len(counts), whole.seen, part.seen)
        whole = thin(TypeCounts(counts, whole.size_bytes + part.size_bytes, seen), most, stage)
    return whole


def write_counts(file: Path, counted: TypeCounts) -> None:
    """Write types as lines of type, tab, count, below one line that tells what they are of."""
    head = orjson.dumps({"size_bytes": counted.size_bytes, "seen": counted.seen})
    lines = "".join(f"{name}\t{count}\n" for name, count in counted.counts.items())
    write_atomically(file, head + b"\n" + lines.encode())


def read_counts(file: Path) -> TypeCounts:
    """Return the types in a file."""
    with file.open(encoding="utf-8") as lines:
        head = orjson.loads(next(lines))
        pairs = (line.rstrip("\n").split("\t") for line in lines)
        return TypeCounts({name: int(count) for name, count in pairs}, head["size_bytes"], head["seen"])
