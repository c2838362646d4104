"""Candidates: within a run of equal keys each is linked to its neighbours and to the first."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domainstudio.corpus.duplicates import candidates
from domainstudio.corpus.duplicates.candidates import Links, link, pack, unpack
from domainstudio.corpus.duplicates.plan import spans


def naive(keys: list[int], positions: list[int], distance: int, run_pairs: int) -> set[tuple[int, int]]:
    found = set()
    for key in set(keys):
        run = [position for position, own in zip(positions, keys, strict=True) if own == key]
        reach = max(distance, run_pairs // len(run))
        for place, position in enumerate(run):
            found |= {(position, other) for other in run[place + 1 : place + 1 + reach]}
        found |= {(run[0], other) for other in run[1:]}
    return found


def linked(keys: list[int], positions: list[int]) -> list[NDArray[np.uint64]]:
    return list(link(np.array(keys, np.uint64), np.array(positions, np.int64)))


@given(
    st.lists(st.integers(0, 5), max_size=60),
    st.integers(1, 5),
    st.integers(1, 100),
    st.integers(1, 80),
    st.integers(1, 80),
)
def test_links_are_those_of_a_plain_loop_each_once(
    keys: list[int], distance: int, run_pairs: int, chunk: int, lot: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "DISTANCE", distance)
        patch.setattr(candidates, "RUN_PAIRS", run_pairs)
        patch.setattr(candidates, "_CHUNK", chunk)
        patch.setattr(candidates, "_LOT_PAIRS", lot)
        positions = [3 * place + 1 for place in range(len(keys))]
        lots = linked(keys, positions)
    assert all(len(lot) and (lot[1:] > lot[:-1]).all() for lot in lots)
    found = [pair for lot in lots for pair in zip(*map(np.ndarray.tolist, unpack(lot)), strict=True)]
    assert len(found) == len(set(found))
    assert set(found) == naive(keys, positions, distance, run_pairs)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))))
def test_packed_pairs_order_as_pairs_do(pairs: list[tuple[int, int]]) -> None:
    columns = np.array(pairs, np.int64).reshape(-1, 2).T
    packed = pack(columns[0], columns[1])
    assert list(zip(*map(np.ndarray.tolist, unpack(np.sort(packed))), strict=True)) == sorted(pairs)


def test_pairs_are_found_again_in_all_lots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_CHUNK", 7)
    monkeypatch.setattr(candidates, "_LOT_PAIRS", 1)
    keys = np.random.default_rng(0).integers(0, 20, 200).astype(np.uint64)
    lots = list(link(keys, np.arange(200)))
    links = Links(tmp_path, 0)
    assert not links.is_whole
    links.write(iter(lots))
    assert links.is_whole and len(lots) > 20
    found = []
    for start in range(0, 200, 50):
        mine = np.concatenate(list(links.between(start, start + 50)))
        assert ((unpack(mine)[0] >= start) & (unpack(mine)[0] < start + 50)).all()
        found.append(mine)
    assert (np.sort(np.concatenate(found)) == np.sort(np.concatenate(lots))).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.lists(st.integers(0, 39)))
def test_spans_name_the_block_of_each_position(sizes: list[int], positions: list[int]) -> None:
    starts = np.cumsum([0, *sizes])[:-1]
    ascending = np.sort(np.array([one for one in positions if one < sum(sizes)], np.int64))
    found = [
        (number, position)
        for number, span in spans(starts, ascending)
        for position in ascending[span].tolist()
    ]
    assert [position for _, position in found] == ascending.tolist()
    for number, position in found:
        assert starts[number] <= position < starts[number] + sizes[number]
