"""What must hold of an extended vocabulary on a person's own documents before it may be used."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from domainstudio.problems import Problem, UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.extend import Extension, load_extended

_LINE_CHARACTERS = 20_000
"""Of each document: so much is also checked line by line."""


class Checked(BaseModel):
    """How much text showed that the extension is sound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int
    characters: int
    unchanged_lines: int
    """Lines without a new piece: cut as before."""


def check(
    extension: Extension, folder: Path, texts: Iterable[str], heard: Callable[[], None] = lambda: None
) -> Checked:
    """Check an extension against its base on documents.

    Every old id stands for what it stood for, added tokens too. A line without a new piece has its old ids.
    A new piece of a byte-pair vocabulary stands where the base has the ids it is made of. The text
    comes back as it does from the base.

    Args:
        extension: by some pieces.
        folder: holds the base's tokenizer.json.
        texts: documents.
        heard: called for each; may raise to stop.

    Raises:
        UserError: something does not hold; it names the first document.
    """
    base, grown = vocabulary.load(folder), load_extended(extension, folder)
    base.encode_special_tokens = True
    _check_ids(base, grown, extension)
    parts = {extension.first_id + place: piece.base_ids for place, piece in enumerate(extension.pieces)}
    documents = characters = unchanged = 0
    for text in texts:
        heard()
        documents, characters = documents + 1, characters + len(text)
        old, new = (one.encode(text, add_special_tokens=False).ids for one in (base, grown))
        if extension.kind.endswith("BPE"):
            expanded = [one for number in new for one in parts.get(number, (number,))]
            if expanded != old:
                raise UserError(Problem("tokenizer.extension_expansion", None, {"document": documents}))
        if grown.decode(new, skip_special_tokens=False) != base.decode(old, skip_special_tokens=False):
            raise UserError(Problem("tokenizer.extension_text", None, {"document": documents}))
        lines = text[:_LINE_CHARACTERS].splitlines(keepends=True)
        before, after = (one.encode_batch_fast(lines, add_special_tokens=False) for one in (base, grown))
        for one, other in zip(before, after, strict=True):
            if parts.keys().isdisjoint(other.ids):
                unchanged += 1
                if one.ids != other.ids:
                    raise UserError(Problem("tokenizer.extension_line", None, {"document": documents}))
    return Checked(documents=documents, characters=characters, unchanged_lines=unchanged)


def _check_ids(base: Tokenizer, grown: Tokenizer, extension: Extension) -> None:
    new = {piece.text: extension.first_id + place for place, piece in enumerate(extension.pieces)}
    for token, wanted in {**new, **base.get_vocab()}.items():
        found = grown.token_to_id(token)
        if found != wanted:
            params = {"token": token, "found": found, "wanted": wanted}
            raise UserError(Problem("tokenizer.extension_ids", None, params))
