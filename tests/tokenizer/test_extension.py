"""A vocabulary that goes on: old ids, old text and every byte kept, whatever kind of vocabulary it is."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import vocabularies
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from domainstudio.problems import UserError
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.check import check
from domainstudio.tokenizer.extension.extend import Extension, extend, load_extended

CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", "../shared/data"))
BASE = [
    "The law of contract is the law of promises; the law of tort is the law of wrongs.\n\n",
    "def f(x):\n    if x:\n      return '<|endoftext|>'\n",
    "Words and numbers 1234567 and tabs\tand  spaces   and CamelCase, don't they? 今天天气很好。",
] * 20
FIELD = [
    "The usufructuary enjoys the usufruct.   Usufructuary rights, 2024: the usufruct ends.\n",
    "合同法规定，合同自成立时生效。合同双方应当遵守合同。",
] * 30
KINDS = {
    "byte-level BPE": vocabularies.neox_like,
    "SentencePiece BPE": vocabularies.llama_like,
    "Unigram": vocabularies.unigram_like,
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Extension]]:
    """The folder of a base of each kind, and 40 pieces of the field."""
    found = {}
    for kind, make in KINDS.items():
        folder = make(tmp_path_factory.mktemp("base"), BASE, 380)
        found[kind] = folder, extend(folder, lambda: FIELD, 40)
    return found


def _tokens(tokenizer: Tokenizer, texts: list[str]) -> int:
    return sum(len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False))


def _base(folder: Path) -> Tokenizer:
    tokenizer = vocabulary.load(folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.mark.parametrize("kind", KINDS)
def test_the_field_gets_shorter_and_every_check_holds(
    extended: dict[str, tuple[Path, Extension]], kind: str
) -> None:
    folder, extension = extended[kind]
    assert extension.kind == kind and len(extension.pieces) == 40
    grown = load_extended(extension, folder)
    assert _tokens(grown, FIELD) < 0.7 * _tokens(_base(folder), FIELD)
    assert _tokens(grown, BASE[:1]) <= _tokens(_base(folder), BASE[:1])
    checked = check(extension, folder, BASE + FIELD)
    assert checked.documents == 120 and checked.unchanged_lines >= 40


@pytest.mark.parametrize("kind", ["byte-level BPE", "SentencePiece BPE"])
def test_what_it_says_it_saves_is_what_the_tokenizer_saves(
    extended: dict[str, tuple[Path, Extension]], kind: str
) -> None:
    folder, extension = extended[kind]
    assert extension.counted_tokens == _tokens(_base(folder), FIELD)
    for count in (0, 7, 40):
        cut = extension.cut_at(count)
        saved = sum(piece.saved for piece in cut.pieces)
        assert _tokens(load_extended(cut, folder), FIELD) == extension.counted_tokens - saved


def test_added_tokens_outside_the_vocabulary_keep_their_ids(
    extended: dict[str, tuple[Path, Extension]],
) -> None:
    folder, extension = extended["byte-level BPE"]
    base, grown = vocabulary.load(folder), load_extended(extension, folder)
    runs = [base.token_to_id(run) for run in vocabularies.SPACE_RUNS]
    assert [grown.token_to_id(run) for run in vocabularies.SPACE_RUNS] == runs
    assert extension.first_id == max(runs) + 1 == vocabulary.size_of(base)
    # The trap: a vocabulary that only grows has them renumbered.
    naive = json.loads((folder / "tokenizer.json").read_text())
    naive["model"]["vocab"]["usu"] = len(base.get_vocab())
    renumbered = Tokenizer.from_str(json.dumps(naive))
    assert [renumbered.token_to_id(run) for run in vocabularies.SPACE_RUNS] != runs


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150)
@given(
    text=st.text(
        st.one_of(
            st.sampled_from("usufruct 合同  \n\tlawABC12😀'▁"), st.characters(exclude_categories=["Cs"])
        )
    )
)
def test_every_text_comes_back_as_it_does_from_the_base(
    extended: dict[str, tuple[Path, Extension]], kind: str, text: str
) -> None:
    folder, extension = extended[kind]
    assert check(extension, folder, [text]).documents == 1


def test_new_characters_come_before_what_is_made_of_them(
    extended: dict[str, tuple[Path, Extension]],
) -> None:
    _folder, extension = extended["SentencePiece BPE"]
    texts = [piece.text for piece in extension.pieces]
    assert texts.index("合") < texts.index("合同")
    one = extension.pieces[texts.index("合")]
    assert len(one.base_ids) == 3 and one.saved == 2 * sum(text.count("合") for text in FIELD)
    assert extension.pieces[texts.index("合同")].base_ids[:3] == one.base_ids
    assert not any(
        piece.text[:-1].isalpha() and piece.text.endswith((".", "，")) for piece in extension.pieces
    )


def test_an_unsound_extension_is_refused_in_one_sentence(
    extended: dict[str, tuple[Path, Extension]],
) -> None:
    folder, extension = extended["byte-level BPE"]
    pieces = tuple(replace(piece, base_ids=(0,)) for piece in extension.pieces)
    unsound = replace(extension, pieces=pieces)
    with pytest.raises(UserError) as refusal:
        check(unsound, folder, FIELD)
    assert refusal.value.problem.code == "tokenizer.extension_expansion"
    old = extension.base["model"]["merges"][:-20]
    base = {**extension.base, "model": {**extension.base["model"], "merges": old}}
    with pytest.raises(UserError) as refusal:
        check(replace(extension, base=base), folder, BASE)
    assert refusal.value.problem.params == {"document": 1}


def test_a_vocabulary_of_words_is_refused(tmp_path: Path) -> None:
    Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>")).save(
        str(tmp_path / "tokenizer.json")
    )
    with pytest.raises(UserError) as refusal:
        extend(tmp_path, lambda: FIELD, 10)
    assert refusal.value.problem.code == "tokenizer.not_extendable"


@pytest.mark.skipif(not CORPORA.is_dir(), reason="DOMAINSTUDIO_CORPORA names no folder of real text")
def test_an_english_vocabulary_gains_much_in_chinese_law_and_nothing_for_english(tmp_path: Path) -> None:
    def texts(name: str, count: int) -> list[str]:
        with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line)["text"][:4000] for _, line in zip(range(count), lines, strict=False)]

    english, law = texts("general_en", 80), texts("law_zh", 200)
    folder = vocabularies.neox_like(tmp_path, english, 4000)
    extension = extend(folder, lambda: law[20:], 1000)
    base, grown = _base(folder), load_extended(extension, folder)
    assert _tokens(grown, law[:20]) < 0.5 * _tokens(base, law[:20])
    assert _tokens(grown, english) == pytest.approx(_tokens(base, english), rel=0.001)
    check(extension, folder, law[:20] + english[:20])
