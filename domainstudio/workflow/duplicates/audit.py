"""The audit of a marking: what is sampled, in which order it is judged, and what the sample says of all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.audit import sampling
from domainstudio.corpus.audit.intervals import Estimate, Tally, needed_over_strata, weighted
from domainstudio.corpus.audit.report import Sampled, Stratum, band_name
from domainstudio.corpus.audit.sampling import Strata
from domainstudio.corpus.audit.verdicts import Key, Queue, Verdict, in_force, tallies
from domainstudio.corpus.duplicates.star import Removals
from domainstudio.project import verdicts as decided
from domainstudio.project.duplicates import LANGUAGES
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates.finding import search_of
from domainstudio.workflow.duplicates.marking import LARGE_CLUSTER, Clusters, Marking, Search

SEED = 1
DRAWN = 230
"""Members of a random sample: without an error among them 98.4 % may be claimed."""
CLAIM = 0.99
Drawn = Literal["random", "near_miss", "survivor"]
"""The queues that are random samples."""
Cut = Literal["similarity", "language", "source"]
"""What parts of the removals are told apart by."""
Shown = Literal["random", "uncertain", "near_miss", "list", "survivor", "second"]
"""The queues that are shown to a person."""


@dataclass(frozen=True, eq=False)
class Members:
    """What is judged, in positions of the search: pairs, of which one text goes or would, or texts alone."""

    removed: NDArray[np.int64]
    """Or, of documents that are judged alone, kept."""
    kept: NDArray[np.int64] | None
    similarity: NDArray[np.float32] | None

    @property
    def sides(self) -> list[NDArray[np.int64]]:
        """What makes up a member: both texts of a pair, or one."""
        return [self.removed] if self.kept is None else [self.removed, self.kept]


@dataclass(frozen=True, eq=False)
class Population(Members):
    """What a sample is drawn from."""

    strata: Strata
    named: tuple[Stratum, ...]


@dataclass(frozen=True, eq=False)
class AuditQueue(Members):
    """Members in the order in which they are judged."""

    name: Shown

    @classmethod
    def of(cls, name: Shown, found: Members, places: Sequence[int] | NDArray[np.int64]) -> "AuditQueue":
        """Return some of a population, or of a queue, in an order."""
        kept = None if found.kept is None else found.kept[places]
        similarity = None if found.similarity is None else found.similarity[places]
        return cls(found.removed[places], kept, similarity, name)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.removed)


@dataclass(frozen=True)
class PartRow:
    """What the random sample says of a part of the removals, or of all."""

    part: str
    """Its band of similarity, its language or its source; empty for all."""
    drawn: int
    estimate: Estimate


class Audit:
    """The samples of a marking and what was said of them.

    It is judged as it is without anybody's wishes: a wrong removal that a person took back was wrong.
    """

    def __init__(self, search: Search, marking: Marking, verdicts: Sequence[Verdict]) -> None:
        """Draw nothing yet; each part is worked out when it is asked for."""
        self.search, self.marking, self.verdicts = search, marking, list(verdicts)
        self.population = cache(self._population)
        """From the name of a queue that is a random sample."""

    @cached_property
    def removals(self) -> Removals:
        """What the marking removes by itself."""
        return self.search.removals(self.marking)

    @cached_property
    def clusters(self) -> Clusters:
        """Its clusters."""
        return self.search.clusters(self.removals)

    @cached_property
    def unseen_large(self) -> int:
        """How many large clusters there are of which nobody has judged a pair."""
        large = np.flatnonzero(self.clusters.removed >= LARGE_CLUSTER)
        removed = self.search.hashes[self.removals.documents, 0]
        seen = self.clusters.of[np.isin(removed, _heads(verdict.key for verdict in self.verdicts))]
        return len(np.setdiff1d(large, seen))

    @cached_property
    def estimate(self) -> Estimate:
        """What share of all removals is wrong, by the random sample."""
        return weighted(self._tallies)

    def queue(self, name: Shown, drawn: int = DRAWN) -> AuditQueue:
        """Return a queue: samples as they are drawn, uncertain pairs nearest to the line first.

        The list is of all removals by clusters, the largest first, in each the least similar first. For a
        second review it is what of the random sample somebody has judged.
        """
        found = self.population(name if name in ("near_miss", "survivor") else "random")
        if name == "uncertain" and found.similarity is not None:
            numbers = self._numbers(found)
            order = sampling.uncertain_first(found.similarity, self.marking.threshold, numbers)
        elif name == "list" and found.similarity is not None:
            order = np.lexsort((found.similarity, self.clusters.of))
        else:
            order = self._sample(found, drawn)
        queue = AuditQueue.of(name, found, order)
        if name != "second":
            return queue
        judged = self.decisions("random")
        again = [place for place in range(len(queue)) if self.key_of(queue, place) in judged]
        return AuditQueue.of(name, queue, again)

    def decisions(self, queue: Queue) -> dict[Key, Verdict]:
        """Return the verdicts in force in a queue."""
        return in_force(self.verdicts, queue)

    def needed(self, claim: float = CLAIM) -> int | None:
        """Return how many more right answers allow a claim; None if too many were wrong."""
        return needed_over_strata(self._tallies, claim)

    def table(self, by: Cut = "similarity", drawn: int = DRAWN) -> list[PartRow]:
        """Return what the random sample says of each part of the removals, and last of all."""
        found = self.population("random")
        if not found.named:
            return []
        places = np.bincount(sampling.allocation(found.strata.sizes, drawn), minlength=len(found.named))
        rows = []
        parts = [_part(stratum, by) for stratum in found.named]
        for part in sorted(set(parts)):
            among = [number for number, own in enumerate(parts) if own == part]
            estimate = weighted(self._tallies[number] for number in among)
            rows.append(PartRow(part, int(places[among].sum()), estimate))
        return [*rows, PartRow("", int(places.sum()), self.estimate)]

    def place_of_next(self, queue: AuditQueue, after: int = -1) -> int | None:
        """Return the first place behind another that nobody has judged yet, from the beginning if need be."""
        judged = self.decisions(queue.name)
        places = chain(range(after + 1, len(queue)), range(min(after + 1, len(queue))))
        return next((place for place in places if self.key_of(queue, place) not in judged), None)

    def key_of(self, queue: AuditQueue, place: int) -> Key:
        """Return what a verdict on a pair, or on a survivor, is kept under."""
        hashes = (self.search.hash_of(int(side[place])) for side in queue.sides)
        return tuple(sorted(hashes))

    def sampled(self, name: Drawn) -> Sampled:
        """Return a sample's strata, and in which the judged ones lie that are still what they were."""
        found = self.population(name)
        judged = {*self.decisions(name), *(self.decisions("second") if name == "random" else ())}
        stratum_of: dict[Key, int] = {}
        if judged:
            likely = np.isin(self.search.hashes[found.removed, 0], _heads(judged))
            for number in np.flatnonzero(likely).tolist():
                key = tuple(sorted(self.search.hash_of(int(side[number])) for side in found.sides))
                if key in judged:
                    stratum_of[key] = int(found.strata.of[number])
        return Sampled(found.named, stratum_of)

    @cached_property
    def _tallies(self) -> list[Tally]:
        found = self.sampled("random")
        return tallies(self.verdicts, "random", found.stratum_of, [one.size for one in found.strata])

    def _population(self, name: Drawn) -> Population:
        found, removals, threshold = self.search.found, self.removals, self.marking.threshold
        if name == "random":
            removed, kept, similarity = removals.documents, removals.witnesses, removals.similarity
            return self._stratified(removed, kept, similarity, sampling.band_edges(threshold, 1.0))
        goes = np.zeros(len(found.ids), bool)
        goes[removals.documents] = True
        if name == "survivor":
            return self._stratified(np.flatnonzero(~goes & ~found.held_out), None, None, None)
        below = np.flatnonzero(found.similarity < np.float32(threshold))
        below = below[~(goes[found.first[below]] | goes[found.second[below]])]
        # Of two texts the later one would go.
        removed, kept = found.second[below].astype(np.int64), found.first[below].astype(np.int64)
        floor = found.summary.settings.floor
        edges = sampling.band_edges(floor, max(threshold, floor + 1e-6))
        return self._stratified(removed, kept, found.similarity[below], edges)

    def _stratified(
        self,
        removed: NDArray[np.int64],
        kept: NDArray[np.int64] | None,
        similarity: NDArray[np.float32] | None,
        edges: NDArray[np.float64] | None,
    ) -> Population:
        """Cut a population by band of similarity, language and source of the removed text."""
        bands = np.zeros(len(removed), np.int64)
        if similarity is not None and edges is not None:
            bands = sampling.bands(similarity, edges)
        languages, language = np.unique(self.search.languages[removed], return_inverse=True)
        sources, source = np.unique(self.search.found.sources[removed], return_inverse=True)
        strata = sampling.stratify([bands, language.astype(np.int64), source.astype(np.int64)])
        named = tuple(
            Stratum(
                band=None if edges is None else (float(edges[key[0]]), float(edges[key[0] + 1])),
                language=LANGUAGES[languages[key[1]]] or "–",
                source=self.search.source_names.get(int(sources[key[2]]), "–"),
                size=size,
            )
            for key, size in zip(strata.keys, strata.sizes.tolist(), strict=True)
        )
        return Population(removed, kept, similarity, strata, named)

    def _numbers(self, found: Population) -> NDArray[np.uint64]:
        hashes = np.concatenate([self.search.hashes[side] for side in found.sides], axis=1)
        return sampling.permanent_numbers(SEED, hashes)

    def _sample(self, found: Population, drawn: int) -> NDArray[np.int64]:
        return sampling.random_sample(self._numbers(found), found.strata, drawn)


def _heads(keys: Iterable[Key]) -> NDArray[np.uint64]:
    """Return the first halves of all content hashes in some keys."""
    return np.unique(np.frombuffer(b"".join(b"".join(key) for key in keys), "<u8")[::2])


def _part(stratum: Stratum, by: Cut) -> str:
    if by == "language":
        return stratum.language
    if by == "source":
        return stratum.source
    return "–" if stratum.band is None else band_name(stratum.band)


def open_audit(project: Project, marking: Marking) -> Audit:
    """Return the audit of a marking of the newest search.

    Raises:
        UserError: there is no search.
    """
    return Audit(search_of(project), marking, decided.verdicts(project.connection))
