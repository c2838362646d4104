"""One cluster of near-duplicates: the kept text, what goes for its sake, and how alike all of them are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.star import Removals
from domainstudio.project import documents
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates.marking import Search

MATRIX_TEXTS = 30
"""The most texts that are compared all with all."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """A kept text and what goes for its sake, in positions of the search."""

    kept: int
    removed: NDArray[np.int64]
    """The nearest first."""
    similarity: NDArray[np.float32]
    """Of each with the kept text."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """How alike the texts of a cluster are, the kept one first, then the nearest."""

    documents: tuple[int, ...]
    titles: tuple[str, ...]
    similarity: NDArray[np.float32]
    """[texts, texts]: exact Jaccard similarities; NaN where the search did not verify any."""
    left_out: int
    """Texts beyond the first `MATRIX_TEXTS`."""


def cluster_of(removals: Removals, kept: int) -> Cluster:
    """Return the cluster of a text; nothing goes for the sake of one that is not kept."""
    own = np.flatnonzero(removals.witnesses == kept)
    own = own[np.argsort(-removals.similarity[own], kind="stable")]
    return Cluster(kept, removals.documents[own], removals.similarity[own])


def matrix(project: Project, search: Search, cluster: Cluster) -> Matrix:
    """Return how alike the texts of a cluster are, as far as the search verified it."""
    positions = [cluster.kept, *cluster.removed[: MATRIX_TEXTS - 1].tolist()]
    ids = search.found.ids[positions].tolist()
    titles = {row.id: row.title for row in documents.rows_of(project.connection, ids)}
    return Matrix(
        documents=tuple(ids),
        titles=tuple(titles.get(identifier, "–") for identifier in ids),
        similarity=verified(search, positions),
        left_out=max(0, len(cluster.removed) + 1 - MATRIX_TEXTS),
    )


def verified(search: Search, positions: Sequence[int]) -> NDArray[np.float32]:
    """Return the verified similarities of some texts: float32 [texts, texts], NaN where there is none.

    Args:
        search: what was found.
        positions: of the texts; those of the same words are wholly alike.
    """
    found = search.found
    heads, of = np.unique(found.group[positions], return_inverse=True)
    values = np.full((len(heads), len(heads)), np.nan, np.float32)
    np.fill_diagonal(values, 1)
    own = np.flatnonzero(np.isin(found.first, heads) & np.isin(found.second, heads))
    first, second = (np.searchsorted(heads, side[own]) for side in (found.first, found.second))
    values[first, second] = values[second, first] = found.similarity[own]
    return values[np.ix_(of, of)]
