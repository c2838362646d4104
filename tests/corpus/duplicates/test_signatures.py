"""Signatures: both hash families estimate the Jaccard similarity, and propose pairs as the curve says."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from domainstudio.corpus.duplicates import signatures
from domainstudio.corpus.duplicates.recall import probability
from domainstudio.corpus.duplicates.signatures import Banding, band_keys, estimate, low_bits, sign

BANDING = Banding(20, 6)
Sets = list[NDArray[np.uint64]]


@pytest.fixture(params=["rensa", "numpy"], autouse=True)
def family(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sign with each hash family in turn."""
    if request.param == "numpy":
        monkeypatch.setattr(signatures, "RMinHash", None)
    elif signatures.RMinHash is None:
        pytest.skip("rensa is not installed")
    assert signatures.algorithm().startswith(request.param)
    yield request.param


def pairs_of(size: int, similarity: float, count: int) -> tuple[Sets, NDArray[np.float64]]:
    """Return random sets, of which each second is about so similar to the one before, and how similar."""
    generator = np.random.default_rng(size)
    shared = round(2 * size * similarity / (1 + similarity))
    sets: Sets = []
    for _ in range(count):
        members = generator.integers(0, 1 << 64, 2 * size - shared, np.uint64)
        sets += [members[:size], members[size - shared :]]
    return sets, np.full(count, shared / (2 * size - shared))


def signed(sets: Sets, slots: int = BANDING.slots) -> NDArray[np.uint32]:
    return sign(np.concatenate(sets), np.cumsum([0, *map(len, sets)]), slots)


@pytest.mark.parametrize("size", [20, 200, 2000])
@pytest.mark.parametrize("similarity", [0.5, 0.8])
def test_the_estimate_is_unbiased_and_no_wider_than_independent_slots(size: int, similarity: float) -> None:
    sets, true = pairs_of(size, similarity, 400)
    lows = low_bits(signed(sets))
    error = estimate(lows[::2], lows[1::2]) - true
    deviation = np.sqrt(similarity * (1 - similarity) / BANDING.slots)
    assert abs(error.mean()) < 4 * deviation / np.sqrt(len(true)) + 0.003
    assert error.std() < 1.15 * deviation


@pytest.mark.parametrize("banding", [BANDING, Banding(25, 5)])
def test_pairs_share_a_key_as_often_as_the_curve_says(banding: Banding) -> None:
    for similarity, tolerance in ((0.5, 0.12), (0.7, 0.06), (0.85, 0.01)):
        sets, true = pairs_of(300, similarity, 400)
        keys = band_keys(signed(sets, banding.slots), banding)
        shared = (keys[:, ::2] == keys[:, 1::2]).any(axis=0).mean()
        assert shared == pytest.approx(probability(true[0], banding), abs=tolerance)


def test_order_repetition_and_neighbours_do_not_matter() -> None:
    sets, _ = pairs_of(50, 0.5, 5)
    mixed = [np.concatenate((members[::-1], members[:7])) for members in sets]
    assert (signed(sets) == signed(mixed)).all()
    assert (signed(sets)[3] == signed([sets[3]])[0]).all()


@pytest.mark.parametrize("size", [1, 5, 60, 20_000])
def test_the_signature_of_a_union_is_the_least_of_its_parts(size: int) -> None:
    sets, _ = pairs_of(size, 0.5, 1)
    assert (signed([np.concatenate(sets)])[0] == signed(sets).min(axis=0)).all()


def test_a_key_is_equal_where_all_rows_of_its_band_are() -> None:
    whole = signed(pairs_of(100, 0.9, 50)[0])
    keys = band_keys(whole, BANDING)
    rows = whole.reshape(len(whole), BANDING.bands, BANDING.rows)
    for band in range(BANDING.bands):
        equal = (rows[:, None, band] == rows[None, :, band]).all(axis=2)
        assert ((keys[band][:, None] == keys[band][None]) == equal).all()


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        sign(np.arange(3, dtype=np.uint64), np.array([0, 2, 2, 3]), 8)
    assert sign(np.empty(0, np.uint64), np.array([0]), 8).shape == (0, 8)
