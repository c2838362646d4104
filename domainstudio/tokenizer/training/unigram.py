"""A byte-level Unigram vocabulary of counted types: weighted seeds, then sentencepiece's EM and pruning."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tokenizers import Tokenizer, models

from domainstudio.tokenizer.training.alphabet import LETTERS
from domainstudio.tokenizer.training.seeds import seeds_of
from domainstudio.tokenizer.training.splitting import Split, cut_by, expression
from domainstudio.tokenizer.vocabulary import END_OF_TEXT, FILE, model_of

SENTENCEPIECE_FILE = "sentencepiece.model"
"""The same vocabulary for sentencepiece: it takes what the splitting cut, spelled in letters of bytes. It has
another name than a model's tokenizer.model, which converters would feed with plain text."""

LONGEST_PIECE: dict[Split, int] = {"words": 28, "multi-word": 56, "multi-word-unicode": 56}
"""Bytes: 9 or 18 Chinese characters."""

LEAST_SEEDS, SEEDS_PER_ENTRY = 20_000, 4
"""Measured on 10 MB: three times as many make the EM dearer and a token hold about 1 % less."""
_KEPT_A_ROUND = 0.6
"""Share of the pieces that a round of pruning keeps; sentencepiece's 0.75 is a third dearer for 0.05 %."""
_EM_STEPS = 1
"""Between two rounds of pruning; sentencepiece's 2 are a third dearer for 0.02 % (10 MB)."""
_FLOOR = 10.0
"""A byte that the text lacks is so much less probable than the least probable piece (in nats)."""

_SCALE = 10**9

Pieces = list[tuple[str, float]]
"""Letters and log-probability in nats, the most probable first; the end of text is not among them."""


def train_unigram(
    counts: Mapping[str, int],
    size: int,
    split: Split,
    seeds: Sequence[tuple[str, int]] | None = None,
    *,
    threads: int = 1,
    model_file: Path | None = None,
) -> Pieces:
    """Return a vocabulary of at most `size` entries with the end of text.

    Expectation maximisation over the types weighted with their counts, with pruning of what the likelihood
    needs least (Kudo 2018), by sentencepiece. All 256 bytes are among the pieces.

    Args:
        counts: types in letters of the byte-level alphabet.
        size: at least 257.
        split: what the types were cut by; says how long a piece may be.
        seeds: what to begin with, with frequencies; by default the weighted substrings of the types.
        threads: of the EM; its sums, and so the last digits, depend on it.
        model_file: gets the sentencepiece model, if it is given.
    """
    longest = LONGEST_PIECE[split]
    if seeds is None:
        seeds = seeds_of(counts, max(LEAST_SEEDS, SEEDS_PER_ENTRY * size), longest)
    with TemporaryDirectory(prefix="unigram-") as folder:
        text, begin = Path(folder, "types.tsv"), Path(folder, "seeds.tsv")
        _write(text, counts.items())
        _write(begin, seeds)
        with text.open("a", encoding="utf-8") as file:
            file.writelines(f"{letter}\t1\n" for letter in LETTERS)
        pieces, model = _train(text, begin, size, longest, threads)
    if model_file is not None:
        model_file.write_bytes(model)
    return pieces


def _write(file: Path, rows: Iterable[tuple[str, int]]) -> None:
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{name}\t{count}\n" for name, count in rows)


def _train(text: Path, seeds: Path, size: int, longest: int, threads: int) -> tuple[Pieces, bytes]:
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        input_format="tsv",
        seed_sentencepieces_file=str(seeds),
        model_writer=written,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        max_sentencepiece_length=longest,
        num_threads=threads,
        shrinking_factor=_KEPT_A_ROUND,
        num_sub_iterations=_EM_STEPS,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_unicode_script=False,
        split_by_number=False,
        split_by_whitespace=False,
        split_digits=False,
        unk_id=0,
        unk_piece=END_OF_TEXT,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=1,
    )
    model = written.getvalue()
    made = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(made.id_to_piece(n), made.get_score(n)) for n in range(1, made.get_piece_size())], model


def expected(pieces: Pieces) -> list[tuple[str, int]]:
    """Return pieces with frequencies in proportion to their probabilities: seeds of a smaller vocabulary."""
    return [(name, max(1, round(_SCALE * math.exp(score)))) for name, score in pieces if len(name) > 1]


def pruned(pieces: Pieces, size: int) -> Pieces:
    """Return the most probable pieces and all bytes, `size` entries with the end of text."""
    letters = set(LETTERS)
    kept = [piece for piece in pieces if piece[0] not in letters][: max(0, size - 1 - len(letters))]
    single = dict(piece for piece in pieces if piece[0] in letters)
    floor = min((score for _, score in [*kept, *single.items()]), default=0.0) - _FLOOR
    all_ = [*kept, *((letter, single.get(letter, floor)) for letter in LETTERS)]
    scores = np.array([score for _, score in all_])
    # Their probabilities are 1 in sum again.
    surplus = float(np.logaddexp.reduce(scores))
    return sorted(((name, score - surplus) for name, score in all_), key=lambda piece: -piece[1])


def pieces_in(folder: Path) -> Pieces:
    """Return the pieces of the tokenizer.json that `save_unigram` wrote.

    Raises:
        UserError: it is no such file.
    """
    vocabulary = model_of(folder, "Unigram")["vocab"]
    return [(name, score) for name, score in vocabulary if name != END_OF_TEXT]


def save_unigram(pieces: Pieces, split: Split, folder: Path) -> int:
    """Write tokenizer.json into `folder`, return the size; ids follow the pieces, behind the end of text."""
    least = min(score for _, score in pieces) - _FLOOR
    tokenizer = Tokenizer(models.Unigram([(END_OF_TEXT, least), *pieces], None, False))
    cut_by(tokenizer, expression(split, parts_digits=True))
    tokenizer.add_special_tokens([END_OF_TEXT])
    tokenizer.save(str(folder / FILE))
    return int(tokenizer.get_vocab_size())
