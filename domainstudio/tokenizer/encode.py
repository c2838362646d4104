"""Encoding documents: by tiktoken where it gives the same ids as `tokenizers`, else by `tokenizers`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.fast import FastEncoder, NotReproducible

SAMPLE_DOCUMENTS = 1000
SAMPLE_CHARACTERS = 20_000
"""How many documents are compared, and how much of each at most."""

Ids = NDArray[np.integer[Any]]
Library = Literal["tiktoken", "tokenizers"]


class EncoderChoice(BaseModel):
    """Which library encodes, why, and on how many of the person's documents the two were compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: Library
    reason: str
    documents_compared: int


class Encoder:
    """Encodes documents; `<|endoftext|>` and its like within a text are text and part no documents."""

    def __init__(self, folder: Path, library: Library = "tokenizers") -> None:
        """Load the tokenizer in `folder`; with tiktoken that encodes what it can.

        Raises:
            UserError: there is no tokenizer, or it has no end-of-text token.
            NotReproducible: tiktoken cannot be used, as `choose` would have said.
        """
        self._tokenizer: Tokenizer = vocabulary.load(folder)
        self._tokenizer.encode_special_tokens = True
        self._folder, self._library = folder, library
        self._fast = FastEncoder(folder) if library == "tiktoken" else None
        self.sha256 = vocabulary.hash_of(folder)
        self.end_of_text = vocabulary.end_of_text(self._tokenizer)
        self.vocabulary = vocabulary.size_of(self._tokenizer)
        self.dtype: Literal["uint16", "uint32"] = "uint16" if self.vocabulary <= 65_536 else "uint32"

    def __reduce__(self) -> tuple[type["Encoder"], tuple[Path, Library]]:
        """Let another process load the tokenizer anew."""
        return Encoder, (self._folder, self._library)

    def encode(self, texts: list[str]) -> list[Ids]:
        """Return the ids of each text in `dtype`, little-endian, without end-of-text."""
        if self._fast is None:
            return self._slowly(texts)
        found = [self._fast.encode(text) for text in texts]
        left = [number for number, ids in enumerate(found) if ids is None]
        slow = dict(zip(left, self._slowly([texts[number] for number in left]), strict=True))
        return [slow[number] if ids is None else ids for number, ids in enumerate(found)]

    def _slowly(self, texts: list[str]) -> list[Ids]:
        dtype = np.dtype(self.dtype).newbyteorder("<")
        with vocabulary.panics(self._folder):
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False) if texts else []
        return [np.array(encoding.ids, dtype) for encoding in encodings]


def choose(folder: Path, sample: Iterable[str]) -> EncoderChoice:
    """Return which library to encode with: tiktoken only if not one id of the sample differs.

    Args:
        folder: holds tokenizer.json.
        sample: documents of the person, of which the first `SAMPLE_DOCUMENTS` are compared.

    Raises:
        UserError: there is no tokenizer, or it has no end-of-text token.
    """
    slow = Encoder(folder)
    try:
        fast = FastEncoder(folder)
        fast.check_merges()
    except NotReproducible as refusal:
        return EncoderChoice(library="tokenizers", reason=str(refusal), documents_compared=0)
    compared = 0
    for text in sample:
        text = text[:SAMPLE_CHARACTERS]
        (expected,), found = slow.encode([text]), fast.encode(text)
        compared += 1
        if found is not None and not np.array_equal(expected, found):
            reason = f"document {compared} of the sample got other ids"
            return EncoderChoice(library="tokenizers", reason=reason, documents_compared=compared)
        if compared == SAMPLE_DOCUMENTS:
            break
    reason = "the merges are proved equal and every id of the sample is the same"
    return EncoderChoice(library="tiktoken", reason=reason, documents_compared=compared)


def batches(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """Yield the texts in order, in lists that end with the text that reaches so many characters."""
    batch, held = list[str](), 0
    for text in texts:
        batch.append(text)
        held += len(text)
        if held >= characters:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
