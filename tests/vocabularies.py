"""Small tokenizers of every kind, as their makers build them."""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from domainstudio.tokenizer.training.train import train_byte_level_bpe

SPACE_RUNS = [" " * length for length in range(6, 1, -1)]


def neox_like(folder: Path, texts: Iterable[str], size: int) -> Path:
    """Write a byte-level BPE whose runs of spaces are added tokens outside the vocabulary, as Pythia's."""
    train_byte_level_bpe(iter(texts), size, folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.add_tokens([AddedToken(run, normalized=True) for run in SPACE_RUNS])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def sentencepiece_model(file: Path, texts: Iterable[str], size: int, kind: str) -> Path:
    """Write a SentencePiece model of kind bpe or unigram, with bytes for what it does not know."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in texts for line in text.splitlines() if line.strip()]),
        model_writer=made, vocab_size=size, model_type=kind, byte_fallback=True, minloglevel=2,
        hard_vocab_limit=False, normalization_rule_name="identity", remove_extra_whitespaces=False,
        character_coverage=0.99, num_threads=1,
    )  # fmt: skip
    file.write_bytes(made.getvalue())
    return file


def llama_like(folder: Path, texts: Iterable[str], size: int) -> Path:
    """Write a SentencePiece BPE as tokenizer.json in the way of Llama 2."""
    texts = list(texts)
    file = sentencepiece_model(folder / "tokenizer.model", texts, size, "bpe")
    processor = sentencepiece.SentencePieceProcessor(model_proto=file.read_bytes())
    pieces = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary and not piece.startswith("<")
    ]
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = _spelled()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def unigram_like(folder: Path, texts: Iterable[str], size: int) -> Path:
    """Write a SentencePiece Unigram as tokenizer.json."""
    file = sentencepiece_model(folder / "spiece.model", texts, size, "unigram")
    processor = sentencepiece.SentencePieceProcessor(model_proto=file.read_bytes())
    pieces = [
        (processor.id_to_piece(number), processor.get_score(number))
        for number in range(processor.get_piece_size())
    ]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _spelled() -> decoders.Decoder:
    return decoders.Sequence(
        [
            decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )  # fmt: skip


def edited(folder: Path, target: Path, **changes: object) -> Path:
    """Write a tokenizer.json with other values at its top."""
    values = json.loads((folder / "tokenizer.json").read_text())
    (target / "tokenizer.json").write_text(json.dumps({**values, **changes}))
    return target
