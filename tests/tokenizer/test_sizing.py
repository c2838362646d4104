"""How large a vocabulary: one training gives all smaller ones, and the numbers are those of the papers."""

from pathlib import Path

import pytest

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.training.counting import count_types
from domainstudio.tokenizer.training.sizing import (
    Measured,
    SizeCurve,
    cost_of,
    law_size,
    measure_bpe,
    measure_unigram,
    next_power_of_two,
    sizes_up_to,
)
from domainstudio.tokenizer.training.splitting import expression
from domainstudio.tokenizer.training.train import merges_of, pairs_in, save_bpe
from domainstudio.tokenizer.training.unigram import train_unigram

TEXTS = Path(vocabulary.__file__).read_text().splitlines(keepends=True)
HELD_OUT = ["def merges(symbols):\n    return the tokenizer of this folder\n", "The law of contract. " * 3]


def curve(points: list[tuple[int, int]], held_out_bytes: int = 8000) -> SizeCurve:
    return SizeCurve(
        kind="bpe",
        split="words",
        training_bytes=10**9,
        types=9,
        types_seen=9,
        held_out_bytes=held_out_bytes,
        points=[Measured(size=size, tokens=tokens) for size, tokens in points],
    )


@pytest.mark.parametrize("size", [257, 300, 420])
def test_a_truncated_vocabulary_is_the_retrained_one_byte_for_byte(size: int, tmp_path: Path) -> None:
    counts = count_types(TEXTS, expression("words", parts_digits=False)).counts
    large, cut, retrained = (tmp_path / name for name in ("large", "cut", "retrained"))
    for folder in (large, cut, retrained):
        folder.mkdir()
    save_bpe(merges_of(counts, 600), 600, "words", large)
    save_bpe(pairs_in(large), size, "words", cut)
    assert save_bpe(merges_of(counts, size), size, "words", retrained) == size
    assert (cut / vocabulary.FILE).read_bytes() == (retrained / vocabulary.FILE).read_bytes()


def test_bpe_is_measured_as_the_tokenizer_cuts(tmp_path: Path) -> None:
    pattern = expression("words", parts_digits=False)
    pairs = merges_of(count_types(TEXTS, pattern).counts, 600)
    points = measure_bpe(pairs, [257, 400, 600], count_types(HELD_OUT, pattern).counts, lambda _done: None)
    for point in points:
        save_bpe(pairs, point.size, "words", tmp_path)
        tokenizer = vocabulary.load(tmp_path)
        assert point.tokens == sum(len(tokenizer.encode(text).ids) for text in HELD_OUT)
    assert points[0].tokens == sum(len(text.encode()) for text in HELD_OUT)
    assert points[0].tokens > points[1].tokens > points[2].tokens


def test_smaller_unigram_vocabularies_come_from_the_largest() -> None:
    pattern = expression("words", parts_digits=True)
    counts = count_types(TEXTS, pattern).counts
    pieces = train_unigram(counts, 600, "words")
    told: list[int] = []
    points = measure_unigram(pieces, [257, 400, 600], count_types(HELD_OUT, pattern).counts, told.append)
    assert points[0].tokens == sum(len(text.encode()) for text in HELD_OUT)
    assert points[0].tokens > points[1].tokens > points[2].tokens
    assert told == [0, 1, 2]


def test_the_criterion_is_the_size_of_the_text_in_bits() -> None:
    # 8,000 bytes in 2,000 tokens of 16 bits are 4 bits a byte.
    found = curve([(1024, 3600), (65_536, 2000), (2**20, 1900)])
    assert found.criterion(found.points[1]) == 4.0
    assert found.bytes_per_token(found.points[1]) == 4.0
    assert found.best.size == 65_536 and found.is_interior
    assert not curve([(1024, 3600), (2048, 3000)]).is_interior


def test_bloomberggpt_would_round_125_000_to_its_vocabulary() -> None:
    assert next_power_of_two(125_000) == 131_072 == 2**17
    assert next_power_of_two(4096) == 4096


def test_sizes_double_and_half_as_much_again() -> None:
    assert sizes_up_to(5000) == [512, 768, 1024, 1536, 2048, 3072, 4096, 5000]
    assert sizes_up_to(300) == [300]


def test_the_tables_cost_what_the_notes_work_out() -> None:
    # A body of about 1 billion of width 2,048: 32k to 64k costs 6 · 32k · 2,048 more for each token.
    small, large = (cost_of(size, 1.0, 2048, 10**9, is_tied=False) for size in (32_768, 65_536))
    assert large.flops - small.flops == pytest.approx(0.4e9, rel=0.01)
    assert large.embedding_parameters == 2 * 65_536 * 2048
    tied = cost_of(32_768, 1.0, 2048, 10**9, is_tied=True)
    assert tied.embedding_parameters * 2 == small.embedding_parameters
    assert tied.flops == small.flops
    assert tied.embedding_share == pytest.approx(0.0629, abs=1e-4)


def test_the_law_is_near_what_the_paper_measured() -> None:
    # Best measured: 16K at 302 million parameters; predicted about 43K at 3 billion.
    assert 16_000 < law_size(302 * 10**6, 1024) < 24_000
    assert 39_000 < law_size(3 * 10**9, 3200) < 48_000
