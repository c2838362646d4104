"""Pieces: where a tokenizer cuts a text, to the byte, and how many words a text has."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.encode import Encoder
from domainstudio.tokenizer.pieces import cut
from domainstudio.tokenizer.words import EVERY, MOST_CHARACTERS, NO_WORDS, count_sample, count_words

TEXTS = st.text(st.sampled_from("ab The 法律同合😀é\t\n'<|endoftext|>1"), max_size=60) | st.text(max_size=30)


@pytest.fixture(scope="module")
def byte_fallback(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary in the manner of Llama: words with a mark for their space, and single bytes."""
    words = {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "▁a": 4, "▁ab": 5}
    words |= {f"<0x{value:02X}>": len(words) + value for value in range(256)}
    merges = [("▁", "a"), ("▁a", "b")]
    tokenizer = Tokenizer(models.BPE(words, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]  # as the files of Llama 2 have it
    )
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    folder = tmp_path_factory.mktemp("fallback")
    tokenizer.save(str(folder / vocabulary.FILE))
    return folder


def assert_whole(folder: Path, text: str) -> None:
    """Pieces lie side by side and are the text; pieces of whole characters read as they stand there."""
    data, place = text.encode("utf-8", "replace"), 0
    for piece in cut(folder, text):
        assert piece.start == place <= piece.end
        if piece.is_whole:
            assert piece.text.encode() == data[piece.start : piece.end]
        else:
            assert "\\x" in piece.text
        place = piece.end
    assert place == len(data) or not data.strip()


@given(TEXTS)
def test_pieces_of_a_byte_level_vocabulary_are_the_text(tokenizer_folder: Path, text: str) -> None:
    assert_whole(tokenizer_folder, text)


@given(TEXTS)
def test_pieces_are_the_tokens_that_packing_makes(tokenizer_folder: Path, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    (expected,) = Encoder(tokenizer_folder).encode([text])
    assert [piece.identifier for piece in cut(tokenizer_folder, text)] == expected.tolist()


@given(TEXTS)
def test_pieces_of_a_vocabulary_with_single_bytes_are_the_text(byte_fallback: Path, text: str) -> None:
    assert_whole(byte_fallback, text)


def test_a_character_that_is_cut_shows_its_bytes(tokenizer_folder: Path) -> None:
    pieces = cut(tokenizer_folder, "€")
    assert [piece.text for piece in pieces] == ["\\xe2", "\\x82", "\\xac"]
    assert not any(piece.is_whole for piece in pieces)


def test_a_special_token_within_a_text_is_text(tokenizer_folder: Path) -> None:
    assert len(cut(tokenizer_folder, "<|endoftext|>")) > 1


def test_added_tokens_and_normalised_text_keep_their_places(tmp_path: Path, tokenizer_folder: Path) -> None:
    tokenizer = vocabulary.load(tokenizer_folder)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens([AddedToken("   ", normalized=False)])
    tokenizer.save(str(tmp_path / vocabulary.FILE))
    spaced = cut(tmp_path, "law    of 法")
    assert "   " in [piece.text for piece in spaced]
    assert "".join(piece.text for piece in spaced if piece.is_whole).startswith("law    of ")
    decomposed = "cafe\u0301 law"
    assert cut(tmp_path, decomposed)[-1].end == len(decomposed.encode())


def test_a_tokenizer_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    for words in (["a"], ["a", "b", "ab"]):
        model = models.BPE(
            {word: number for number, word in enumerate(words)}, [("a", "b")][: len(words) - 1]
        )
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(tmp_path / vocabulary.FILE))
        if words == ["a"]:
            assert [piece.identifier for piece in cut(tmp_path, "a")] == [0]
    assert [piece.identifier for piece in cut(tmp_path, "ab")] == [2]


def test_words_are_counted_where_a_script_parts_them() -> None:
    count = count_words("Don't pay 3.5% of the state-of-the-art fee. _x_")
    assert (count.words, count.unspaced) == (8, 0)
    chinese = count_words("合同自成立时生效，see article 3。")
    assert (chinese.words, chinese.unspaced) == (3, 8)
    assert count_words("x " * MOST_CHARACTERS).characters == MOST_CHARACTERS


@given(st.lists(st.text(max_size=20), max_size=60), st.integers(1, 59))
def test_the_sample_does_not_depend_on_how_texts_are_batched(texts: list[str], size: int) -> None:
    whole = count_sample(texts, 0)
    parts = [count_sample(texts[first : first + size], first) for first in range(0, len(texts), size)]
    assert sum(parts, NO_WORDS) == whole
    assert whole.documents == -(-len(texts) // EVERY)
