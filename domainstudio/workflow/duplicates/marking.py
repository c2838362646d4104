"""What a search for near-duplicates found, and what a marking removes of it, by whose wishes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domainstudio.corpus.audit.verdicts import Verdict
from domainstudio.corpus.duplicates import star
from domainstudio.corpus.duplicates.columns import digest, mapped
from domainstudio.corpus.duplicates.found import COLUMNS, Found
from domainstudio.corpus.duplicates.policies import Policy, Preference, rank
from domainstudio.corpus.duplicates.reasons import HELD_OUT_NEAR_COPY, NEAR_DUPLICATE, REASONS, SAME_WORDS
from domainstudio.corpus.duplicates.recall import expected_recall
from domainstudio.corpus.duplicates.star import Removals, Scope
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus, duplicates, tokens
from domainstudio.project.project import Project

BINS = 60
"""Steps of similarity from 0.7 to 1 in which pairs are counted."""
LARGE_CLUSTER = 100
"""A cluster of which so many texts go should be looked at before it is marked."""
HASHES, LANGUAGES = "hashes.npy", "languages.npy"
"""Columns beside those of the search: uint64 [documents, 2] and uint8 [documents]."""
_DIGEST = "columns.sha256"


class Marking(BaseModel):
    """What is removed of what a search found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.8, ge=0.7, le=1)
    """Least exact Jaccard similarity with a kept document."""
    scope: Scope = "all"
    keep: Preference = "longest"
    """Of two alike documents."""
    sources: tuple[str, ...] = ()
    """Of two alike documents that of the source named first is kept, before anything else counts."""


@dataclass(frozen=True, eq=False)
class Preview:
    """What a marking removes."""

    marking: Marking
    removals: Removals
    reasons: NDArray[np.uint8]
    """Of each removal, a place in `REASONS`."""
    documents: int
    """All that were compared."""
    bytes: int
    """Of the removed texts."""
    tokens: int | None
    """About, by the ratio of each source; None where one is not packed."""
    recall: float | None
    """Share of the pairs at the threshold that the search is expected to have found."""

    @property
    def by_reason(self) -> dict[str, int]:
        """Removed documents by reason."""
        return dict(zip(REASONS, np.bincount(self.reasons, minlength=len(REASONS)).tolist(), strict=True))

    @property
    def share(self) -> float:
        """Removed documents of all, 0 to 1."""
        return len(self.removals.documents) / self.documents if self.documents else 0.0


@dataclass(frozen=True, eq=False)
class Clusters:
    """A kept document and what is removed for its sake; arrays over clusters, the largest first."""

    kept: NDArray[np.int64]
    """Positions."""
    removed: NDArray[np.int64]
    """How many."""
    least: NDArray[np.float32]
    """The lowest similarity in each."""
    of: NDArray[np.int64]
    """The cluster of each removal."""

    def of_kept(self, position: int) -> int | None:
        """Return the cluster of a kept document; None if nothing is removed for its sake."""
        place = int(np.searchsorted(self.kept, position, sorter=self._by_position))
        if place == len(self.kept) or self.kept[self._by_position[place]] != position:
            return None
        return int(self._by_position[place])

    @cached_property
    def _by_position(self) -> NDArray[np.int64]:
        return np.argsort(self.kept)


class Search:
    """A committed search, opened: everything about it is asked here, quickly and without the database."""

    def __init__(self, project: Project, job_id: str) -> None:
        """Map what was found.

        Raises:
            UserError: it is gone or damaged.
        """
        self.job_id = job_id
        self._folder = project.inside(f"{duplicates.FOLDER}/{job_id}")
        try:
            self.found = Found(self._folder)
            documents = len(self.found.ids)
            self.hashes: NDArray[np.uint64] = mapped(self._folder / HASHES, "<u8", (documents, 2))
            self.languages: NDArray[np.uint8] = mapped(self._folder / LANGUAGES, "u1", (documents,))
        except (OSError, ValueError):
            raise self.damaged() from None
        if int(self.languages.max(initial=0)) >= len(duplicates.LANGUAGES):
            raise self.damaged()
        self.source_names = {source.id: source.name for source in corpus.sources(project.connection)}
        self.tokens_per_byte = _tokens_per_byte(project)
        self._ids = np.argsort(self.found.ids)
        if not (np.diff(self.found.ids[self._ids]) > 0).all():
            raise self.damaged()
        # While the threshold is moved the order of keeping stays; a marking is asked for several times.
        self._ranks = lru_cache(2)(self._rank)
        self._plain_removals = lru_cache(2)(
            lambda marking: self._apply(marking, self._ranks(marking.keep, marking.sources), Wishes())
        )

    def damaged(self) -> UserError:
        """Return the UserError about files that are not as the search left them."""
        return UserError(Problem("duplicates.search_damaged", None, {"folder": str(self._folder)}))

    def check_whole(self) -> None:
        """Check that not a byte was changed since the search, as well as it is known: it reads all columns.

        Raises:
            UserError: one was.
        """
        try:
            if not is_as_sealed(self._folder):
                raise self.damaged()
        except OSError:
            raise self.damaged() from None

    @cached_property
    def histogram(self) -> list[int]:
        """How many verified pairs there are in each of `BINS` steps from 0.7 to 1."""
        counts, _edges = np.histogram(self.found.similarity, BINS, (0.7, 1.0))
        return list(map(int, counts))

    def positions_of(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """Return the positions of those documents that were compared."""
        wanted = np.fromiter(ids, np.int64)
        places = np.searchsorted(self.found.ids, wanted, sorter=self._ids)
        found = self._ids[np.minimum(places, len(self._ids) - 1)] if len(self._ids) else self._ids[:0]
        return found[self.found.ids[found] == wanted] if len(found) else found

    def removals(self, marking: Marking, wishes: "Wishes | None" = None) -> Removals:
        """Return what a marking removes, by a person's wishes or without any."""
        if wishes is None or wishes.are_none:
            return self._plain_removals(marking)
        ranks = self._ranks(marking.keep, marking.sources)
        ranks = ranks - np.int64(len(ranks)) * np.isin(np.arange(len(ranks)), wishes.kept)
        return self._apply(marking, ranks, wishes)

    def preview(self, marking: Marking, wishes: "Wishes | None" = None) -> Preview:
        """Return what a marking removes and saves."""
        removals = self.removals(marking, wishes)
        sizes = self.found.bytes[removals.documents]
        return Preview(
            marking=marking,
            removals=removals,
            reasons=self._reasons(removals),
            documents=len(self.found.ids),
            bytes=int(sizes.sum()),
            tokens=self._tokens(self.found.sources[removals.documents], sizes),
            recall=expected_recall(
                self.found.similarity, self.found.summary.settings.banding, marking.threshold
            ),
        )

    def clusters(self, removals: Removals) -> Clusters:
        """Return the clusters of a list of removals."""
        kept, of, counts = np.unique(removals.witnesses, return_inverse=True, return_counts=True)
        least = np.ones(len(kept), np.float32)
        np.minimum.at(least, of, removals.similarity)
        order = np.lexsort((kept, -counts))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return Clusters(kept[order], counts[order], least[order], place[of])

    def hash_of(self, position: int) -> bytes:
        """Return the content hash of a document."""
        digest: bytes = self.hashes[position].astype("<u8").tobytes()
        return digest

    def _apply(self, marking: Marking, ranks: NDArray[np.int64], wishes: "Wishes") -> Removals:
        found = self.found
        documents = star.Documents(found.group, ranks, found.held_out, found.sources)
        pairs = star.Pairs(found.first, found.second, found.similarity)
        return star.apply(pairs, documents, marking.threshold, wishes.cuts, marking.scope, wishes.apart)

    def _rank(self, keep: Preference, sources: tuple[str, ...]) -> NDArray[np.int64]:
        numbers = {name: number for number, name in self.source_names.items()}
        order = tuple(numbers[name] for name in sources if name in numbers)
        return rank(Policy(keep, order), self.found.ids, self.found.sources, self.found.characters)

    def _reasons(self, removals: Removals) -> NDArray[np.uint8]:
        group = self.found.group
        near, same, held_out = (REASONS.index(r) for r in (NEAR_DUPLICATE, SAME_WORDS, HELD_OUT_NEAR_COPY))
        reasons = np.where(group[removals.documents] == group[removals.witnesses], same, near)
        return np.where(self.found.held_out[removals.witnesses], held_out, reasons).astype(np.uint8)

    def _tokens(self, sources: NDArray[np.int32], sizes: NDArray[np.int64]) -> int | None:
        total = 0.0
        for source in np.unique(sources).tolist():
            ratio = self.tokens_per_byte.get(source)
            if ratio is None:
                return None
            total += ratio * float(sizes[sources == source].sum())
        return round(total)


def seal(folder: Path) -> None:
    """Write down what the columns of a search are, byte for byte, when the last of them is written."""
    write_atomically(folder / _DIGEST, digest(_columns(folder)).encode())


def is_as_sealed(folder: Path) -> bool:
    """Return whether the columns are as they were; those of an earlier version were not sealed.

    Raises:
        OSError: one cannot be read.
    """
    sealed = folder / _DIGEST
    return not sealed.exists() or read_small(sealed) == digest(_columns(folder)).encode()


def _columns(folder: Path) -> list[Path]:
    return [*(folder / f"{name}.npy" for name in COLUMNS), folder / HASHES, folder / LANGUAGES]


@dataclass(frozen=True, eq=False)
class Wishes:
    """What a person's verdicts ask of a marking, in positions of a search."""

    kept: tuple[int, ...] = ()
    """Made the kept ones of their clusters."""
    cuts: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    """Pairs that do not count as alike."""
    apart: tuple[int, ...] = ()
    """Documents that belong to no cluster."""

    @property
    def are_none(self) -> bool:
        """Whether nothing is asked."""
        return not self.kept and not len(self.cuts) and not self.apart


def wishes_of(search: Search, verdicts: Iterable[Verdict]) -> Wishes:
    """Return what the last verdict on each pair asks; those of a blind second review ask nothing."""
    last = {verdict.key: verdict for verdict in verdicts if verdict.queue not in ("second", "survivor")}
    asking = [verdict for verdict in last.values() if verdict.decision in ("reject", "keep", "split")]
    if not asking:
        return Wishes()
    places = _places(search, {each for verdict in asking for each in verdict.key})
    kept, cuts, apart = list[int](), list[tuple[int, int]](), list[int]()
    for verdict in asking:
        removed, witness = places.get(verdict.removed, []), places.get(verdict.kept or b"", [])
        if verdict.decision == "keep":
            kept += removed
        elif verdict.decision == "reject":
            cuts += [(one, other) for one in removed for other in witness]
        else:
            apart += removed
    return Wishes(tuple(kept), np.array(cuts, np.int64).reshape(-1, 2), tuple(apart))


def _places(search: Search, hashes: set[bytes]) -> dict[bytes, list[int]]:
    """Return the positions of each content hash; most have one."""
    wanted = np.frombuffer(b"".join(sorted(hashes)), "<u8").reshape(-1, 2)
    found: dict[bytes, list[int]] = {}
    for position in np.flatnonzero(np.isin(search.hashes[:, 0], wanted[:, 0])).tolist():
        digest = search.hash_of(position)
        if digest in hashes:
            found.setdefault(digest, []).append(position)
    return found


def _tokens_per_byte(project: Project) -> dict[int, float]:
    """Return tokens for each byte of text, by source id."""
    tokenizer = tokens.current_tokenizer(project.connection)
    files = tokens.token_files(project.connection, tokenizer.sha256, "training") if tokenizer else []
    by_name = {file.source: file.tokens / file.bytes for file in files if file.bytes}
    sources = corpus.sources(project.connection)
    return {source.id: by_name[source.name] for source in sources if source.name in by_name}
