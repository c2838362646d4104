"""Any tokenizer under one small interface: tokenizer.json, a Hugging Face folder, a SentencePiece model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.pieces import SPACE, Piece, pieces_of, spelled_bytes

SENTENCEPIECE = "tokenizer.model"
_SENTENCEPIECE_NAMES = (SENTENCEPIECE, "spiece.model", "sentencepiece.bpe.model")

VocabularyKind = Literal[
    "byte-level BPE",
    "SentencePiece BPE",
    "BPE",
    "byte-level Unigram",
    "Unigram",
    "WordPiece",
    "words",
    "characters",
]


@dataclass(frozen=True, eq=False)
class Cuts:
    """One text in tokens: three int64 arrays of one length."""

    ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    """The first character of each token."""
    ends: NDArray[np.int64]
    """The character after its last; tokens that share a character overlap in it."""


class Vocabulary(ABC):
    """A tokenizer that cuts texts; what looks like a special token within a text is text."""

    name: str
    """The folder or file it was read from, without what lies above."""
    kind: VocabularyKind
    size: int
    """Rows that a model needs for it."""

    def __init__(self, name: str, kind: VocabularyKind, spelled: dict[int, str], size: int) -> None:
        """Hold what each id is spelled."""
        self.name, self.kind, self.size = name, kind, size
        self._lengths, self._is_led = np.zeros(size, np.int64), np.zeros(size, bool)
        for number, token in spelled.items():
            self._lengths[number] = len(spelled_bytes(token, is_bytes=kind.startswith("byte-level")))
            self._is_led[number] = token.startswith(SPACE)

    @abstractmethod
    def cut(self, texts: list[str]) -> list[Cuts]:
        """Return each text in tokens, without tokens for its beginning or end."""

    @abstractmethod
    def pieces(self, text: str) -> list[Piece]:
        """Return one text in pieces whose bytes lie in order and without gaps."""

    def single_bytes(self) -> NDArray[np.bool_]:
        """Return, for each of the `size` ids, whether it stands for one byte only."""
        found: NDArray[np.bool_] = self._lengths == 1
        return found

    def _cuts(self, ids: Sequence[int], text: str, offsets: Callable[[], Sequence[tuple[int, int]]]) -> Cuts:
        """Return where tokens lie: by what they are spelled if that is the text, else by the library's word.

        A library gives a run of bytes, and the space put before a text, the place of the whole run.
        """
        numbers = np.array(ids, np.int64)
        data = np.frombuffer(text.encode(), np.uint8)
        lengths = self._lengths[numbers]
        if len(numbers) and self._is_led[numbers[0]] and not text.startswith(" "):
            lengths[0] -= 1
        if not len(numbers) or int(lengths.sum()) != len(data):
            places = np.array(offsets(), np.int64).reshape(-1, 2)
            return Cuts(numbers, places[:, 0], places[:, 1])
        # Which character each byte belongs to; behind the last byte is one more.
        characters = np.append(np.cumsum((data & 0xC0) != 0x80) - 1, len(text))
        ends = np.cumsum(lengths)
        return Cuts(numbers, characters[ends - lengths], characters[np.maximum(ends - 1, 0)] + (lengths > 0))


class _Json(Vocabulary):
    def __init__(self, file: Path, name: str) -> None:
        data = read_small(file)
        self._file = file
        self._tokenizer = vocabulary.parsed(data, file)
        self._tokenizer.encode_special_tokens = True
        spelled = {number: token for token, number in self._tokenizer.get_vocab().items()}
        super().__init__(name, kind_of(orjson.loads(data)), spelled, vocabulary.size_of(self._tokenizer))

    def cut(self, texts: list[str]) -> list[Cuts]:
        with vocabulary.panics(self._file.parent, self._file.name):
            encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            self._cuts(encoding.ids, text, lambda encoding=encoding: encoding.offsets)  # type: ignore[misc]
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def pieces(self, text: str) -> list[Piece]:
        with vocabulary.panics(self._file.parent, self._file.name):
            found = self._tokenizer.encode(text, add_special_tokens=False)
        return pieces_of(found.tokens, found.ids, found.offsets, text)


class _SentencePiece(Vocabulary):
    def __init__(self, file: Path, name: str) -> None:
        from sentencepiece import SentencePieceProcessor

        data = read_small(file)
        try:
            if not data:
                raise ValueError("it is empty")
            self._processor = SentencePieceProcessor(model_proto=data)
            size, kind = int(self._processor.get_piece_size()), _sentencepiece_kind(data)
        except (RuntimeError, ValueError, IndexError) as error:
            params = {"file": str(file), "reason": " ".join(str(error).split())}
            raise UserError(Problem("tokenizer.unreadable", None, params)) from None
        super().__init__(
            name, kind, {number: self._processor.id_to_piece(number) for number in range(size)}, size
        )

    def cut(self, texts: list[str]) -> list[Cuts]:
        return [
            self._cuts(found["ids"], text, lambda found=found: found["offsets"])  # type: ignore[misc]
            for text, found in zip(texts, map(self._encode, texts), strict=True)
        ]

    def pieces(self, text: str) -> list[Piece]:
        found = self._encode(text)
        return pieces_of(found["pieces"], found["ids"], found["offsets"], text)

    def _encode(self, text: str) -> dict[str, Any]:
        found: dict[str, Any] = self._processor.encode(text, return_type="offset_mapping")
        return found


def read(path: Path) -> Vocabulary:
    """Return the tokenizer in a tokenizer.json, in a SentencePiece model, or in a folder that holds either.

    A folder's tokenizer.json goes before its SentencePiece model. No code of a folder is run, nothing pickled
    is read.

    Raises:
        UserError: there is none, or the file is no tokenizer.
    """
    if path.is_dir():
        for name in (vocabulary.FILE, *_SENTENCEPIECE_NAMES):
            if (path / name).is_file():
                return _read_file(path / name, path.name)
    elif path.is_file():
        return _read_file(path, path.parent.name if path.name == vocabulary.FILE else path.name)
    raise UserError(Problem("tokenizer.none_there", "tokenizer", {"path": str(path)}))


@lru_cache(maxsize=2)
def _kept(path: Path, _changed_ns: int) -> Vocabulary:
    return read(path)


def pieces_by(path: Path, text: str) -> list[Piece]:
    """Return a text in the pieces of the tokenizer at `path`; the last two are kept, reading takes a second.

    Raises:
        UserError: as from `read`.
    """
    places = [path, path / vocabulary.FILE]
    changed = sum(place.stat().st_mtime_ns for place in places if place.exists())
    return _kept(path, changed).pieces(text)


def kind_of(document: dict[str, Any]) -> VocabularyKind:
    """Return the kind of vocabulary that a tokenizer.json holds."""
    model = document["model"]
    steps = orjson.dumps([document.get("pre_tokenizer"), document.get("normalizer")])
    is_bytes = b'"ByteLevel"' in steps
    if model["type"] == "Unigram":
        return "byte-level Unigram" if is_bytes else "Unigram"
    if model["type"] == "BPE":
        is_spelled = model.get("byte_fallback") or "▁".encode() in steps or b'"Metaspace"' in steps
        return "byte-level BPE" if is_bytes else "SentencePiece BPE" if is_spelled else "BPE"
    return "WordPiece" if model["type"] == "WordPiece" else "words"


def _read_file(file: Path, name: str) -> Vocabulary:
    return _SentencePiece(file, name) if file.suffix == ".model" else _Json(file, name)


def _sentencepiece_kind(data: bytes) -> VocabularyKind:
    """Return the kind that a model's trainer_spec (field 2) gives as model_type (field 3, Unigram if absent).

    Field numbers: sentencepiece_model.proto.
    """
    kinds: dict[int, VocabularyKind] = {1: "Unigram", 2: "SentencePiece BPE", 3: "words", 4: "characters"}
    for field, value in _fields(data):
        if field == 2 and isinstance(value, bytes):
            return kinds[next((int(kind) for number, kind in _fields(value) if number == 3), 1)]
    return "Unigram"


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """Return (number, value) of each field of a protobuf message; strings and messages are bytes.

    Raises:
        ValueError, IndexError: it is none.
    """
    found: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        wire = tag & 7
        if wire == 0:
            value, place = _varint(data, place)
            found.append((tag >> 3, value))
            continue
        if wire == 2:
            length, place = _varint(data, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError("no protobuf message")
        found.append((tag >> 3, data[place : place + length]))
        place += length
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place
