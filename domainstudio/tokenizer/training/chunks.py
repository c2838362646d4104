"""Unigram vocabularies of chunks of a text merged into one, as for BloombergGPT: only a chunk is in memory.

Merging p(t) = sum of w_k p_k(t) / sum of w_k is associative: chunks into sources, sources into one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from domainstudio.paths import write_atomically
from domainstudio.tokenizer.training.unigram import Pieces, pruned


@dataclass(frozen=True)
class ChunkVocabulary:
    """The pieces of some text and the bytes that were counted, which are its weight."""

    weight: int
    pieces: Pieces


def merged(chunks: Sequence[ChunkVocabulary]) -> ChunkVocabulary:
    """Return the weighted mean of the probabilities of each piece, 0 where a chunk lacks it.

    Source: BloombergGPT (arXiv 2303.17564, section 2.3); the weights are the bytes of training text.
    """
    weight = sum(chunk.weight for chunk in chunks)
    sums: dict[str, float] = {}
    for chunk in chunks:
        for name, score in chunk.pieces:
            sums[name] = sums.get(name, 0.0) + chunk.weight * math.exp(score)
    pieces = [(name, math.log(total / weight)) for name, total in sums.items() if total > 0]
    return ChunkVocabulary(weight, sorted(pieces, key=lambda piece: (-piece[1], piece[0])))


def merged_by_source(sources: Sequence[Sequence[ChunkVocabulary]], size: int) -> Pieces:
    """Return the `size` most probable pieces (with the end of text) of all sources' chunks, bytes kept."""
    return pruned(merged([merged(chunks) for chunks in sources]).pieces, size)


def write_chunk(file: Path, chunk: ChunkVocabulary) -> None:
    """Write a chunk's vocabulary; a reader sees all of it or nothing."""
    write_atomically(file, orjson.dumps({"weight": chunk.weight, "pieces": chunk.pieces}))


def read_chunk(file: Path) -> ChunkVocabulary:
    """Return what `write_chunk` wrote."""
    content = orjson.loads(file.read_bytes())
    return ChunkVocabulary(content["weight"], [(name, score) for name, score in content["pieces"]])
