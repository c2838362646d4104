"""Policies: who is kept, by every preference, with ties decided by the lower id."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.corpus.duplicates.policies import Policy, Preference, rank

IDS = [10, 11, 12, 13]
SOURCES = [1, 2, 1, 3]
CHARACTERS = [5, 9, 9, 7]


def order(policy: Policy) -> list[int]:
    """Return the ids in the order of keeping."""
    ranks = rank(policy, np.array(IDS), np.array(SOURCES, np.int32), np.array(CHARACTERS))
    assert sorted(ranks.tolist()) == list(range(len(IDS)))
    return [IDS[place] for place in np.argsort(ranks)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy("longest"), [11, 12, 13, 10]),
        (Policy("first"), [10, 11, 12, 13]),
        (Policy("newest"), [13, 12, 11, 10]),
        (Policy("longest", sources=(3, 2)), [13, 11, 12, 10]),
        (Policy("first", sources=(3,), chosen=frozenset({12})), [12, 13, 10, 11]),
        (Policy("newest", chosen=frozenset({10, 11})), [11, 10, 13, 12]),
    ],
)
def test_the_order_of_keeping(policy: Policy, expected: list[int]) -> None:
    assert order(policy) == expected


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=12),
    st.sampled_from(["longest", "first", "newest"]),
    st.permutations([1, 2, 3]).map(lambda sources: tuple(sources[:2])),
    st.frozensets(st.integers(0, 11)),
)
def test_the_order_is_that_of_sorting_by_plain_keys(
    documents: list[tuple[int, int]], preference: Preference, sources: tuple[int, ...], chosen: frozenset[int]
) -> None:
    def key(place: int) -> tuple[bool, int, int, int]:
        source, characters = documents[place]
        preferred = {"longest": -characters, "first": place, "newest": -place}[preference]
        return (place not in chosen, [*sources, source].index(source), preferred, place)

    columns = np.array(documents, np.int64).reshape(-1, 2).T
    ids = np.arange(len(documents))
    ranks = rank(Policy(preference, sources, chosen), ids, columns[0].astype(np.int32), columns[1])
    assert np.argsort(ranks).tolist() == sorted(range(len(documents)), key=key)
