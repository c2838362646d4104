"""A tokenizer on disk: tokenizer.json, what it is called, and the end-of-text token that parts documents."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.problems import Problem, UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
END_OF_TEXT = "<|endoftext|>"
_KNOWN_ENDS = (END_OF_TEXT, "</s>", "<|end_of_text|>", "<|im_end|>", "<eos>")


def load(folder: Path) -> "Tokenizer":
    """Return the tokenizer in `folder`.

    Raises:
        UserError: there is no tokenizer.json, or it is not one.
    """
    from tokenizers import Tokenizer

    file = folder / FILE
    if not file.is_file():
        raise UserError(Problem("tokenizer.missing", None, {"folder": str(folder)}))
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception for every malformed file
        raise UserError(
            Problem("tokenizer.unreadable", None, {"file": str(file), "reason": str(error)})
        ) from None


def hash_of(folder: Path) -> str:
    """Return the SHA-256 of tokenizer.json: what token files and models are checked against."""
    return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()


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
