"""A tokenizer on disk: tokenizer.json, what it is called, and the end-of-text token that parts documents."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
_CONFIG = "tokenizer_config.json"
FILES = (
    FILE, _CONFIG, "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "vocab.json",
    "merges.txt", "chat_template.jinja",
)  # fmt: skip
"""What belongs to a tokenizer in a model folder."""
MOST_ENTRIES = 2**24
_MOST_GROWTH = 64
_LARGE = ("model", "added_tokens")
"""Parts of a tokenizer.json that hold its vocabulary and no rules."""
END_OF_TEXT = "<|endoftext|>"
_KNOWN_ENDS = (END_OF_TEXT, "</s>", "<|end_of_text|>", "<|im_end|>", "<eos>")


def load(folder: Path) -> "Tokenizer":
    """Return the tokenizer in `folder`; it neither cuts off nor pads, whatever its file says.

    Raises:
        UserError: there is no tokenizer.json, or it is not one.
    """
    return parsed(_data_of(folder), folder / FILE)


def parsed(data: bytes, file: Path) -> "Tokenizer":
    """Return the tokenizer that a tokenizer.json holds; `file` names it in what is said.

    Raises:
        UserError: it is none, or one that makes a text many times longer.
    """
    from tokenizers import Tokenizer

    with panics(file.parent, file.name):
        try:
            tokenizer = Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises bare Exception for every malformed file
            raise _unreadable(file.parent, error, file.name) from None
        tokenizer.no_truncation()
        tokenizer.no_padding()
    may_replace = b"Replace" in data or b"\\u00" in data  # as it stands, or with letters escaped
    if may_replace and _growth(orjson.loads(data)) > _MOST_GROWTH:
        raise _unreadable(file.parent, "its rules make a text many times longer", file.name)
    return tokenizer


@contextmanager
def panics(folder: Path, name: str = FILE) -> Iterator[None]:
    """Turn a panic of the library, which is no Exception, into a UserError.

    A rule of a crafted tokenizer.json may be sound until a text meets it.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(folder, error, name) from None


def _unreadable(folder: Path, reason: object, name: str = FILE) -> UserError:
    params = {"file": str(folder / name), "reason": " ".join(str(reason).split())}
    return UserError(Problem("tokenizer.unreadable", None, params))


def _growth(part: Any) -> int:
    """Return how many times longer the replacements of a tokenizer may make a text, one after the other."""
    if isinstance(part, list):
        return math.prod(map(_growth, part))
    if not isinstance(part, dict):
        return 1
    own = max(1, len(str(part.get("content")))) if part.get("type") == "Replace" else 1
    return own * math.prod(_growth(value) for key, value in part.items() if key not in _LARGE)


def model_of(folder: Path, kind: str) -> dict[str, Any]:
    """Return the part of a tokenizer.json that holds its vocabulary.

    Raises:
        UserError: there is none, or it is of another kind than BPE or Unigram, as `kind` says.
    """
    try:
        model = orjson.loads(_data_of(folder))["model"]
        if model["type"] != kind:
            raise _unreadable(folder, f"its model is {model['type']}, not {kind}")
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from None
    return dict(model)


def copy(source: Path, target: Path) -> None:
    """Copy the files of a tokenizer into another folder.

    Raises:
        UserError: one is a link to something beside the model, is far too large, or has code loaded.
    """
    for name in FILES:
        file = source / name
        if not file.is_file():
            continue
        if not _is_of_model(file):
            raise UserError(Problem("path.leaves_folder", None, {"path": name, "folder": str(source)}))
        data = read_small(file)
        if name == _CONFIG:
            _refuse_code(data, source)
        (target / name).write_bytes(data)


def _refuse_code(config: bytes, folder: Path) -> None:
    try:
        values = orjson.loads(config)
    except ValueError as error:
        raise _unreadable(folder, error, _CONFIG) from None
    if isinstance(values, dict) and "auto_map" in values:
        raise UserError(Problem("model.remote_code", None, {"folder": str(folder)}))


def _is_of_model(file: Path) -> bool:
    """Return whether a file lies in its folder, or where the Hub's cache keeps what its snapshots link to."""
    folder = file.parent.resolve()
    roots = [folder, folder.parents[1] / "blobs"] if folder.parent.name == "snapshots" else [folder]
    return any(file.resolve().is_relative_to(root) for root in roots)


def size_of(tokenizer: "Tokenizer") -> int:
    """Return how many rows a model needs for it: one more than the highest id, as ids may have gaps.

    Raises:
        UserError: an id is beyond every model.
    """
    size = int(max(tokenizer.get_vocab().values(), default=-1)) + 1
    if size > MOST_ENTRIES:
        raise UserError(Problem("tokenizer.id_too_high", None, {"id": size - 1, "most": MOST_ENTRIES}))
    return size


def hash_of(folder: Path) -> str:
    """Return the SHA-256 of tokenizer.json: what token files and models are checked against.

    Raises:
        UserError: there is none.
    """
    return hashlib.sha256(_data_of(folder)).hexdigest()


def _data_of(folder: Path) -> bytes:
    file = folder / FILE
    if not file.is_file():
        raise UserError(Problem("tokenizer.missing", None, {"folder": str(folder)}))
    return read_small(file)


def end_of_text(tokenizer: "Tokenizer") -> int:
    """Return the id of the token that ends a document.

    Raises:
        UserError: the tokenizer has none of the usual ones.
    """
    for token in _KNOWN_ENDS:
        identifier = tokenizer.token_to_id(token)
        if identifier is not None:
            return identifier
    raise UserError(Problem("tokenizer.no_end_of_text", None, {"known": " ".join(_KNOWN_ENDS)}))
