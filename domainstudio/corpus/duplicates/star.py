"""The star rule: a document is removed only if it is verified against one that is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scope = Literal["all", "within sources"]
_CHUNK = 1 << 18
_CUT = 1 << 31
_MOST = np.int64(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Verified pairs of documents; each stands for all that have the same tokens."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Documents:
    """What the rule must know of each document."""

    group: NDArray[np.int32]
    """The first document with the same tokens; pairs are of these."""
    rank: NDArray[np.int64]
    """A permutation: of two alike the one of lower rank is kept."""
    held_out: NDArray[np.bool_]
    """Always kept, and never compared with each other."""
    sources: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Removals:
    """The removed documents, ascending, and for each the kept one that it is most like."""

    documents: NDArray[np.int64]
    witnesses: NDArray[np.int64]
    similarity: NDArray[np.float32]
    """Of document and witness: 1 where they have the same tokens."""


def apply(
    pairs: Pairs,
    documents: Documents,
    threshold: float,
    cuts: NDArray[np.int64],
    scope: Scope = "all",
    apart: Sequence[int] = (),
) -> Removals:
    """Return what is removed: greedily by rank, a document goes if it is alike one that is kept.

    Alike are two documents with the same tokens, and those whose verified similarity reaches the threshold,
    unless their pair is cut. A training document that is alike a held-out one always goes, in whatever scope.

    Args:
        pairs: verified ones, in any order.
        documents: those that the pairs are of.
        threshold: least Jaccard similarity; pairs were kept down to the floor of the search only.
        cuts: int64 [cuts, 2]: pairs of documents that shall not count as alike.
        scope: whether training documents of different sources are compared.
        apart: documents that are alike no other. Were each cut from all that it is alike, as many nodes would
            be compared with one another as have the same tokens.
    """
    similar = pairs.similarity >= np.float32(threshold)
    first, second, similarity = pairs.first[similar], pairs.second[similar], pairs.similarity[similar]
    involved = _involved(documents.group, first, second)
    if len(apart):  # of millions that are sorted already nothing else is worth a look
        involved = involved[np.isin(involved, apart, invert=True)]
    nodes = _Nodes(involved, documents, cuts, scope)
    edges = nodes.edges(first, second, similarity)
    return nodes.removals(edges, _keep(edges, nodes.order))


@dataclass(frozen=True, eq=False)
class _Edges:
    """Pairs of nodes that are alike, as places in the order in which they are decided."""

    better: NDArray[np.int64]
    worse: NDArray[np.int64]
    similarity: NDArray[np.float32]


class _Nodes:
    """Documents that are alike the same others: the best of them decides for all.

    Those with the same tokens that are all held out, or none of them (and of one source, if that counts), are
    one node. A document of a cut is a node of its own.
    """

    def __init__(
        self, involved: NDArray[np.int64], documents: Documents, cuts: NDArray[np.int64], scope: Scope
    ) -> None:
        group = documents.group[involved].astype(np.int64)
        rank, held_out = documents.rank[involved], documents.held_out[involved]
        source = documents.sources[involved].astype(np.int64) * (scope == "within sources")
        kind = np.where(held_out, 0, 1 + source)
        is_cut = np.isin(involved, cuts)
        kind[is_cut] = _CUT + np.flatnonzero(is_cut)
        key = group << 32 | kind
        order = np.argsort(key)
        self._members = involved[order]
        is_first = np.diff(key[order], prepend=-1) != 0
        self._node = np.cumsum(is_first) - 1
        """Of each member."""
        best = np.minimum.reduceat(rank[order], np.flatnonzero(is_first)) if len(order) else rank
        leaders = order[rank[order] == best[self._node]]
        self._leader = involved[leaders]
        self._group = group[leaders]
        self._is_held_out = held_out[leaders]
        self._source = source[leaders]
        self._cuts = cuts
        counts = np.bincount(self._group, minlength=len(documents.group))
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        """Where the nodes of each group begin."""
        self.order = np.argsort(best + np.where(self._is_held_out, 0, len(documents.rank)))
        """Nodes in the order in which they are decided."""
        self._place = np.empty(len(self.order), np.int64)
        self._place[self.order] = np.arange(len(self.order))

    def edges(
        self, first: NDArray[np.int32], second: NDArray[np.int32], similarity: NDArray[np.float32]
    ) -> _Edges:
        """Return which nodes are alike: those of similar groups, and those of one group among themselves."""
        shared = np.unique(self._group[1:][np.diff(self._group) == 0])
        whole = np.ones(len(shared), np.float32)
        one, other, number = self._cross(np.append(first, shared), np.append(second, shared))
        values = np.append(similarity, whole)[number]
        is_edge = (number < len(first)) | (one < other)
        is_edge &= ~(self._is_held_out[one] & self._is_held_out[other])
        is_edge &= (
            self._is_held_out[one] | self._is_held_out[other] | (self._source[one] == self._source[other])
        )
        is_edge &= ~self._is_cut(one, other)
        places = self._place[one[is_edge]], self._place[other[is_edge]]
        return _Edges(np.minimum(*places), np.maximum(*places), values[is_edge])

    def _cross(
        self, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return every node of the first group with every one of the second, and the number of the pair."""
        starts = self._starts[first], self._starts[second]
        counts = self._starts[first + 1] - starts[0], self._starts[second + 1] - starts[1]
        products = counts[0] * counts[1]
        number = np.repeat(np.arange(len(first)), products)
        within = np.arange(len(number)) - np.repeat(np.cumsum(products) - products, products)
        wide = counts[1][number]
        return starts[0][number] + within // wide, starts[1][number] + within % wide, number

    def _is_cut(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        low, high = np.sort(self._cuts.reshape(-1, 2), axis=1).T
        documents = self._leader[one], self._leader[other]
        pairs = np.minimum(*documents) << 32 | np.maximum(*documents)
        return np.isin(pairs, low << 32 | high)

    def removals(self, edges: _Edges, kept: NDArray[np.bool_]) -> Removals:
        """Return the members of all nodes that go, and of the others those that are not the best.

        Args:
            edges: as `edges` returns them.
            kept: by place in the order of decision.
        """
        witness = self._leader.copy()
        similarity = np.ones(len(witness), np.float32)
        gone, by, values = _best_witnesses(edges, kept)
        witness[self.order[gone]] = self._leader[self.order[by]]
        similarity[self.order[gone]] = values
        goes = witness[self._node] != self._members
        goes &= ~self._is_held_out[self._node]
        removed, node = self._members[goes], self._node[goes]
        order = np.argsort(removed)
        return Removals(removed[order], witness[node[order]], similarity[node[order]])


def _involved(
    group: NDArray[np.int32], first: NDArray[np.int32], second: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the documents that are alike others."""
    is_involved = np.bincount(group, minlength=len(group)) > 1
    is_involved[first] = is_involved[second] = True
    return np.flatnonzero(is_involved[group])


def _keep(edges: _Edges, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return by place which nodes stay: one goes if a better one that stays is alike it."""
    kept = bytearray(b"\1") * len(order)
    by_better = np.argsort(edges.better)
    for start in range(0, len(by_better), _CHUNK):
        some = by_better[start : start + _CHUNK]
        # All edges to a better node come before those from it: what becomes of it is known by then.
        for better, worse in zip(edges.better[some].tolist(), edges.worse[some].tolist(), strict=True):
            if kept[better]:
                kept[worse] = 0
    return np.frombuffer(kept, np.bool_)


def _best_witnesses(
    edges: _Edges, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return each node that goes, the kept one most like it (of equal ones the better), their similarity."""
    gone = np.concatenate((edges.worse, edges.better))
    by = np.concatenate((edges.better, edges.worse))
    similarity = np.concatenate((edges.similarity, edges.similarity))
    counts = kept[by] & ~kept[gone]
    gone, by, similarity = gone[counts], by[counts], similarity[counts]
    # The bits of positive floats order as the floats do.
    key = gone << 32 | (_MOST - similarity.view(np.uint32))
    order = np.argsort(key)
    key, by = key[order], by[order]
    starts = np.flatnonzero(np.diff(key >> 32, prepend=-1))
    is_most = key == np.repeat(key[starts], np.diff(starts, append=len(key)))
    by = np.minimum.reduceat(np.where(is_most, by, len(kept)), starts) if len(starts) else by
    return gone[order[starts]], by, similarity[order[starts]]
