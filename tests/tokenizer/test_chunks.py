"""Vocabularies of chunks merged into one, side by side, resumable by part."""

import math
from pathlib import Path

import numpy as np
import pytest

from domainstudio.corpus.documents import ShardWriter, shards_of
from domainstudio.corpus.readers import Document
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.packing import PartPlan, plan_source
from domainstudio.tokenizer.training.chunks import ChunkVocabulary, merged, merged_by_source
from domainstudio.tokenizer.training.counting import count_types
from domainstudio.tokenizer.training.splitting import expression
from domainstudio.tokenizer.training.tallying import UnigramPlan, count_parts, train_chunks
from domainstudio.tokenizer.training.unigram import save_unigram

WORDS = expression("words", parts_digits=True)
PLAN = UnigramPlan(400, "words", 10_000)


class Interrupted(Exception):
    """Somebody asked for it."""


def chunk(weight: int, **probabilities: float) -> ChunkVocabulary:
    return ChunkVocabulary(weight, [(name, math.log(value)) for name, value in probabilities.items()])


def test_merging_is_the_weighted_mean_and_does_not_depend_on_the_order() -> None:
    chunks = [chunk(100, ab=0.5, c=0.5), chunk(300, ab=0.1, d=0.9), chunk(600, d=1.0)]
    whole = merged(chunks)
    by_hand = {"ab": 0.08, "c": 0.05, "d": 0.87}
    assert whole.weight == 1000
    assert {name: math.exp(score) for name, score in whole.pieces} == pytest.approx(by_hand)
    assert [name for name, _ in whole.pieces] == ["d", "ab", "c"]
    in_steps = merged([merged(chunks[:2]), merged(chunks[2:])])
    assert dict(in_steps.pieces) == pytest.approx(dict(whole.pieces))
    kept = dict(merged_by_source([chunks[:2], chunks[2:]], 259))
    assert len(kept) == 257 and "ab" in kept and "d" in kept and "\u0120" in kept
    assert math.exp(kept["d"]) / math.exp(kept["ab"]) == pytest.approx(0.87 / 0.08)
    assert sum(map(math.exp, kept.values())) == pytest.approx(1)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    nouns = ["contract", "promise", "wrong", "court", "judge", "statute", "合同", "法院", "当事人"]
    chosen = np.random.default_rng(7).integers(0, len(nouns), (400, 8))
    return ["The " + " of the ".join(nouns[n] for n in row) + f" in {1900 + row[0]}." for row in chosen]


@pytest.fixture
def plans(texts: list[str], tmp_path: Path) -> list[PartPlan]:
    """The texts as a shard, in parts of about 4 kB, whose files come into an empty folder."""
    documents = tmp_path / "documents"
    documents.mkdir()
    writer = ShardWriter(documents)
    for number, text in enumerate(texts):
        writer.add(Document(text=text, title="", origin="x", position=number))
    writer.close()
    (shard,) = shards_of(documents)
    folder = tmp_path / "parts"
    folder.mkdir()
    return plan_source(folder, [(shard, np.arange(len(texts)))], 4096)


def test_parts_counted_side_by_side_are_the_whole_and_what_is_whole_is_not_made_again(
    plans: list[PartPlan], texts: list[str]
) -> None:
    told: list[int] = []

    def stop_early(done: int) -> None:
        told.append(done)
        if done >= len(texts) // 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        count_parts(plans, WORDS, 10_000, stop_early, processes=0)
    made = {file: file.stat().st_mtime_ns for file in plans[0].folder.iterdir()}
    assert 0 < len(made) < len(plans)
    counted = count_parts(plans, WORDS, 10_000, told.append, processes=2)
    assert counted == count_types(texts, WORDS)
    assert told[-1] == len(texts)
    assert all(file.stat().st_mtime_ns == when for file, when in made.items())


def test_chunks_train_alike_however_often_they_are_interrupted(
    plans: list[PartPlan], texts: list[str]
) -> None:
    sources = [[plans[: len(plans) // 2]], [plans[len(plans) // 2 :]]]

    def stop_early(done: int) -> None:
        if done > len(texts) // 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train_chunks(sources, PLAN, stop_early, processes=0)
    (file,) = plans[0].folder.glob("chunk-*.json")
    first = file.stat().st_mtime_ns
    found = train_chunks(sources, PLAN, lambda _done: None, processes=0)
    assert file.stat().st_mtime_ns == first
    for other in plans[0].folder.glob("chunk-*.json"):
        other.unlink()
    assert train_chunks(sources, PLAN, lambda _done: None, processes=0) == found
    assert sum(chunk.weight for source in found for chunk in source) == sum(len(t.encode()) for t in texts)


def test_merged_chunks_cut_a_text_nearly_as_one_vocabulary_of_all(
    plans: list[PartPlan], texts: list[str], tmp_path: Path
) -> None:
    tokens = []
    for number, sources in enumerate(([[plans]], [[plans[::2]], [plans[1::2]]])):
        chunks = train_chunks(sources, PLAN, lambda _done: None, processes=0)
        folder = tmp_path / str(number)
        folder.mkdir()
        save_unigram(merged_by_source(chunks, 400), "words", folder)
        tokenizer = vocabulary.load(folder)
        tokens.append(sum(len(tokenizer.encode(text).ids) for text in texts[:50]))
    assert tokens[1] <= 1.02 * tokens[0]
