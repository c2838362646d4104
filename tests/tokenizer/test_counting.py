"""Types of a text: cut as the library would, counted apart and added, thinned where they are too many."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from domainstudio.tokenizer.training.alphabet import LETTERS, bytes_of, spell
from domainstudio.tokenizer.training.counting import (
    LONGEST_TYPE,
    TypeCounts,
    count_types,
    read_counts,
    thin,
    total,
    write_counts,
)
from domainstudio.tokenizer.training.splitting import Split, compiled, expression

SPLITS: tuple[Split, ...] = ("words", "multi-word", "multi-word-unicode")
WORDS = expression("words", parts_digits=True)
TEXTS = ["The law of contract, the law of tort.\n", "合同法规定，合同自成立时生效。", "In 1999 it's 20 %."]


@pytest.mark.parametrize("split", SPLITS)
@settings(max_examples=150)
@given(
    text=st.text(
        st.one_of(
            st.sampled_from("法合 \n\t\x1c\x85\u3000abS'’sſ12٣é\u0301हि"),
            st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"]),
        )
    )
)
@example(text="don't  WE'LL  \r\n\r\n  x １２ 〇々")
def test_a_text_is_cut_where_the_tokenizer_cuts_it(split: Split, text: str) -> None:
    for parts_digits in (False, True):
        pattern = expression(split, parts_digits=parts_digits)
        pieces = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)
        assert compiled(pattern).findall(text) == [piece for piece, _ in pieces]


def cut(split: Split, text: str) -> list[str]:
    return compiled(expression(split, parts_digits=True)).findall(text)


def test_the_manners_of_cutting() -> None:
    text = "United States of America v. 27 Köche"
    assert cut("words", text) == ["United", " States", " of", " America", " v", ".", " ", "2", "7", " Köche"]
    assert cut("multi-word", text) == ["United States of America v", ". ", "2", "7", " K", "ö", "che"]
    assert cut("multi-word-unicode", text) == ["United States of America v", ". ", "2", "7", " Köche"]
    assert cut("multi-word", "合同法，第2条") == ["合同法，第", "2", "条"]
    assert cut("multi-word-unicode", "合同法，第2条") == ["合同法", "，", "第", "2", "条"]
    assert [len(run) for run in cut("multi-word-unicode", "法" * 40)] == [16, 16, 8]


def test_counting_in_parts_is_counting_the_whole() -> None:
    whole = count_types(TEXTS, WORDS)
    assert total([count_types([text], WORDS) for text in TEXTS], 1000) == whole
    assert whole.counts["Ġlaw"] == 2 and whole.counts[spell("合同法规定".encode())] == 1
    assert whole.size_bytes == sum(len(text.encode()) for text in TEXTS)
    assert not whole.is_thinned
    spelled = b"".join(bytes_of(name) * count for name, count in whole.counts.items())
    assert Counter(spelled) == Counter("".join(TEXTS).encode())


def test_a_type_longer_than_the_bound_is_counted_in_pieces() -> None:
    counted = count_types(["x" * (2 * LONGEST_TYPE + 5)], WORDS).counts
    assert counted == {"x" * LONGEST_TYPE: 2, "x" * 5: 1}


def test_counts_come_back_from_their_file(tmp_path: Path) -> None:
    counted = count_types([*TEXTS, "\t\r\n\x00 \x85\u2028"], WORDS)
    write_counts(tmp_path / "counts.tsv", counted)
    assert read_counts(tmp_path / "counts.tsv") == counted


def test_every_byte_has_its_letter() -> None:
    assert len(set(LETTERS)) == 256 and not any(letter.isspace() for letter in LETTERS)
    assert bytes_of(spell(bytes(range(256)))) == bytes(range(256))


def test_thinning_keeps_what_is_frequent_and_counts_for_what_it_leaves_out() -> None:
    counts = {f"rare{number}": 1 + number % 3 for number in range(5000)} | {"often": 700, "also": 300}
    whole = TypeCounts(counts, 99, len(counts))
    sums = []
    for stage in range(20):
        thinned = thin(whole, 1000, stage)
        assert len(thinned.counts) < 1100 and thinned.is_thinned and thinned.seen == 5002
        assert (thinned.counts["often"], thinned.counts["also"]) == (700, 300)
        sums.append(sum(thinned.counts.values()))
    assert sum(sums) / len(sums) == pytest.approx(sum(counts.values()), rel=0.02)
    assert thin(whole, 1000, 3) == thin(whole, 1000, 3) != thin(whole, 1000, 4)
    assert thin(whole, len(counts), 1) is whole


def test_a_sum_never_holds_more_types_than_allowed() -> None:
    parts = [
        count_types(
            [" ".join("w" * 9 + spell(bytes([n % 26 + 97, n // 26 + 97])) for n in range(k, k + 130))], WORDS
        )
        for k in range(0, 650, 130)
    ]
    whole = total(parts, 200)
    assert len(whole.counts) < 250 and whole.is_thinned
    assert whole.size_bytes == sum(part.size_bytes for part in parts)
