"""What a tokenizer makes of a text, counted by hand; the arithmetic of a comparison; terms of a field."""

import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import vocabularies
from tokenizers import Tokenizer, models, pre_tokenizers

from domainstudio.tokenizer.comparison.measures import Measure, measure, percent_of, renyi_efficiency
from domainstudio.tokenizer.comparison.table import Compared, Comparison, SampledSource
from domainstudio.tokenizer.comparison.terms import TermCounts, cut_worst
from domainstudio.tokenizer.reading import read

CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", "../shared/data"))
BYTES = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A vocabulary of the bytes, ' law' and 'it': everything else is cut into bytes."""
    merges = [("l", "a"), ("la", "w"), ("Ġ", "law"), ("i", "t")]
    made = {**BYTES, **{one + other: 256 + number for number, (one, other) in enumerate(merges)}}
    tokenizer = Tokenizer(models.BPE(made, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_text_is_counted_as_a_person_would(few: Path) -> None:
    found = measure(read(few), ["it law tax", " 法。"])
    # it | ' law' | ' ' t a x | ' ' 3 bytes 3 bytes
    assert (found.tokens, found.bytes, found.characters) == (6 + 7, 10 + 7, 13)
    assert (found.words, found.continued_words) == (3, 1)
    assert (found.unspaced, found.unspaced_tokens) == (1, 3)
    assert found.single_byte_tokens == 4 + 7
    assert found.tokens_per_unspaced == 3
    assert found.tokens_per_word == pytest.approx(10 / 3)
    assert found.continued_share == pytest.approx(1 / 3)
    assert found.bytes_per_token == pytest.approx(17 / 13)


def test_renyi_efficiency_is_one_for_a_vocabulary_used_evenly() -> None:
    assert renyi_efficiency(np.full(64, 5), 64) == pytest.approx(1)
    assert renyi_efficiency(np.array([9, 0, 0, 0]), 4) == pytest.approx(0)
    assert renyi_efficiency(np.zeros(4, np.int64), 4) is None
    half = np.array([1, 1, 0, 0])
    assert renyi_efficiency(half, 4) == pytest.approx(math.log(2) / math.log(4))


def _compared(name: str, tokens: int) -> Compared:
    counts = dict(bytes=1, characters=1, words=1, unspaced=0, unspaced_tokens=0, continued_words=0)
    one = Measure(tokens=tokens, single_byte_tokens=0, **counts)
    return Compared(name=name, kind="byte-level BPE", size=2**17, measures=(one,), worst_terms=())


def test_the_arithmetic_is_that_of_table_3_of_bloomberggpt() -> None:
    """arXiv 2303.17564, table 3: tokens in 10^9 of FinPile, C4, The Pile and Wikipedia together."""
    source = SampledSource(
        name="all", role="domain", documents=1, characters=1000, whole_characters=10**6, every=1000, sha256=""
    )
    own = [("BLOOM", 390), ("NeoX", 408), ("OPT", 434), ("BloombergGPT", 345)]
    table = Comparison(
        sources=(source,),
        tokenizers=tuple(_compared(name, tokens * 10**6) for name, tokens in own),
        reference="BloombergGPT",
    )
    rows = [table.total(number) for number in range(4)]
    assert [round(row.tokens / 1e9) for row in rows] == [390, 408, 434, 345]
    assert [round(row.percent or 0) for row in rows] == [113, 118, 126, 100]
    assert table.row(0, 0) == table.total(0)
    assert percent_of(1, 0) is None


def test_terms_are_ranked_by_the_tokens_their_cutting_costs(few: Path) -> None:
    domain, general = TermCounts(), TermCounts()
    for text in ["the usufruct is a law of usufruct, ", "当事人应当履行合同义务。", "合同义务。"] * 5:
        domain.add(text)
    domain.add("、".join(chr(0x4E00 + number) + chr(0x5E00 + number) for number in range(500)))
    for text in ["the law of the land is the law, ", "今天天气很好。"] * 20:
        general.add(text)
    terms = cut_worst(read(few), domain, general, 50)
    assert [term.saved for term in terms] == sorted((term.saved for term in terms), reverse=True)
    by_text = {term.text: term for term in terms}
    assert "law" not in by_text  # one token
    assert by_text["usufruct"].count == 10 and "".join(by_text["usufruct"].pieces) == "usufruct"
    assert by_text["合同义务"].count == 10 and "合同" not in by_text  # part of a longer term
    new = cut_worst(read(few), domain, general, 50, only_new=True)
    assert {"usufruct", "合同义务"} <= {term.text for term in new}
    assert "the" not in {term.text for term in new}


@pytest.mark.skipif(not CORPORA.is_dir(), reason="DOMAINSTUDIO_CORPORA names no folder of real text")
def test_chinese_law_is_dear_for_an_english_vocabulary_and_its_terms_are_found(tmp_path: Path) -> None:
    def texts(name: str, count: int) -> list[str]:
        with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line)["text"][:3000] for _, line in zip(range(count), lines, strict=False)]

    english, law = texts("general_en", 60), texts("law_zh", 60)
    vocabulary = read(vocabularies.neox_like(tmp_path, english, 4000))
    at_home, abroad = measure(vocabulary, english), measure(vocabulary, law)
    assert 1 < (at_home.tokens_per_word or 0) < 2.5
    assert (abroad.tokens_per_unspaced or 0) > 2
    assert (abroad.bytes_per_token or 9) < (at_home.bytes_per_token or 0)
    domain, general = TermCounts(), TermCounts()
    for text in law:
        domain.add(text)
    for text in texts("general_zh", 60):
        general.add(text)
    found = {term.text for term in cut_worst(vocabulary, domain, general, 40, only_new=True)}
    assert found & {"人民法院", "人民政府", "规定", "行政", "部门", "有关"}
