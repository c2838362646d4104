"""Policies: which of two documents that are alike is kept."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Preference = Literal["longest", "first", "newest"]


@dataclass(frozen=True)
class Policy:
    """Chosen documents come first, then the sources in their order, then what is preferred."""

    preference: Preference = "longest"
    """By characters; or by document id, which ascends in the order of import."""
    sources: tuple[int, ...] = ()
    """Of two documents that of the source named first is kept; sources that are not named come last."""
    chosen: frozenset[int] = frozenset()
    """Document ids that a person made the kept ones."""


def rank(
    policy: Policy, ids: NDArray[np.int64], sources: NDArray[np.int32], characters: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the place of each document in the order of keeping, a permutation; ties go to the lower id.

    Args:
        policy: what comes first.
        ids: of the documents, each once.
        sources: of the documents.
        characters: of the documents.
    """
    preferred = {"longest": -characters, "newest": -ids, "first": ids}[policy.preference]
    place = np.full(len(ids), len(policy.sources))
    for number, source in reversed(list(enumerate(policy.sources))):
        place[sources == source] = number
    is_chosen = np.isin(ids, list(policy.chosen))
    ranks = np.empty(len(ids), np.int64)
    ranks[np.lexsort((ids, preferred, place, ~is_chosen))] = np.arange(len(ids))
    return ranks
