"""Verdicts: what a person decided about a pair, and what the sample's verdicts add up to."""

import getpass
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domainstudio.corpus.audit.intervals import Tally

Decision = Literal["accept", "reject", "keep", "split", "unsure"]
"""accept: the two are duplicates, the removal is right. reject: keep both. keep: they are duplicates, but the
other one is to stay. split: the document does not belong to this cluster. unsure: not decided.

Of a survivor, which is judged alone: accept: fit to train on. reject: not fit."""
Queue = Literal["random", "uncertain", "list", "near_miss", "survivor", "second"]
"""How the pair came before the person. random: the random sample of removals; uncertain: nearest to the
threshold first; list: cluster by cluster; near_miss: the random sample from below the threshold; survivor:
the random sample of kept documents; second: a removal of the random sample, shown to a second reviewer
without the first one's verdict."""
Outcome = Literal["right", "wrong", "unsure"]
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "unsure")

Key = tuple[bytes, ...]
"""The 16-byte content hashes of a pair, ascending, or of one document: the same whichever is kept."""

_RIGHT: Mapping[Queue, frozenset[Decision]] = {
    "random": frozenset({"accept", "keep"}),
    "second": frozenset({"accept", "keep"}),
    "survivor": frozenset({"accept"}),
    "near_miss": frozenset({"reject", "split"}),
}
"""Which decisions say that what was done is right; below the threshold, that is to keep both."""


@dataclass(frozen=True)
class Verdict:
    """One decision of one person; a later one of the same person about the same pair takes its place."""

    removed: bytes
    """Content hash of the text that is removed or, for a near miss or a survivor, looked at."""
    kept: bytes | None
    """Content hash of its witness; None for a survivor."""
    decision: Decision
    queue: Queue
    reviewer: str
    similarity: float | None
    """Jaccard similarity as the person saw it; None for a survivor."""
    unix_seconds: float

    @property
    def key(self) -> Key:
        """What the verdict is about: it holds on when the pair is found again."""
        return (self.removed,) if self.kept is None else tuple(sorted((self.removed, self.kept)))

    @property
    def outcome(self) -> Outcome:
        """Whether what the program did with the pair is right.

        Raises:
            ValueError: the queue is no sample.
        """
        if self.queue not in _RIGHT:
            raise ValueError(f"the queue {self.queue} is no random sample")
        if self.decision == "unsure":
            return "unsure"
        return "right" if self.decision in _RIGHT[self.queue] else "wrong"


def account_name() -> str:
    """Return the name of this account, by which its person judges; in a container it may have none."""
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):
        return "–"


def in_force(verdicts: Iterable[Verdict], queue: Queue) -> dict[Key, Verdict]:
    """Return the verdict in force on each pair judged in a queue.

    It is the last one of the person who judged the pair there first: who comes later, and knows the verdict,
    does not change the sample.

    Args:
        verdicts: of all queues, in the order in which they were taken.
        queue: the one wanted.
    """
    found: dict[Key, Verdict] = {}
    for verdict in verdicts:
        if verdict.queue != queue:
            continue
        before = found.setdefault(verdict.key, verdict)
        if before.reviewer == verdict.reviewer:
            found[verdict.key] = verdict
    return found


def tallies(
    verdicts: Iterable[Verdict], queue: Queue, stratum_of: Mapping[Key, int], sizes: Sequence[int]
) -> list[Tally]:
    """Return what a sample's verdicts add up to in each stratum.

    Unsure ones are counted apart and not among the checked: the estimate is of what can be decided, and the
    report says how many could not.

    Args:
        verdicts: of all queues, in the order in which they were taken; only those of `queue` count.
        queue: `random`, `near_miss` or `survivor`.
        stratum_of: the stratum of each pair that was judged and is still what it was; others are left out,
            as those that are no longer removed since the threshold was moved.
        sizes: pairs of each stratum.
    """
    counts = [dict.fromkeys(OUTCOMES, 0) for _ in sizes]
    for key, verdict in in_force(verdicts, queue).items():
        if key in stratum_of:
            counts[stratum_of[key]][verdict.outcome] += 1
    return [
        Tally(size, count["right"] + count["wrong"], count["wrong"], count["unsure"])
        for size, count in zip(sizes, counts, strict=True)
    ]


def reviewed_twice(verdicts: Sequence[Verdict]) -> tuple[dict[Key, str], dict[Key, str]]:
    """Return the first and the second reviewer's outcome on each pair, as `agreement` compares them.

    A second look by the same person is none. Unsure is an outcome like the others.

    Args:
        verdicts: of all queues, in the order in which they were taken.
    """
    first, second = in_force(verdicts, "random"), in_force(verdicts, "second")
    others: dict[Key, str] = {
        key: verdict.outcome
        for key, verdict in second.items()
        if key in first and first[key].reviewer != verdict.reviewer
    }
    return {key: verdict.outcome for key, verdict in first.items()}, others
