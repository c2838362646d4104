"""The fast path gives the ids of `tokenizers` or none, and says which tokenizers it cannot reproduce."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from domainstudio.tokenizer.encode import Encoder, choose
from domainstudio.tokenizer.fast import FastEncoder, NotReproducible
from domainstudio.tokenizer.packed import TokenType

from .conftest import TEXTS

Change = Callable[[dict[str, Any]], object]
ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from("法律合同　，。 \n\r\t\u00a0lawABC123½Ⅳ😀👩\u200d'’\u0301e\u0323ſ<|>"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)
WORDS = st.lists(
    st.one_of(
        ANY_TEXT,
        st.sampled_from(
            [
                "<|endoftext|>",
                "<|endof",
                "<|im|>",
                "<|im|>s",
                "  ",
                "      ",
                "\n\n \n",
                "'LL",
                "don't",
                "law ",
            ]
        ),
    ),
    max_size=12,
).map("".join)


def changed(source: Path, target: Path, change: Change) -> Path:
    """Copy a tokenizer with a change to its JSON."""
    values = json.loads((source / "tokenizer.json").read_text())
    change(values)
    (target / "tokenizer.json").write_text(json.dumps(values))
    return target


def both(folder: Path) -> tuple[Encoder, FastEncoder]:
    fast = FastEncoder(folder)
    fast.check_merges()
    return Encoder(folder), fast


def assert_equal(encoders: tuple[Encoder, FastEncoder], text: str) -> None:
    (expected,), found = encoders[0].encode([text]), encoders[1].encode(text)
    assert found is not None
    assert found.tolist() == expected.tolist()
    assert found.dtype == expected.dtype


@pytest.fixture(scope="session")
def plain(tokenizer_folder: Path) -> tuple[Encoder, FastEncoder]:
    return both(tokenizer_folder)


@pytest.fixture(scope="session")
def with_added_tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, FastEncoder]:
    """GPT-2's pattern, NFC, space runs and other added tokens before and after normalising, as Pythia has."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(iter(TEXTS), trainer)
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(2, 9)])
    tokenizer.add_tokens([AddedToken("<|im|", normalized=False), AddedToken("法é", normalized=True)])
    folder = tmp_path_factory.mktemp("added")
    tokenizer.save(str(folder / "tokenizer.json"))
    return both(folder)


@settings(deadline=None, max_examples=400)
@given(WORDS)
@example("合同法\r\n\r\n  第１条　😀👩\u200d👩\u200d👧 e\u0301 \x00 \ufeff")
@example("before <|endoftext|> after")
@example("\0no text is this\0")
@example("")
def test_ids_are_those_of_tokenizers(plain: tuple[Encoder, FastEncoder], text: str) -> None:
    assert_equal(plain, text)


@settings(deadline=None, max_examples=400)
@given(WORDS)
@example("a  b   <|im|>  <|im|  法e\u0301 <|im|><|im|  ")
@example("e\u0301\u0323 " * 3)
def test_added_tokens_are_split_off_as_tokenizers_does(
    with_added_tokens: tuple[Encoder, FastEncoder], text: str
) -> None:
    assert_equal(with_added_tokens, text)


def test_added_tokens_keep_their_ids(with_added_tokens: tuple[Encoder, FastEncoder]) -> None:
    ids = with_added_tokens[1].encode("x        y<|im|>")
    assert ids is not None
    assert 400 <= ids[1] < 408
    assert 1 not in ids, "a special token within a text is text"


def test_every_code_point_is_read_alike(plain: tuple[Encoder, FastEncoder]) -> None:
    """Also behind an apostrophe, a letter, a digit and a space: Unicode versions and case folding agree."""
    codes = [code for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    for first in range(0, len(codes), 4000):
        letters = map(chr, codes[first : first + 4000])
        assert_equal(plain, "".join(f"'{letter}a {letter}1{letter}" for letter in letters))


@pytest.mark.parametrize("run", ["a", "法", "-", "\n", " \n", "1", "e\u0301"])
def test_a_long_run_is_no_trouble(plain: tuple[Encoder, FastEncoder], run: str) -> None:
    assert_equal(plain, run * 300_000 + "x")


def test_what_tiktoken_cannot_read_goes_to_tokenizers(tokenizer_folder: Path) -> None:
    text = " " * 1_000_000 + "x"
    assert FastEncoder(tokenizer_folder).encode(text) is None
    choice = choose(tokenizer_folder, [text])
    assert choice.library == "tiktoken"
    texts = ["law", text, "合同"]
    (first, second, third) = Encoder(tokenizer_folder, choice.library).encode(texts)
    expected = Encoder(tokenizer_folder).encode(texts)
    assert all(map(np.array_equal, (first, second, third), expected))


def test_the_order_of_merges_counts_not_the_ids(tmp_path: Path, tokenizer_folder: Path) -> None:
    """The same merges with ids in reverse: each id changes, its place in the text does not."""
    values = json.loads((tokenizer_folder / "tokenizer.json").read_text())
    last = max(values["model"]["vocab"].values())
    values["model"]["vocab"] = {word: last - number for word, number in values["model"]["vocab"].items()}
    values["added_tokens"][0]["id"] = last
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    encoders = both(tmp_path)
    for text in TEXTS[:4]:
        assert_equal(encoders, text)


@pytest.mark.parametrize(("unused", "dtype"), [(65_535, "<u2"), (65_536, "<u4")])
def test_ids_have_the_type_that_holds_the_largest(
    tmp_path: Path, tokenizer_folder: Path, unused: int, dtype: TokenType
) -> None:
    def change(values: dict[str, Any]) -> None:
        values["model"]["vocab"]["unused"] = unused

    encoders = both(changed(tokenizer_folder, tmp_path, change))
    assert encoders[0].encode(["law"])[0].dtype == np.dtype(dtype)
    assert_equal(encoders, "the law")


def set_model(**values: object) -> Change:
    return lambda document: document["model"].update(values)


def set_split(**values: object) -> Change:
    return lambda document: document["pre_tokenizer"]["pretokenizers"][0].update(values)


def set_added(**values: object) -> Change:
    token = {"id": 500, "content": "x", "special": False, "single_word": False}
    token |= {"lstrip": False, "rstrip": False, "normalized": False, **values}
    return lambda document: document["added_tokens"].append(token)


def swap_merges(document: dict[str, Any]) -> None:
    merges = document["model"]["merges"]
    merges.insert(0, merges.pop())


def repeat_a_merge(document: dict[str, Any]) -> None:
    document["model"]["merges"].append(document["model"]["merges"][0])


def drop_a_byte(document: dict[str, Any]) -> None:
    del document["model"]["vocab"]["z"]


def add_a_word(document: dict[str, Any]) -> None:
    document["model"] |= {"ignore_merges": True, "vocab": document["model"]["vocab"] | {"zzzz": 450}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_model(type="Unigram"), "Unigram"),
        (set_model(dropout=0.1), "dropout"),
        (set_model(end_of_word_suffix="</w>"), "parts of words"),
        (add_a_word, "no merges make"),
        (swap_merges, "order of rank"),
        (repeat_a_merge, "twice"),
        (drop_a_byte, "lacks a byte"),
        (set_split(behavior="Removed"), "drops or joins"),
        (set_split(pattern={"String": " "}), "not one Split"),
        (set_split(pattern={"Regex": r"\w+|\W"}), "two ways"),
        (set_split(pattern={"Regex": r"\p{N}{1,3}+|\P{N}"}), "two ways"),
        (set_split(pattern={"Regex": r"[a-z&&[^b]]|."}), "two ways"),
        (lambda document: document.update(normalizer={"type": "NFKC"}), "NFC"),
        (lambda document: document.update(pre_tokenizer=None), "ByteLevel"),
        (
            lambda document: document["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True),
            "front",
        ),
        (set_added(lstrip=True), "added token"),
        (set_added(single_word=True), "added token"),
    ],
)
def test_what_cannot_be_reproduced_is_refused_with_a_reason(
    tmp_path: Path, tokenizer_folder: Path, change: Change, reason: str
) -> None:
    with pytest.raises(NotReproducible, match=reason):
        both(changed(tokenizer_folder, tmp_path, change))


def test_a_refused_tokenizer_is_encoded_by_tokenizers(tmp_path: Path, tokenizer_folder: Path) -> None:
    folder = changed(tokenizer_folder, tmp_path, lambda values: values.update(normalizer={"type": "NFKC"}))
    choice = choose(folder, TEXTS)
    assert (choice.library, choice.documents_compared) == ("tokenizers", 0)
    assert "NFC" in choice.reason
    (ids,) = Encoder(folder, choice.library).encode(["ｌａｗ"])
    assert ids.tolist() == Encoder(folder).encode(["law"])[0].tolist()


def test_one_other_id_in_the_sample_and_tokenizers_encodes(
    tokenizer_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern that leaves out the digits' limit stands for every fault nobody thought of."""
    monkeypatch.setattr("domainstudio.tokenizer.fast._pattern_of", lambda part: r"\p{L}+|\P{L}+")
    choice = choose(tokenizer_folder, iter(TEXTS))
    assert choice.library == "tokenizers"
    assert choice.reason == f"document {choice.documents_compared} of the sample got other ids"


def test_a_pattern_that_leaves_text_out_never_loses_it(tmp_path: Path, tokenizer_folder: Path) -> None:
    """`tokenizers` keeps what lies between matches, tiktoken drops it: such texts go to `tokenizers`."""
    folder = changed(tokenizer_folder, tmp_path, set_split(pattern={"Regex": r"\p{L}+"}))
    assert FastEncoder(folder).encode("law and order") is None
    choice = choose(folder, TEXTS)
    (ids,) = Encoder(folder, choice.library).encode(["law and 1 order"])
    assert ids.tolist() == Encoder(folder).encode(["law and 1 order"])[0].tolist()


def test_truncation_and_padding_of_a_tokenizer_cut_nothing(tmp_path: Path, tokenizer_folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = ["law", "the law of contract"]
    found, expected = Encoder(tmp_path).encode(texts), Encoder(tokenizer_folder).encode(texts)
    assert [ids.tolist() for ids in found] == [ids.tolist() for ids in expected]


def test_the_patterns_of_known_models_are_accepted(tmp_path: Path, tokenizer_folder: Path) -> None:
    qwen = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    gpt4o = (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll"
        r"|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve"
        r"|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    for pattern in (qwen, gpt4o):
        assert Regex(pattern)
        encoders = both(changed(tokenizer_folder, tmp_path, set_split(pattern={"Regex": pattern})))
        for text in TEXTS[:4]:
            assert_equal(encoders, text)
