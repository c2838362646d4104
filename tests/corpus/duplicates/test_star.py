"""The star rule against a plain greedy loop over all pairs of documents; and what a person is promised."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.corpus.duplicates.star import Documents, Pairs, Removals, Scope, apply


@dataclass
class Case:
    """Some documents, who has the same tokens as whom, and who is how similar."""

    groups: list[int]
    """The first document with the same tokens."""
    ranks: list[int]
    held_out: list[bool]
    sources: list[int]
    similar: dict[tuple[int, int], float]
    """Between first documents of groups, the lower first."""
    threshold: float
    scope: Scope
    cuts: set[tuple[int, int]] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)

    def removals(self) -> Removals:
        pairs = sorted(self.similar)
        columns = np.array(pairs, np.int32).reshape(-1, 2).T
        documents = Documents(
            np.array(self.groups, np.int32),
            np.array(self.ranks, np.int64),
            np.array(self.held_out),
            np.array(self.sources, np.int32),
        )
        verified = Pairs(columns[0], columns[1], np.array([self.similar[pair] for pair in pairs], np.float32))
        cuts = np.array(sorted(self.cuts), np.int64).reshape(-1, 2)
        return apply(verified, documents, self.threshold, cuts, self.scope, sorted(self.apart))

    def found(self) -> dict[int, tuple[int, float]]:
        result = self.removals()
        columns = (result.documents.tolist(), result.witnesses.tolist(), result.similarity.tolist())
        assert columns[0] == sorted(set(columns[0]))
        return {document: (witness, value) for document, witness, value in zip(*columns, strict=True)}

    def alike(self, one: int, other: int) -> float:
        """Return how similar two documents are for the rule, 0 if they do not count as alike."""
        if one == other or (min(one, other), max(one, other)) in self.cuts or {one, other} & self.apart:
            return 0.0
        if self.held_out[one] and self.held_out[other]:
            return 0.0
        is_training = not (self.held_out[one] or self.held_out[other])
        if self.scope == "within sources" and is_training and self.sources[one] != self.sources[other]:
            return 0.0
        groups = sorted((self.groups[one], self.groups[other]))
        value = 1.0 if groups[0] == groups[1] else self.similar.get((groups[0], groups[1]), 0.0)
        return float(np.float32(value)) if np.float32(value) >= np.float32(self.threshold) else 0.0

    def naive(self) -> dict[int, tuple[int, float]]:
        everyone = range(len(self.groups))
        kept: list[int] = []
        for document in sorted(everyone, key=lambda one: (not self.held_out[one], self.ranks[one])):
            if self.held_out[document] or not any(self.alike(document, other) for other in kept):
                kept.append(document)
        return {document: self.witness(document, kept) for document in everyone if document not in kept}

    def witness(self, document: int, kept: list[int]) -> tuple[int, float]:
        def order(other: int) -> tuple[float, bool, int]:
            return (-self.alike(document, other), not self.held_out[other], self.ranks[other])

        best = min(kept, key=order)
        return best, self.alike(document, best)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 14))
    groups = list(range(count))
    for document in range(1, count):
        if draw(st.integers(0, 3)) == 0:
            groups[document] = groups[draw(st.integers(0, document - 1))]
    firsts = sorted(set(groups))
    possible = [(one, other) for one in firsts for other in firsts if one < other]
    pairs = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    values = st.sampled_from([0.7, 0.75, 0.8, 0.9, 1.0])
    everyone = st.integers(0, count - 1)
    cuts = draw(st.sets(st.tuples(everyone, everyone).map(lambda pair: (min(pair), max(pair))), max_size=4))
    return Case(
        groups,
        draw(st.permutations(range(count))),
        draw(st.lists(st.integers(0, 4).map(lambda n: n == 0), min_size=count, max_size=count)),
        draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)),
        {pair: draw(values) for pair in pairs},
        draw(st.sampled_from([0.7, 0.8, 0.95])),
        draw(st.sampled_from(["all", "within sources"])),
        cuts,
        draw(st.sets(everyone, max_size=2)),
    )


@given(cases())
def test_the_rule_is_that_of_a_plain_greedy_loop(case: Case) -> None:
    assert case.found() == case.naive()


@given(cases())
def test_nobody_goes_without_a_kept_witness_and_nobody_stays_beside_a_better_one(case: Case) -> None:
    removed = case.found()
    everyone = range(len(case.groups))
    for document, (witness, similarity) in removed.items():
        assert witness not in removed and not case.held_out[document]
        assert similarity == case.alike(document, witness) >= np.float32(case.threshold)
    for document in set(everyone) - set(removed):
        for other in set(everyone) - set(removed):
            assert not case.alike(document, other), "two that are alike are both kept"


@given(cases(), st.data())
def test_a_cut_keeps_its_pair_apart_and_changes_nothing_above_it(case: Case, data: st.DataObject) -> None:
    before = case.found()
    if not before:
        return
    document = data.draw(st.sampled_from(sorted(before)))
    witness = before[document][0]
    case.cuts.add((min(document, witness), max(document, witness)))
    after = case.found()
    assert after.get(document, (None,))[0] != witness and after.get(witness, (None,))[0] != document
    order = sorted(range(len(case.groups)), key=lambda one: (not case.held_out[one], case.ranks[one]))
    place = max(order.index(document), order.index(witness))
    assert {one for one in order[:place] if one in before} == {one for one in order[:place] if one in after}


@given(cases())
def test_a_higher_threshold_needs_no_new_search(case: Case) -> None:
    case.threshold = 0.8
    found = case.found()
    case.similar = {pair: value for pair, value in case.similar.items() if value >= 0.8}
    case.threshold = 0.7
    assert case.found() == found


def test_a_chain_keeps_what_is_not_like_the_kept_one() -> None:
    chain = Case([0, 1, 2], [0, 1, 2], [False] * 3, [0] * 3, {(0, 1): 0.9, (1, 2): 0.9}, 0.8, "all")
    assert chain.found() == {1: (0, float(np.float32(0.9)))}


def test_one_text_apart_from_many_with_the_same_words_costs_no_more_than_the_others() -> None:
    """As many nodes as there are texts would be a table of the square of them: here 80 GB."""
    count = 100_000
    documents = Documents(
        np.zeros(count, np.int32), np.arange(count), np.zeros(count, bool), np.zeros(count, np.int32)
    )
    pairs = Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
    found = apply(pairs, documents, 0.8, np.empty((0, 2), np.int64), apart=[7])
    assert len(found.documents) == count - 2 and 7 not in found.documents
