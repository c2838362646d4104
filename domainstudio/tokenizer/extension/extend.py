"""A vocabulary that goes on where a base model's ends: new pieces of a field, old ids and old text kept.

A byte-pair vocabulary merges on: old merges go first, so text without a new piece is cut as before, exactly.
A Unigram vocabulary gets pieces with the log-probability they have in the field. Added tokens would not do:
they match within words and break the merges around them, so text gets longer.
"""

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from tokenizers import Tokenizer

from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.pieces import SPACE, is_byte
from domainstudio.tokenizer.reading import VocabularyKind, kind_of
from domainstudio.tokenizer.training.merging import Merge, merges

LEAST_COUNT = 5
"""A piece must stand in the counted text so often at least."""
_CHARACTER_SHARE = 4
"""At most one new piece in so many is a single character that the vocabulary lacks."""
_BATCH = 64
_MARGIN = 1e-3
_ANY, _LETTERS, _SIGNS, _APART = range(4)
_KINDS = ("byte-level BPE", "SentencePiece BPE", "Unigram", "byte-level Unigram")


@dataclass(frozen=True)
class NewPiece:
    """An entry that the base does not have."""

    text: str
    """As the vocabulary spells it."""
    base_ids: tuple[int, ...]
    """What the base cuts it into: the rows whose mean its own row begins with."""
    saved: int
    """Tokens of the counted text that it saves, beyond the pieces before it."""


@dataclass(frozen=True)
class Extension:
    """New pieces of a base vocabulary, in the order of what they save."""

    base: dict[str, Any]
    """The base's tokenizer.json, every added token within its vocabulary at its own id."""
    kind: VocabularyKind
    first_id: int
    """Of the first new piece; the others follow."""
    pieces: tuple[NewPiece, ...]
    merges: tuple[tuple[str, str, str], ...]
    """Left, right and what they make, in order; some make a piece that another merge makes too."""
    counted_tokens: int
    """Of the counted text, by the base."""

    def cut_at(self, count: int) -> "Extension":
        """Return the extension by the first `count` pieces."""
        kept = self.pieces[:count]
        lost = {piece.text for piece in self.pieces[count:]}
        left = tuple(merge for merge in self.merges if lost.isdisjoint(merge))
        return replace(self, pieces=kept, merges=left)

    def document(self) -> dict[str, Any]:
        """Return the tokenizer.json of base and new pieces."""
        made = {**self.base, "model": copy.copy(self.base["model"])}
        model = made["model"]
        if model["type"] == "BPE":
            new = {piece.text: self.first_id + place for place, piece in enumerate(self.pieces)}
            model["vocab"] = model["vocab"] | new
            is_spelled = bool(model["merges"]) and isinstance(model["merges"][0], str)
            model["merges"] = model["merges"] + [
                f"{left} {right}" if is_spelled else [left, right] for left, right, _made in self.merges
            ]
        else:
            model["vocab"] = model["vocab"] + self._scored()
        return made

    def _scored(self) -> list[list[str | float]]:
        """Return the new pieces of a Unigram vocabulary: never dearer than the parts they are made of."""
        scores: dict[str, float] = {text: score for text, score in self.base["model"]["vocab"]}
        made_of = {made: (left, right) for left, right, made in reversed(self.merges)}
        lowest = min(scores.values())
        for piece in self.pieces:
            parts = made_of.get(piece.text)
            least = sum(scores[part] for part in parts) + _MARGIN if parts else lowest
            scores[piece.text] = max(least, math.log(max(1, piece.saved) / max(1, self.counted_tokens)))
        return [[piece.text, scores[piece.text]] for piece in self.pieces]


def extend(
    folder: Path, texts: Callable[[], Iterable[str]], most: int, heard: Callable[[], None] = lambda: None
) -> Extension:
    """Return at most `most` new pieces for the vocabulary in a folder, the best first.

    Args:
        folder: holds tokenizer.json.
        texts: called twice, returns the field's text.
        most: new pieces at most.
        heard: called now and then; may raise to stop.

    Raises:
        UserError: there is no tokenizer, or it is of a kind that cannot be extended.
    """
    base = base_document(folder)
    kind = kind_of(base)
    if kind not in _KINDS:
        raise UserError(Problem("tokenizer.not_extendable", None, {"folder": str(folder), "kind": kind}))
    is_spelled = not kind.startswith("byte-level")
    characters = (
        _missing_characters(base, folder, texts(), most // _CHARACTER_SHARE, heard) if is_spelled else []
    )
    first_id = _next_id(base)
    began = Extension(base, kind, first_id, tuple(characters), (), 0)
    document = began.document()
    types, tokens = _types(document, folder, texts(), heard)
    spelled, base_ids = _spellings(document)
    base_ids |= {first_id + place: piece.base_ids for place, piece in enumerate(characters)}
    found = _merged(types, spelled, base_ids, most - len(characters), heard)
    saved = sum(piece.saved for piece in characters)
    return replace(
        began,
        pieces=(*characters, *found[0]),
        merges=tuple(found[1]),
        counted_tokens=tokens + saved,
    )


def base_document(folder: Path) -> dict[str, Any]:
    """Return a folder's tokenizer.json with every added token in the vocabulary, at the id it has.

    `tokenizers` numbers an added token that is not in the vocabulary anew, behind it, as soon as the
    vocabulary grows: its row would be lost.

    Raises:
        UserError: there is no tokenizer in the folder.
    """
    vocabulary.load(folder)
    document: dict[str, Any] = orjson.loads(read_small(folder / vocabulary.FILE))
    model = document["model"]
    added = {one["content"]: one["id"] for one in document.get("added_tokens") or []}
    if model["type"] == "BPE":
        model["vocab"] = model["vocab"] | {
            text: number for text, number in added.items() if text not in model["vocab"]
        }
    elif model["type"] == "Unigram":
        model["vocab"] = _filled(document, folder, added)
    return document


def _filled(document: dict[str, Any], folder: Path, added: dict[str, int]) -> list[Any]:
    """Return a Unigram vocabulary, whose ids are places, up to the last added token."""
    entries = list(document["model"]["vocab"])
    known = {text for text, _score in entries}
    by_id = {number: text for text, number in added.items() if text not in known}
    scores = [score for _text, score in entries]
    dearest = min(scores, default=0.0) * 2 - 10  # never cheaper than cutting the added token's text
    for number in range(len(entries), max(by_id, default=-1) + 1):
        entries.append([by_id.get(number, f"<unused {number}>"), dearest])
    return entries


def _next_id(document: dict[str, Any]) -> int:
    entries = document["model"]["vocab"]
    return max(entries.values()) + 1 if isinstance(entries, dict) else len(entries)


def _missing_characters(
    base: dict[str, Any], folder: Path, texts: Iterable[str], most: int, heard: Callable[[], None]
) -> list[NewPiece]:
    """Return the characters that the base spells in bytes, or does not know at all, the costliest first."""
    tokenizer = vocabulary.parsed(orjson.dumps(base), folder / vocabulary.FILE)
    counts: Counter[str] = Counter()
    for text in texts:
        heard()
        counts.update(text if tokenizer.normalizer is None else tokenizer.normalizer.normalize_str(text))
    unknown = tokenizer.token_to_id(str(base["model"].get("unk_token") or "<unk>"))
    found = []
    for character, count in counts.items():
        if count < LEAST_COUNT or not character.isprintable() or character.isspace():
            continue
        if tokenizer.token_to_id(character) is None:
            spelled = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in character.encode()]
            base_ids = tuple(one for one in spelled if one is not None)
            is_whole = len(base_ids) == len(spelled) and bool(base["model"].get("byte_fallback"))
            known = base_ids if is_whole else (unknown,) if unknown is not None else ()
            found.append(NewPiece(character, known, count * max(0, len(known) - 1)))
    return sorted(found, key=lambda piece: (-piece.saved, piece.text))[:most]


def _types(
    document: dict[str, Any], folder: Path, texts: Iterable[str], heard: Callable[[], None]
) -> tuple[Counter[bytes], int]:
    """Return the runs of ids within which pieces may be merged, as int32, with their counts; and all tokens.

    A run is a word of the pre-tokenizer. As SentencePiece's trainer has it, its vocabularies merge nothing
    across a space or between letters and signs, and no digits. Added and unknown tokens and single bytes of
    a character that is not in the vocabulary are in no run.
    """
    tokenizer = vocabulary.parsed(orjson.dumps(document), folder / vocabulary.FILE)
    tokenizer.encode_special_tokens = True
    classes, begins = _classes(document, tokenizer)
    counts: Counter[bytes] = Counter()
    tokens = 0
    for batch in _batched(texts):
        heard()
        with vocabulary.panics(folder):
            encodings = tokenizer.encode_batch(batch, add_special_tokens=False)
        for encoding in encodings:
            ids = np.array(encoding.ids, np.int32)
            words = np.array([-1 if word is None else word for word in encoding.word_ids], np.int64)
            tokens += len(ids)
            counts.update(_runs(ids, words, classes, begins))
    return counts, tokens


def _classes(document: dict[str, Any], tokenizer: Tokenizer) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the class of each id, and whether it begins with a space."""
    size = vocabulary.size_of(tokenizer)
    classes, begins = np.full(size, _ANY, np.int8), np.zeros(size, bool)
    if not kind_of(document).startswith("byte-level"):
        for token, number in tokenizer.get_vocab().items():
            begins[number] = token.startswith(SPACE)
            classes[number] = _APART if is_byte(token) else _class_of(token.lstrip(SPACE))
    apart = {one["id"] for one in document.get("added_tokens") or []}
    unknown = tokenizer.token_to_id(str(document["model"].get("unk_token") or "<unk>"))
    classes[list(apart | ({unknown} if unknown is not None else set()))] = _APART
    return classes, begins


def _class_of(text: str) -> int:
    if any(map(str.isdigit, text)):
        return _APART
    return _ANY if not text else _LETTERS if any(map(str.isalpha, text)) else _SIGNS


def _runs(
    ids: NDArray[np.int32], words: NDArray[np.int64], classes: NDArray[np.int8], begins: NDArray[np.bool_]
) -> Iterator[bytes]:
    """Yield the runs of one text; those of one token merge with nothing and are left out."""
    if not len(ids):
        return
    kinds = classes[ids]
    is_first = np.append(True, words[1:] != words[:-1]) | begins[ids] | (kinds == _APART)
    is_first[1:] |= (kinds[1:] != kinds[:-1]) & (kinds[:-1] != _ANY) & (kinds[1:] != _ANY)
    is_first[1:] |= kinds[:-1] == _APART
    starts = np.flatnonzero(is_first)
    ends = np.append(starts[1:], len(ids))
    long = ends - starts > 1
    data = ids.tobytes()
    for start, end in zip((starts[long] * 4).tolist(), (ends[long] * 4).tolist(), strict=True):
        yield data[start:end]


def _spellings(document: dict[str, Any]) -> tuple[list[str], dict[int, tuple[int, ...]]]:
    """Return the string of each id, a place without one filled, and the base ids of each: itself."""
    entries = document["model"]["vocab"]
    by_id = (
        {number: text for text, number in entries.items()}
        if isinstance(entries, dict)
        else dict(enumerate(text for text, _score in entries))
    )
    spelled = [by_id.get(number, f"\0{number}") for number in range(max(by_id) + 1)]
    return spelled, {number: (number,) for number in by_id}


def _merged(
    types: Counter[bytes],
    spelled: list[str],
    base_ids: dict[int, tuple[int, ...]],
    most: int,
    heard: Callable[[], None],
) -> tuple[list[NewPiece], list[tuple[str, str, str]]]:
    """Return the pieces that merging makes, and the merges, until there are `most` pieces."""
    keys = sorted(types)  # whatever order they were met in
    symbols = np.frombuffer(b"".join(keys), np.int32)
    lengths = np.array([len(key) // 4 for key in keys], np.int64)
    counts = np.array([types[key] for key in keys], np.int64)
    names = list(spelled)
    pieces: list[NewPiece] = []
    made: list[tuple[str, str, str]] = []
    stream: Iterator[Merge] = merges(symbols, lengths, counts, spelled, LEAST_COUNT, frozenset(spelled))
    for merge in stream if most > 0 else ():
        heard()
        if merge.made == len(names):
            if len(pieces) == most:
                break
            text = names[merge.left] + names[merge.right]
            names.append(text)
            base_ids[merge.made] = base_ids[merge.left] + base_ids[merge.right]
            pieces.append(NewPiece(text, base_ids[merge.made], merge.saved))
        made.append((names[merge.left], names[merge.right], names[merge.made]))
    return pieces, made


def _batched(texts: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(texts)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def load_extended(extension: Extension, folder: Path) -> Tokenizer:
    """Return the tokenizer of an extension; `folder` names its base in what is said.

    Raises:
        UserError: the library refuses it.
    """
    tokenizer = vocabulary.parsed(orjson.dumps(extension.document()), folder / vocabulary.FILE)
    tokenizer.encode_special_tokens = True
    return tokenizer
