"""Training a byte-level BPE vocabulary on documents."""

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from domainstudio.tokenizer.vocabulary import END_OF_TEXT, FILE

MINIMUM_SIZE = 257
"""256 bytes and the end of text."""

# Words with their space, numbers of up to three digits, punctuation, white space (as GPT-4's cl100k).
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_byte_level_bpe(texts: Iterator[str], size: int, folder: Path) -> int:
    """Train a vocabulary of at most `size` entries, write tokenizer.json into `folder`, return its size.

    Ids are in merge order behind the end of text (id 0) and the 256 bytes, so a smaller vocabulary is a
    prefix of a larger one. The result can be smaller than `size` when the text is short of repeated pairs.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / FILE))
    return int(tokenizer.get_vocab_size())
