"""What is promised of vocabularies, on real English and Chinese text."""

import gzip
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import sentencepiece

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.alphabet import spell
from domainstudio.tokenizer.training.chunks import ChunkVocabulary, merged_by_source
from domainstudio.tokenizer.training.counting import count_types, total
from domainstudio.tokenizer.training.splitting import compiled, expression
from domainstudio.tokenizer.training.unigram import SENTENCEPIECE_FILE, save_unigram, train_unigram

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA") or ROOT.parent / "shared" / "data")
NAMES, DOCUMENTS, SIZE = ("medical_medquad", "general_zh", "general_en"), 40, 3000
WORDS = expression("words", parts_digits=True)

pytestmark = pytest.mark.skipif(
    not (CORPORA / "general_zh.jsonl.gz").is_file(),
    reason="DOMAINSTUDIO_CORPORA names no folder of real text",
)


def texts_of(name: str, start: int, count: int) -> Iterator[str]:
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in islice(file, start, start + count):
            yield json.loads(line)["text"]


def test_chunks_merge_to_nearly_one_vocabulary_which_both_libraries_read_alike(tmp_path: Path) -> None:
    chunks = [
        [count_types(texts_of(name, start, DOCUMENTS // 2), WORDS) for start in (0, DOCUMENTS // 2)]
        for name in NAMES
    ]
    held_out = [text for name in NAMES for text in texts_of(name, DOCUMENTS, 4)]
    whole = total([chunk for source in chunks for chunk in source], 10**6)
    made = [
        [ChunkVocabulary(one.size_bytes, train_unigram(one.counts, SIZE, "words")) for one in source]
        for source in chunks
    ]
    tokens = []
    for name in ("whole", "merged"):
        folder = tmp_path / name
        folder.mkdir()
        pieces = (
            train_unigram(whole.counts, SIZE, "words", model_file=folder / SENTENCEPIECE_FILE)
            if name == "whole"
            else merged_by_source(made, SIZE)
        )
        assert save_unigram(pieces, "words", folder) == SIZE
        tokenizer = vocabulary.load(folder)
        encodings = tokenizer.encode_batch(held_out)
        assert tokenizer.decode_batch([one.ids for one in encodings]) == held_out
        tokens.append(sum(len(one.ids) for one in encodings))
        if name == "whole":
            theirs = sentencepiece.SentencePieceProcessor(model_file=str(folder / SENTENCEPIECE_FILE))
            parts = sorted({part for text in held_out for part in compiled(WORDS).findall(text)})
            cuts = theirs.encode([spell(part.encode()) for part in parts])
            ours = [one.ids for one in tokenizer.encode_batch(parts)]
            apart = [pair for pair in zip(cuts, ours, strict=True) if pair[0] != pair[1]]
            nats = [[sum(map(theirs.get_score, ids)) for ids in pair] for pair in apart]
            assert len(apart) < 5 and all(one == pytest.approx(other) for one, other in nats), "but for ties"
    assert tokens[1] <= 1.06 * tokens[0]  # of chunks of only 0.2 MB; measured 1.04
