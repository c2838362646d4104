"""Documents with planted copies, stored in shards as an import does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from domainstudio.corpus.documents import ShardWriter, shards_of
from domainstudio.corpus.duplicates.plan import Part
from domainstudio.corpus.readers import Document


def varied(count: int, seed: int = 0) -> list[str]:
    """Return texts in two scripts, half of them copies with some words changed or other case and stops."""
    generator = np.random.default_rng(seed)
    texts: list[str] = []
    while len(texts) < count:
        kind = int(generator.integers(0, 6))
        if kind < 3 or not texts:
            first, step = (0x4E00, "") if kind == 1 else (0x61, " ")
            length = int(generator.integers(1, 120))
            words = [
                "".join(map(chr, first + generator.integers(0, 26, 1 + (step == " ") * 3)))
                for _ in range(length)
            ]
        else:
            source = texts[int(generator.integers(0, len(texts)))]
            step = " " if " " in source else ""
            words = source.split() if step else list(source)
            for _ in range(0 if kind == 3 else 1 + len(words) // 80):
                words[int(generator.integers(0, len(words)))] = "changed"[: len(words)] if step else "\u6539"
            if kind == 3:
                words = [word.upper() + "," for word in words]
        texts.append(step.join(words))
    return texts


def stored(
    texts: Sequence[str], folder: Path, held_out: Sequence[bool] = (), sources: Sequence[int] = ()
) -> list[Part]:
    """Store texts in three shards and return all but the last row of each as parts; ids run from 1000."""
    parts, number = list[Part](), 0
    for piece in np.array_split(np.arange(len(texts)), 3):
        writer = ShardWriter(place := folder / f"import-{len(parts)}")
        place.mkdir(parents=True)
        for text in [*(texts[one] for one in piece), "the row that takes no part in the search at all"]:
            writer.add(Document(text, "", 0, ""))
        writer.close()
        (shard,) = shards_of(place)
        held = np.array([bool(held_out) and held_out[one] for one in piece], bool)
        source = np.array([sources[one] if sources else 1 for one in piece], np.int32)
        parts.append(Part(shard, np.arange(len(piece)), 1000 + piece, source, held))
        number += len(piece)
    return parts


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return varied(400)


@pytest.fixture(scope="session")
def parts(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Part]:
    return stored(texts, tmp_path_factory.mktemp("shards"))
