"""Judging pairs: a queue page by page, a pair with its texts, what a reviewer says, and the report."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from domainstudio.corpus.audit.report import AuditReport, Finding, make_report
from domainstudio.corpus.audit.report_text import render
from domainstudio.corpus.audit.verdicts import Decision, Verdict
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import documents
from domainstudio.project import verdicts as decided
from domainstudio.project.project import Project
from domainstudio.workflow.audit import SEED, Audit, PairQueue, open_audit
from domainstudio.workflow.corpus import DocumentText, read_document
from domainstudio.workflow.marking import Marking


@dataclass(frozen=True)
class PairRow:
    """A pair of a queue as a list shows it."""

    place: int
    title: str
    """Of the kept text."""
    texts: int
    """In the cluster, the kept one among them."""
    least: float
    """Similarity in the cluster."""
    similarity: float
    decision: Decision | None
    removed: int
    """Document id."""
    kept: int


@dataclass(frozen=True)
class Pair:
    """A pair as it is judged: both texts."""

    row: PairRow
    removed: DocumentText
    kept: DocumentText


def rows(project: Project, audit: Audit, queue: PairQueue, first: int, count: int) -> list[PairRow]:
    """Return some pairs of a queue as a list shows them."""
    search, clusters = audit.search, audit.clusters
    places = range(first, min(first + count, len(queue)))
    kept = [int(queue.kept[place]) for place in places]
    ids = [int(search.found.ids[position]) for position in kept]
    titles = {row.id: row.title for row in documents.rows_of(project.connection, dict.fromkeys(ids))}
    judged = audit.decisions(queue.name)
    found = []
    for place, position, identifier in zip(places, kept, ids, strict=True):
        number = clusters.of_kept(position)
        verdict = judged.get(audit.key_of(queue, place))
        found.append(
            PairRow(
                place=place,
                title=titles.get(identifier, "–"),
                texts=2 if number is None else 1 + int(clusters.removed[number]),
                least=float(queue.similarity[place] if number is None else clusters.least[number]),
                similarity=float(queue.similarity[place]),
                decision=verdict.decision if verdict else None,
                removed=int(search.found.ids[queue.removed[place]]),
                kept=identifier,
            )
        )
    return found


def pair(project: Project, audit: Audit, queue: PairQueue, place: int) -> Pair:
    """Return a pair with its texts.

    Raises:
        UserError: a text cannot be read.
    """
    (row,) = rows(project, audit, queue, place, 1)
    return Pair(row, read_document(project, row.removed), read_document(project, row.kept))


def place_of(audit: Audit, queue: PairQueue, removed: int, kept: int) -> int:
    """Return the place of a pair in a queue.

    Args:
        audit: whose queue it is.
        queue: in which the pair is looked for.
        removed: document id.
        kept: document id.

    Raises:
        UserError: it is not in it.
    """
    ids = audit.search.found.ids
    found = np.flatnonzero((ids[queue.removed] == removed) & (ids[queue.kept] == kept))
    if not len(found):
        raise UserError(Problem("duplicates.no_such_pair", "pair", {"removed": removed, "kept": kept}))
    return int(found[0])


def decide(
    project: Project,
    audit: Audit,
    queue: PairQueue,
    place: int,
    decision: Decision,
    reviewer: str,
) -> Verdict:
    """Save what a reviewer said of a pair and return it.

    Args:
        project: opened for writing.
        audit: whose pair it is.
        queue: in which the pair came.
        place: of the pair.
        decision: what was said.
        reviewer: a name.

    Raises:
        UserError: a held-out text would be removed, or it is a second review by the first reviewer.
    """
    removed, kept = int(queue.removed[place]), int(queue.kept[place])
    if decision == "keep" and bool(audit.search.found.held_out[kept]):
        raise UserError(Problem("duplicates.held_out_stays", None, {}))
    if queue.name == "second" and audit.decisions("random")[audit.key_of(queue, place)].reviewer == reviewer:
        raise UserError(Problem("duplicates.same_reviewer", "reviewer", {"reviewer": reviewer}))
    verdict = Verdict(
        removed=audit.search.hash_of(removed),
        kept=audit.search.hash_of(kept),
        decision=decision,
        queue=queue.name,
        reviewer=reviewer,
        similarity=float(queue.similarity[place]),
        unix_seconds=time.time(),
    )
    decided.decide(project.connection, verdict)
    return verdict


def next_survivor(project: Project, audit: Audit) -> DocumentText | None:
    """Return the first kept document of the random sample of them that nobody has judged yet, if any.

    Raises:
        UserError: it cannot be read.
    """
    judged = audit.decisions("survivor")
    for position in audit.survivors().tolist():
        if (audit.search.hash_of(position),) not in judged:
            return read_document(project, int(audit.search.found.ids[position]))
    return None


def decide_survivor(
    project: Project, audit: Audit, document: int, decision: Decision, reviewer: str
) -> Verdict:
    """Save whether a kept document of the sample is fit to train on, and return what was saved.

    Args:
        project: opened for writing.
        audit: whose sample it is.
        document: its id.
        decision: `accept`, `reject` or `unsure`.
        reviewer: a name.

    Raises:
        UserError: it is not in the sample, or the decision is one about pairs.
    """
    if decision not in ("accept", "reject", "unsure"):
        raise UserError(Problem("duplicates.judged_alone", "decision", {"decision": decision}))
    sample = audit.survivors()
    if document not in audit.search.found.ids[sample]:
        raise UserError(Problem("duplicates.no_such_survivor", "document", {"document": document}))
    position = int(sample[audit.search.found.ids[sample] == document][0])
    verdict = Verdict(
        removed=audit.search.hash_of(position),
        kept=None,
        decision=decision,
        queue="survivor",
        reviewer=reviewer,
        similarity=None,
        unix_seconds=time.time(),
    )
    decided.decide(project.connection, verdict)
    return verdict


def report(project: Project, marking: Marking) -> AuditReport:
    """Return the audit report of a marking of the newest search.

    Raises:
        UserError: there is no search.
    """
    audit = open_audit(project, marking)
    summary = audit.search.found.summary
    settings = summary.settings.model_dump() | marking.model_dump(exclude={"threshold"})
    parameters = {name: _words(value) for name, value in settings.items() if value != ()}
    parameters |= {"searched_by": summary.searched_by, "seed": str(SEED)}
    finding = Finding(
        threshold=marking.threshold,
        parameters=parameters,
        documents=summary.documents,
        removed=audit.search.preview(marking).by_reason,
    )
    samples = (audit.sampled("random"), audit.sampled("near_miss"), audit.sampled("survivor"))
    return make_report(finding, *samples, audit.verdicts, time.time())


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def write_report(project: Project, marking: Marking, file: Path) -> None:
    """Write the audit report: as JSON if the file is called so, else as Markdown.

    Raises:
        UserError: there is no search, or no folder for the file.
    """
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UserError(Problem("export.bad_file", "file", {"file": str(file)}))
    made = report(project, marking)
    words = made.model_dump_json(indent=1) if file.suffix.lower() == ".json" else render(made)
    write_atomically(file, words.encode(), f".tmp-{file.name}")
