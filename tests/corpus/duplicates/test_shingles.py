"""Shingles: hashed ones are equal where those of a plain reading by NFKC, case folding and names are."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domainstudio.corpus.duplicates import shingles
from domainstudio.corpus.duplicates.folding import kept_entries, token_entries

from . import reference

ODD = (
    "aAbB1 .,-_\n\u00e9e\u0301\u0308\u00df\u0130\ufb01\u00bd\u2026\u33a1\u3231\u00ad\u200d\ufe0f\u0644\u064e"
)
ODD += "\u4e2d\u6587\u3001\u2f00\uf900\u304b\u3099\uff76\uff9e\u30fb\u1112\u1161\u11ab\ud55c"
ODD += "\u0e44\u0e17\u0e22\u0e49\u1000\u1780\u0e81\u0915\u093c\u093f"
ODD += "\U0001f600\U00020000\U0002f800\U000e0100\ud800"
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.characters()), max_size=60)
SPACE = re.compile(r"\s")
WORDS = st.lists(st.sampled_from(["one", "Two", "three", "\u4e2d\u6587", "4"]), max_size=30).map(" ".join)


def shingled(texts: list[str]) -> shingles.Shingled:
    """Return the shingles of a batch that is read at once."""
    (found,) = shingles.shingle(texts)
    return found


def keys(texts: list[str]) -> list[list[int]]:
    """Return for each text its hashes in order."""
    found = shingled(texts)
    return [found.hashes[start:end].tolist() for start, end in pairwise(found.offsets.tolist())]


def plain(text: str) -> list[tuple[str, ...]]:
    found = reference.tokens(text)
    return [tuple(found[place : place + 5]) for place in range(len(found) - 4)]


def test_every_character_is_of_its_class_and_folds_as_it_should() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for first in range(0, len(characters), 5000):
        some = characters[first : first + 5000]
        entries, ends = token_entries(some)
        kept, kept_ends = kept_entries(some)
        before = kept_before = 0
        for character, end, kept_end in zip(some, ends.tolist(), kept_ends.tolist(), strict=True):
            folded = reference.folded(character)
            assert "".join(map(chr, kept[kept_before:kept_end])) == SPACE.sub(" ", folded)
            expected = [
                (ord(part) | (2 if reference.is_one(part) else 1) << 24) if reference.is_part(part) else 0
                for part in folded
            ]
            assert (entries[before:end].tolist() == expected) or not (
                any(expected) or entries[before:end].any()
            )
            before, kept_before = end + 1, kept_end + 1


@given(st.lists(TEXTS, max_size=8))
@example(["\u1112\u1161\u11ab", "\ud55c", "\uff76\uff9e", "\u30ac", "", "e\u0301", "\u00e9", "\u0130\u00df"])
def test_whole_texts_fold_as_their_whole_does(texts: list[str]) -> None:
    kept, ends = kept_entries(texts)
    starts = [0, *(ends + 1).tolist()]
    found = ["".join(map(chr, kept[start:end])) for start, end in zip(starts, ends.tolist(), strict=False)]
    assert found == [SPACE.sub(" ", reference.folded(text)) for text in texts]


@given(st.lists(st.one_of(TEXTS, WORDS), max_size=8))
def test_hashes_are_equal_where_five_tokens_are(texts: list[str]) -> None:
    expected = [plain(text) for text in texts]
    found = keys(texts)
    assert list(map(len, found)) == list(map(len, expected))
    pairs = {
        (key, gram)
        for text, grams in zip(found, expected, strict=True)
        for key, gram in zip(text, grams, strict=True)
    }
    assert len(pairs) == len({key for key, _ in pairs}) == len({gram for _, gram in pairs})


@given(st.lists(st.one_of(TEXTS, WORDS), max_size=8))
def test_digests_are_equal_where_all_tokens_are(texts: list[str]) -> None:
    digests = shingled(texts).digests
    for one, mine in enumerate(texts):
        assert digests[one].any() == bool(reference.tokens(mine))
        for other, theirs in enumerate(texts):
            equal = bool((digests[one] == digests[other]).all())
            assert equal == (reference.tokens(mine) == reference.tokens(theirs))


@given(st.lists(WORDS, max_size=8))
def test_sets_are_ascending_and_unique(texts: list[str]) -> None:
    hashes, offsets = shingles.shingle_sets(texts)
    sets = [hashes[start:end].tolist() for start, end in pairwise(offsets.tolist())]
    assert sets == [sorted(set(text)) for text in keys(texts)]


@pytest.mark.parametrize("spaced", [True, False])
def test_a_long_text_is_read_in_pieces(spaced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    words = [chr(0x4E00 + int(number)) * (1 + number % 3) for number in generator.integers(0, 300, 4000)]
    text = (", " if spaced else "").join(words) + " e\u0301nd"
    whole, (hashes, offsets) = shingled([text]), shingles.shingle_sets([text])
    monkeypatch.setattr(shingles, "BATCH_CHARACTERS", 100)
    pieces = list(shingles.shingle([text]))
    assert len(pieces) > 50
    assert (np.concatenate([piece.hashes for piece in pieces]) == whole.hashes).all()
    assert (pieces[-1].digests == whole.digests).all()
    again, limits = shingles.shingle_sets([text])
    assert (again == hashes).all() and (limits == offsets).all()


def test_a_long_text_without_tokens_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "BATCH_CHARACTERS", 10)
    pieces = list(shingles.shingle(["... " * 30]))
    assert len(pieces) > 5 and not any(len(piece.hashes) or piece.digests.any() for piece in pieces)


def test_batches_hold_all_texts_in_order_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "BATCH_CHARACTERS", 10)
    texts = ["abc", "", "defghij", "k", "l" * 30, "m"]
    found = list(shingles.batches(texts))
    assert [text for batch in found for text in batch] == texts
    assert all(sum(map(len, batch)) <= 10 or len(batch) == 1 for batch in found)
