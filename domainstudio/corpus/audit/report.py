"""The audit report as data: what was found, what was checked, and what follows from it, figure by figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domainstudio.corpus.audit.agreement import agreement
from domainstudio.corpus.audit.intervals import Tally, needed_over_strata, weighted
from domainstudio.corpus.audit.verdicts import (
    OUTCOMES,
    Decision,
    Key,
    Queue,
    Verdict,
    in_force,
    reviewed_twice,
    tallies,
)

CLAIMS = (0.97, 0.99)
"""Shares of right removals that the report says how to come to."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(_Facts):
    """How duplicates were found, and how many."""

    threshold: float
    """From this Jaccard similarity on a document is removed."""
    parameters: dict[str, str]
    """Everything else the finding depends on, and the seed of the samples, by name."""
    documents: int
    """Documents looked at."""
    removed: dict[str, int]
    """Reason → documents marked as removed."""


class Stratum(_Facts):
    """A part of the pairs, or documents, that is sampled by itself."""

    band: tuple[float, float] | None
    """Similarity from … up to; None for documents judged alone."""
    language: str
    source: str
    size: int
    """Pairs, or documents, in it."""


class Figures(_Facts):
    """What is known about a part: shares are of wrong ones, with their 95 % interval."""

    size: int
    checked: int
    wrong: int
    unsure: int
    share: float | None
    low: float
    high: float
    unseen_share: float
    """The part of it in which nothing was checked yet."""


class StratumFigures(Figures):
    """The same of one stratum."""

    stratum: Stratum


class SampleFigures(_Facts):
    """What a random sample says: over all, along each cut, and for each stratum."""

    total: Figures
    bands: dict[str, Figures]
    """0.80–0.85 → its figures; the others alike."""
    languages: dict[str, Figures]
    sources: dict[str, Figures]
    strata: tuple[StratumFigures, ...]
    more_needed: dict[str, int | None]
    """Claimed share of right ones, such as 0.99 → more right answers that allow it; None: no number does."""


class Missed(_Facts):
    """What the near misses say of duplicates that were not removed."""

    pairs: float
    """Estimated pairs below the threshold that a person calls duplicates, with the 95 % interval."""
    low: float
    high: float
    share: float | None
    """Of all duplicates down to the least similarity sampled: these to these and the right removals."""


class SecondReview(_Facts):
    """How far a second reviewer, who did not see the verdicts, agrees with the first."""

    pairs: int
    agreed: int
    categories: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]
    """Rows: first reviewer; columns: second."""
    kappa: float | None
    standard_error: float | None
    why_none: Literal["nothing in common", "one category"] | None


class Judged(_Facts):
    """One verdict that the figures rest on."""

    removed: str
    """Content hash, 32 hexadecimal digits."""
    kept: str | None
    decision: Decision
    queue: Queue
    reviewer: str
    similarity: float | None
    unix_seconds: float


class AuditReport(_Facts):
    """The whole report; `model_dump_json` is its form for programs."""

    version: Literal[1] = 1
    unix_seconds: float
    """When it was made."""
    finding: Finding
    removals: SampleFigures
    near_misses: SampleFigures | None
    missed: Missed | None
    survivors: SampleFigures | None
    second_review: SecondReview
    judged: tuple[Judged, ...]
    """Of the random samples, in the order in which they were first judged."""


@dataclass(frozen=True)
class Sampled:
    """What a random sample is drawn from."""

    strata: Sequence[Stratum]
    stratum_of: Mapping[Key, int]
    """As in `tallies`: the stratum of each pair that was judged and is still in the sample's population."""


def make_report(
    finding: Finding,
    removals: Sampled,
    near_misses: Sampled | None,
    survivors: Sampled | None,
    verdicts: Sequence[Verdict],
    unix_seconds: float,
) -> AuditReport:
    """Return the report of what is known by now.

    Args:
        finding: how duplicates were found.
        removals: what the queue `random` is drawn from.
        near_misses: what `near_miss` is drawn from; None where nothing below the threshold is known.
        survivors: what `survivor` is drawn from; None where they are not sampled.
        verdicts: all, in the order in which they were taken.
        unix_seconds: now.
    """
    figures = sample_figures(removals, "random", verdicts)
    below = near_misses and sample_figures(near_misses, "near_miss", verdicts)
    first, second = reviewed_twice(verdicts)
    ours = {key: outcome for key, outcome in first.items() if key in removals.stratum_of}
    found = agreement(ours, second, OUTCOMES)
    return AuditReport(
        unix_seconds=unix_seconds,
        finding=finding,
        removals=figures,
        near_misses=below,
        missed=below and _missed(figures.total, below.total),
        survivors=survivors and sample_figures(survivors, "survivor", verdicts),
        second_review=SecondReview(
            pairs=found.pairs,
            agreed=found.agreed,
            categories=found.categories,
            table=found.table,
            kappa=found.kappa,
            standard_error=found.standard_error,
            why_none=found.why_none,
        ),
        judged=tuple(_judged(verdicts, removals, near_misses, survivors)),
    )


def sample_figures(sampled: Sampled, queue: Queue, verdicts: Iterable[Verdict]) -> SampleFigures:
    """Return what the verdicts of one random queue say of what it is drawn from."""
    counts = tallies(verdicts, queue, sampled.stratum_of, [stratum.size for stratum in sampled.strata])
    paired = list(zip(sampled.strata, counts, strict=True))
    return SampleFigures(
        total=_figures(counts),
        bands=_cut((band_name(stratum.band), tally) for stratum, tally in paired if stratum.band),
        languages=_cut((stratum.language, tally) for stratum, tally in paired),
        sources=_cut((stratum.source, tally) for stratum, tally in paired),
        strata=tuple(
            StratumFigures(stratum=stratum, **_figures([tally]).model_dump()) for stratum, tally in paired
        ),
        more_needed={str(claim): needed_over_strata(counts, claim) for claim in CLAIMS},
    )


def band_name(band: tuple[float, float]) -> str:
    """Return a similarity band as people write it: 0.80–0.85."""
    return f"{band[0]:.2f}–{band[1]:.2f}"


def _figures(counts: Sequence[Tally]) -> Figures:
    found = weighted(counts)
    return Figures(
        size=found.size,
        checked=int(found.checked),
        wrong=found.wrong,
        unsure=found.unsure,
        share=found.share,
        low=found.interval.low,
        high=found.interval.high,
        unseen_share=found.unseen_share,
    )


def _cut(named: Iterable[tuple[str, Tally]]) -> dict[str, Figures]:
    """Return the figures of all strata of each name."""
    groups: dict[str, list[Tally]] = {}
    for name, tally in named:
        groups.setdefault(name, []).append(tally)
    return {name: _figures(counts) for name, counts in sorted(groups.items())}


def _missed(removals: Figures, below: Figures) -> Missed | None:
    if below.share is None:
        return None
    pairs = below.share * below.size
    right = None if removals.share is None else removals.size * (1 - removals.share)
    return Missed(
        pairs=pairs,
        low=below.low * below.size,
        high=below.high * below.size,
        share=pairs / (pairs + right) if right else None,
    )


def _judged(verdicts: Sequence[Verdict], *samples: Sampled | None) -> Iterable[Judged]:
    removals, near_misses, survivors = samples
    queues: tuple[tuple[Queue, Sampled | None], ...] = (
        ("random", removals),
        ("near_miss", near_misses),
        ("survivor", survivors),
        ("second", removals),
    )
    for queue, sampled in queues:
        for key, verdict in in_force(verdicts, queue).items():
            if sampled is not None and key in sampled.stratum_of:
                yield Judged(
                    removed=verdict.removed.hex(),
                    kept=None if verdict.kept is None else verdict.kept.hex(),
                    decision=verdict.decision,
                    queue=queue,
                    reviewer=verdict.reviewer,
                    similarity=verdict.similarity,
                    unix_seconds=verdict.unix_seconds,
                )
