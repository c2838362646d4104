"""Encoding documents into token files, a batch at a time."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.packed import PackedMeta, PackedWriter

BATCH_DOCUMENTS = 512


def pack(
    texts: Iterator[str], tokenizer_folder: Path, folder: Path, report: Callable[[int], None]
) -> PackedMeta:
    """Write the texts as a token file into the existing, empty `folder`; every token appears once.

    Args:
        texts: the documents in their order.
        tokenizer_folder: holds tokenizer.json.
        folder: where the token file goes.
        report: called with the number of documents done after each batch; may raise to stop.
    """
    tokenizer: Tokenizer = vocabulary.load(tokenizer_folder)
    tokenizer.encode_special_tokens = True  # `<|endoftext|>` in a text is text and parts no documents
    with PackedWriter(
        folder,
        tokenizer.get_vocab_size(),
        vocabulary.hash_of(tokenizer_folder),
        vocabulary.end_of_text(tokenizer),
    ) as writer:
        done = 0
        while batch := list(islice(texts, BATCH_DOCUMENTS)):
            for text, encoding in zip(
                batch, tokenizer.encode_batch(batch, add_special_tokens=False), strict=True
            ):
                writer.add(encoding.ids, len(text.encode("utf-8")))
            done += len(batch)
            report(done)
        return writer.close()
