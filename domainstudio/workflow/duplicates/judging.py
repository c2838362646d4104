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
from domainstudio.workflow.corpus.importing import LONGEST_NAME, is_a_name
from domainstudio.workflow.corpus.sources import DocumentText, read_document
from domainstudio.workflow.duplicates.audit import SEED, Audit, AuditQueue, open_audit
from domainstudio.workflow.duplicates.marking import Marking


@dataclass(frozen=True)
class PairRow:
    """A pair of a queue, or a survivor, as a list shows it."""

    place: int
    title: str
    """Of the kept text; in the list of clusters, where it would be the same again and again, of the other."""
    texts: int
    """In the cluster, the kept one among them."""
    least: float | None
    """Similarity in the cluster; None if it is of one text."""
    similarity: float | None
    """Of the pair; None for a survivor."""
    decision: Decision | None
    removed: int
    """Document id; of a survivor its own."""
    kept: int | None
    """Document id; None for a survivor."""


@dataclass(frozen=True)
class Pair:
    """A pair as it is judged: both texts; of a survivor its own, and no other."""

    row: PairRow
    removed: DocumentText
    kept: DocumentText | None


def rows(project: Project, audit: Audit, queue: AuditQueue, first: int, count: int) -> list[PairRow]:
    """Return a part of a queue as a list shows it."""
    places = range(first, min(first + count, len(queue)))
    ids = audit.search.found.ids
    named = queue.sides[0 if queue.name == "list" else -1]
    titled = [int(ids[named[place]]) for place in places]
    titles = {row.id: row.title for row in documents.rows_of(project.connection, dict.fromkeys(titled))}
    judged = audit.decisions(queue.name)
    found = []
    for place, identifier in zip(places, titled, strict=True):
        similarity = None if queue.similarity is None else float(queue.similarity[place])
        texts, least = _cluster(audit, int(queue.sides[-1][place]), similarity)
        verdict = judged.get(audit.key_of(queue, place))
        found.append(
            PairRow(
                place=place,
                title=titles.get(identifier, "–"),
                texts=texts,
                least=least,
                similarity=similarity,
                decision=verdict.decision if verdict else None,
                removed=int(ids[queue.removed[place]]),
                kept=None if queue.kept is None else int(ids[queue.kept[place]]),
            )
        )
    return found


def _cluster(audit: Audit, kept: int, similarity: float | None) -> tuple[int, float | None]:
    """Return texts and least similarity of the cluster of a kept text; of none, what is shown is all."""
    number = audit.clusters.of_kept(kept)
    if number is None:
        return (1 if similarity is None else 2), similarity
    return 1 + int(audit.clusters.removed[number]), float(audit.clusters.least[number])


def pair(project: Project, audit: Audit, queue: AuditQueue, place: int) -> Pair:
    """Return a pair, or a survivor, with its texts.

    Raises:
        UserError: a text cannot be read.
    """
    (row,) = rows(project, audit, queue, place, 1)
    kept = None if row.kept is None else read_document(project, row.kept)
    return Pair(row, read_document(project, row.removed), kept)


def place_of(audit: Audit, queue: AuditQueue, removed: int, kept: int | None) -> int:
    """Return the place of a pair, or of a survivor, in a queue.

    Args:
        audit: whose queue it is.
        queue: in which it is looked for.
        removed: document id.
        kept: document id; of no account for a survivor.

    Raises:
        UserError: it is not in it.
    """
    ids = audit.search.found.ids
    is_it = ids[queue.removed] == removed
    if queue.kept is not None:
        is_it = is_it & (ids[queue.kept] == kept)
    found = np.flatnonzero(is_it)
    if len(found):
        return int(found[0])
    if queue.kept is None:
        raise UserError(Problem("duplicates.no_such_survivor", "document", {"document": removed}))
    if kept is None:
        raise UserError(Problem("duplicates.needs_kept", "kept", {}))
    raise UserError(Problem("duplicates.no_such_pair", "pair", {"removed": removed, "kept": kept}))


def decide(
    project: Project,
    audit: Audit,
    queue: AuditQueue,
    place: int,
    decision: Decision,
    reviewer: str,
) -> Verdict:
    """Save what a reviewer said of a pair, or of a survivor, and return it.

    Args:
        project: opened for writing.
        audit: whose queue it is.
        queue: in which it came.
        place: in the queue.
        decision: what was said.
        reviewer: a name.

    Raises:
        UserError: a held-out text would be removed, it is a second review by the first reviewer, something
            is said of a survivor that can only be said of pairs, or nobody can be called so.
    """
    reviewer = reviewer.strip()
    _check(audit, queue, place, decision, reviewer)
    verdict = Verdict(
        removed=audit.search.hash_of(int(queue.removed[place])),
        kept=None if queue.kept is None else audit.search.hash_of(int(queue.kept[place])),
        decision=decision,
        queue=queue.name,
        reviewer=reviewer,
        similarity=None if queue.similarity is None else float(queue.similarity[place]),
        unix_seconds=time.time(),
    )
    decided.decide(project.connection, verdict)
    return verdict


def _check(audit: Audit, queue: AuditQueue, place: int, decision: Decision, reviewer: str) -> None:
    if not is_a_name(reviewer):
        params = {"name": ascii(reviewer[:LONGEST_NAME]), "most": LONGEST_NAME}
        raise UserError(Problem("duplicates.bad_reviewer", "reviewer", params))
    if queue.kept is None:
        if decision in ("keep", "split"):
            raise UserError(Problem("duplicates.judged_alone", "decision", {"decision": decision}))
    elif decision == "keep" and bool(audit.search.found.held_out[queue.kept[place]]):
        raise UserError(Problem("duplicates.held_out_stays", None, {}))
    if queue.name == "second" and audit.decisions("random")[audit.key_of(queue, place)].reviewer == reviewer:
        raise UserError(Problem("duplicates.same_reviewer", "reviewer", {"reviewer": reviewer}))


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
