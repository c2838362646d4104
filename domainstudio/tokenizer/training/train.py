"""Training a byte-level BPE vocabulary on counted types; a smaller one is its beginning."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models

from domainstudio.tokenizer.training.alphabet import LETTER_OF, LETTERS, bytes_of
from domainstudio.tokenizer.training.counting import count_types
from domainstudio.tokenizer.training.merging import merges
from domainstudio.tokenizer.training.splitting import Split, cut_by, expression
from domainstudio.tokenizer.vocabulary import END_OF_TEXT, FILE, model_of

MINIMUM_SIZE = 257
"""256 bytes and the end of text."""

Pairs = list[tuple[str, str]]
"""Merges in order, in letters of the byte-level alphabet."""


def merges_of(counts: Mapping[str, int], size: int, report: Callable[[int], None] | None = None) -> Pairs:
    """Return the merges that make a vocabulary of `size` entries, or fewer when no pair is left that repeats.

    Args:
        counts: types in letters of the byte-level alphabet.
        size: entries, with the end of text and the bytes.
        report: told how many entries there are, after each; may raise to stop.
    """
    names = [END_OF_TEXT, *LETTERS]
    identifier_of = np.array([names.index(chr(LETTER_OF[byte])) for byte in range(256)], np.int32)
    types = [bytes_of(name) for name in counts]
    symbols = identifier_of[np.frombuffer(b"".join(types), np.uint8)]
    lengths = np.fromiter(map(len, types), np.int64, len(types))
    weights = np.fromiter(counts.values(), np.int64, len(types))
    del types
    pairs: Pairs = []
    if size <= len(names):
        return pairs
    for merge in merges(symbols, lengths, weights, names):
        pairs.append((names[merge.left], names[merge.right]))
        if merge.made == len(names):
            names.append(names[merge.left] + names[merge.right])
        if report:
            report(len(names))
        if len(names) >= size:
            break
    return pairs


def bpe_model(pairs: Pairs, size: int) -> models.BPE:
    """Return the vocabulary of the first merges, at most `size` entries.

    Ids are in merge order behind the end of text (id 0) and the 256 bytes, so training for a smaller size
    gives exactly this.
    """
    vocabulary = {name: number for number, name in enumerate([END_OF_TEXT, *LETTERS])}
    kept: Pairs = []
    for left, right in pairs:
        if len(vocabulary) >= size:
            break
        vocabulary.setdefault(left + right, len(vocabulary))
        kept.append((left, right))
    return models.BPE(vocabulary, kept)


def save_bpe(pairs: Pairs, size: int, split: Split, folder: Path) -> int:
    """Write tokenizer.json into `folder`, return the size of the vocabulary."""
    tokenizer = Tokenizer(bpe_model(pairs, size))
    cut_by(tokenizer, expression(split, parts_digits=False))
    tokenizer.add_special_tokens([END_OF_TEXT])
    tokenizer.save(str(folder / FILE))
    return int(tokenizer.get_vocab_size())


def pairs_in(folder: Path) -> Pairs:
    """Return the merges of the tokenizer.json that `save_bpe` wrote.

    Raises:
        UserError: it is no such file.
    """
    return [(left, right) for left, right in model_of(folder, "BPE")["merges"]]


def train_byte_level_bpe(texts: Iterator[str], size: int, folder: Path) -> int:
    """Train a vocabulary of at most `size` entries on words, write it into `folder`, return its size."""
    counted = count_types(texts, expression("words", parts_digits=False))
    return save_bpe(merges_of(counted.counts, size), size, "words", folder)
