"""What the pane reads of a project: a search with its audit, and one pair with its difference."""

from dataclasses import dataclass

from domainstudio.corpus.audit.difference import Block, Same, collapsed, difference
from domainstudio.project import contamination, duplicates
from domainstudio.project import verdicts as decided
from domainstudio.project.contamination import Check
from domainstudio.project.duplicates import RemovalList
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates import judging
from domainstudio.workflow.duplicates.audit import Audit, AuditQueue, Cut, PartRow, Shown
from domainstudio.workflow.duplicates.cluster import Cluster, cluster_of
from domainstudio.workflow.duplicates.finding import is_stale, search_of
from domainstudio.workflow.duplicates.judging import Pair
from domainstudio.workflow.duplicates.marking import Marking, Preview, Search, wishes_of


@dataclass(frozen=True, eq=False)
class Opened:
    """What does not change while the threshold is moved."""

    search: Search | None
    """None if nothing was searched yet."""
    documents: int
    """That a search would compare."""
    is_stale: bool
    standing: RemovalList | None
    checks: list[Check]
    """Of evaluation items, the newest first."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a marking removes, what of it is checked, and the pairs to judge."""

    marking: Marking
    preview: Preview
    audit: Audit
    queue: AuditQueue
    table: list[PartRow]
    needed: int | None
    """More right answers that allow the claim; None if too many were wrong."""
    next_place: int | None
    unseen_large: int
    """Large clusters of which nobody has judged a pair."""


@dataclass(frozen=True, eq=False)
class PairView:
    """A pair and its difference."""

    queue: AuditQueue
    pair: Pair
    parts: list[Block | Same]
    cluster: Cluster | None
    """What the text is removed with; None where nothing is removed."""


def open_search(project: Project, before: Search | None) -> Opened:
    """Return the newest search; the one that is open already is not opened anew."""
    finding = duplicates.newest_finding(project.connection)
    search = None
    if finding is not None:
        is_same = before is not None and before.job_id == finding.job_id
        search = before if is_same else search_of(project)
    return Opened(
        search=search,
        documents=duplicates.count_compared(project.connection),
        is_stale=search is not None and is_stale(project, search),
        standing=duplicates.standing(project.connection),
        checks=contamination.checks(project.connection),
    )


def judge(
    project: Project, search: Search, marking: Marking, shown: Shown, after: int = -1, by: Cut = "similarity"
) -> Judged:
    """Return what a marking comes to, and the first pair of a queue behind a place that nobody judged yet."""
    verdicts = decided.verdicts(project.connection)
    found = Audit(search, marking, verdicts)
    queue = found.queue(shown)
    return Judged(
        marking=marking,
        preview=search.preview(marking, wishes_of(search, verdicts)),
        audit=found,
        queue=queue,
        table=found.table(by),
        needed=found.needed(),
        next_place=found.place_of_next(queue, after),
        unseen_large=found.unseen_large,
    )


def read_pair(project: Project, found: Audit, queue: AuditQueue, place: int) -> PairView:
    """Return a pair with its difference, or a survivor, which has none."""
    pair = judging.pair(project, found, queue, place)
    if pair.kept is None:
        return PairView(queue, pair, [], None)
    blocks = difference(pair.removed.text, pair.kept.text)
    cluster = None
    if queue.kept is not None and queue.name != "near_miss":
        cluster = cluster_of(found.removals, int(queue.kept[place]))
    return PairView(queue, pair, collapsed(blocks, pair.removed.text), cluster)
