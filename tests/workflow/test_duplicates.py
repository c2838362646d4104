"""Near-duplicates from a project: found, previewed, marked, judged, taken back, and never trained on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import wait_until

from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import UserError
from domainstudio.project import duplicates as index
from domainstudio.project import verdicts as decided
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import history
from domainstudio.workflow.corpus import importing, sources
from domainstudio.workflow.duplicates import audit, cluster, finding, judging
from domainstudio.workflow.duplicates.marking import BINS, Marking, Search
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit_finished

WORDS = [f"w{number}" for number in range(4000)]
Add = Callable[[str, list[str]], None]


def text(seed: int, changed: int = 0, length: int = 120) -> str:
    """Return words that no other seed has, `changed` of them replaced by others."""
    words = [WORDS[(seed * 131 + number * 7) % len(WORDS)] + f"s{seed}" for number in range(length)]
    for place in range(changed):
        words[place * (length // max(1, changed))] = f"other{seed}x{place}"
    return " ".join(words)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create(tmp_path / "project", ModelOrigin(preset="tiny"))


@pytest.fixture
def add(project: Project, tmp_path: Path) -> Add:
    """Import texts into a source."""

    def run(source: str, texts: list[str]) -> None:
        file = tmp_path / f"{source}-{len(list(tmp_path.iterdir()))}.jsonl"
        file.write_text("".join(json.dumps({"text": each}) + "\n" for each in texts))
        over(project, importing.start_import(project, [file], source, "domain", ReaderSettings()))

    return run


def over(project: Project, folder: JobFolder) -> None:
    wait_until(lambda: folder.status() not in ("created", "running"), 120)
    assert folder.status() == "done", folder.log_file.read_text()
    commit_finished(project, KINDS)


def searched(project: Project) -> Search:
    over(project, finding.start_find(project))
    return finding.search_of(project)


def used(project: Project) -> int:
    return sum(row.counts.training_documents for row in sources.table(project))


def many(first: int, count: int) -> list[str]:
    return [text(seed) for seed in range(first, first + count)]


def test_near_copies_are_marked_with_a_kept_witness_and_can_be_used_again(project: Project, add: Add) -> None:
    add("law", [*many(0, 340), text(1, 1), text(2, 1), text(2).replace(" ", " - ")])
    before = used(project)
    search = searched(project)
    found = finding.mark(project, Marking(threshold=0.8))
    removed = search.found.ids[found.removals.documents].tolist()
    assert len(removed) == 3 and found.by_reason["same_words"] + found.by_reason["near_duplicate"] <= 3
    rows = {row.id: row for row in _rows(project, removed)}
    for number, witness in zip(removed, search.found.ids[found.removals.witnesses].tolist(), strict=True):
        assert rows[number].witness == witness
        assert witness not in removed
    assert used(project) == before - sum(not row.state.startswith("held") for row in rows.values())
    assert not finding.is_stale(project, finding.search_of(project)), "what is marked is compared again"
    finding.unmark(project)
    assert used(project) == before
    assert history.undo(project) is not None
    assert used(project) < before


def _rows(project: Project, ids: list[int]) -> list[sources.documents.DocumentRow]:  # type: ignore[name-defined]
    from domainstudio.project import documents

    return documents.rows_of(project.connection, ids)


def test_what_a_person_says_of_a_pair_changes_what_is_marked_but_not_the_sample(
    project: Project, add: Add
) -> None:
    add("law", [*many(0, 330), text(5, 1), text(6, 1), text(7, 1), text(8, 1)])
    searched(project)
    marking = Marking(threshold=0.8)
    opened = audit.open_audit(project, marking)
    queue = opened.queue("random")
    assert len(queue) == 4
    for place, decision in enumerate(("reject", "keep", "split", "accept")):
        judging.decide(project, opened, queue, place, decision, "Ana")  # type: ignore[arg-type]
    ids = opened.search.found.ids
    removed, kept = ids[queue.removed].tolist(), ids[queue.kept].tolist()
    found = finding.preview(project, marking).removals
    gone = set(ids[found.documents].tolist())
    assert gone == {kept[1], removed[3]}, "kept both; the other way round; split off; as it was"
    again = audit.open_audit(project, marking)
    assert again.queue("random").removed.tolist() == queue.removed.tolist(), "the sample stays the sample"
    assert (again.estimate.checked, again.estimate.wrong) == (4, 2)
    history.undo(project)
    assert audit.open_audit(project, marking).estimate.checked == 3


def test_decisions_outlive_another_search(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), text(5, 1), text(6, 1)])
    searched(project)
    opened = audit.open_audit(project, Marking())
    queue = opened.queue("random")
    judging.decide(project, opened, queue, 0, "reject", "Ana")
    rejected = int(opened.search.found.ids[queue.removed[0]])
    add("law", [text(400), text(7, 1)])
    search = searched(project)
    found = search.found.ids[finding.preview(project, Marking()).removals.documents].tolist()
    assert rejected not in found and len(found) == 2
    again = audit.open_audit(project, Marking())
    assert again.estimate.wrong == 1 and len(again.queue("random")) == 3


def test_only_the_random_queue_feeds_the_estimate_and_a_second_review_asks_nothing(
    project: Project, add: Add
) -> None:
    add("law", [*many(0, 330), text(5, 1), text(6, 1)])
    searched(project)
    opened = audit.open_audit(project, Marking())
    judging.decide(project, opened, opened.queue("uncertain"), 0, "reject", "Bo")
    opened = audit.open_audit(project, Marking())
    assert opened.estimate.checked == 0 and opened.place_of_next(opened.queue("random")) == 0
    assert len(opened.queue("second")) == 0, "nobody has judged any of the sample"
    first = judging.decide(project, opened, opened.queue("random"), 1, "reject", "Ana")
    opened = audit.open_audit(project, Marking())
    second = opened.queue("second")
    assert len(second) == 1 and opened.key_of(second, 0) == first.key
    assert judging.rows(project, opened, second, 0, 1)[0].decision is None, "the first verdict is not shown"
    with pytest.raises(UserError, match="Ana judged this pair before"):
        judging.decide(project, opened, second, 0, "accept", "Ana")
    judging.decide(project, opened, second, 0, "accept", "Bo")
    again = audit.open_audit(project, Marking())
    assert (again.estimate.checked, again.estimate.wrong) == (1, 1), "the first verdict stands"
    assert again.place_of_next(again.queue("second")) is None
    assert judging.report(project, Marking()).second_review.pairs == 1


def test_survivors_are_judged_alone(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), text(5, 1), text(6, 1)])
    search = searched(project)
    opened = audit.open_audit(project, Marking())
    queue = opened.queue("survivor")
    shown = judging.pair(project, opened, queue, 0)
    gone = set(search.found.ids[opened.removals.documents].tolist())
    ids = search.found.ids[queue.removed].tolist()
    assert shown.kept is None and shown.row.kept is None and shown.removed.row.id == ids[0]
    assert len(ids) == len(set(ids)) == 230 and not gone & set(ids)
    with pytest.raises(UserError, match="judged alone"):
        judging.decide(project, opened, queue, 0, "split", "Ana")
    with pytest.raises(UserError, match="not in the sample of kept texts"):
        judging.place_of(opened, queue, next(iter(gone)), None)
    with pytest.raises(UserError, match="the kept document too"):
        judging.place_of(opened, opened.queue("random"), next(iter(gone)), None)
    judging.decide(project, opened, queue, judging.place_of(opened, queue, ids[0], None), "reject", "Ana")
    again = audit.open_audit(project, Marking())
    assert again.place_of_next(again.queue("survivor")) == 1
    (row,) = judging.rows(project, again, again.queue("survivor"), 0, 1)
    assert row.decision == "reject" and row.similarity is None
    report = judging.report(project, Marking())
    assert report.survivors is not None and report.survivors.total.wrong == 1
    assert finding.preview(project, Marking()).removals.documents.tolist() == (
        opened.removals.documents.tolist()
    ), "what is said of a survivor removes nothing"


def test_the_list_goes_cluster_by_cluster_the_largest_first(project: Project, add: Add) -> None:
    texts = [*many(0, 330), text(5, 1), *(text(6, changes) for changes in (1, 2)), text(7, 1)]
    add("law", texts)
    searched(project)
    opened = audit.open_audit(project, Marking(threshold=0.7))
    queue = opened.queue("list")
    rows = judging.rows(project, opened, queue, 0, len(queue))
    assert len(rows) == len(opened.removals.documents) == 4
    assert [row.texts for row in rows] == [3, 3, 2, 2] and rows[0].kept == rows[1].kept
    assert rows[0].similarity <= rows[1].similarity and rows[0].least == rows[0].similarity
    judging.decide(project, opened, queue, 0, "accept", "Ana")
    again = audit.open_audit(project, Marking(threshold=0.7))
    assert again.estimate.checked == 0 and again.place_of_next(again.queue("list")) == 1


def test_a_cluster_has_its_texts_nearest_first_and_how_alike_all_of_them_are(
    project: Project, add: Add
) -> None:
    add("law", [*many(0, 330), text(5, 2), text(5, 1).replace(" ", ", "), text(5, 1), text(6, 1)])
    opened_search = searched(project)
    opened = audit.open_audit(project, Marking(threshold=0.8))
    found = cluster.cluster_of(opened.removals, int(opened.clusters.kept[0]))
    assert len(found.removed) == opened.clusters.removed[0] == 3
    assert (np.diff(found.similarity) <= 0).all() and found.similarity[-1] == opened.clusters.least[0]
    made = cluster.matrix(project, opened_search, found)
    assert made.documents[0] == opened_search.found.ids[found.kept] and made.left_out == 0
    assert made.similarity.shape == (4, 4) and (made.similarity.diagonal() == 1).all()
    assert made.similarity[0, 1:].tolist() == found.similarity.tolist()
    assert np.array_equal(made.similarity, made.similarity.T)
    same = [number for number, document in enumerate(made.documents) if document in (332, 333)]
    assert len(same) == 2 and made.similarity[same[0], same[1]] == 1, "they have the same words"
    strange = cluster.verified(opened_search, [0, 1])
    assert np.isnan(strange[0, 1]) and strange[0, 0] == 1
    nothing = cluster.cluster_of(opened.removals, int(found.removed[0]))
    assert not len(nothing.removed)


def test_a_large_cluster_is_to_be_looked_at_and_compared_in_part(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), *(f"{text(5)} more{number}" for number in range(130))])
    search = searched(project)
    opened = audit.open_audit(project, Marking())
    made = cluster.matrix(project, search, cluster.cluster_of(opened.removals, int(opened.clusters.kept[0])))
    assert len(made.documents) == cluster.MATRIX_TEXTS
    assert made.left_out == opened.clusters.removed[0] + 1 - cluster.MATRIX_TEXTS > 70
    assert not np.isnan(made.similarity).any()
    assert opened.unseen_large == 1
    judging.decide(project, opened, opened.queue("list"), 0, "accept", "Ana")
    assert audit.open_audit(project, Marking()).unseen_large == 0


def test_the_sample_is_told_apart_by_language_and_source_too(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), text(5, 1), text(6, 1)])
    add("news", [text(7, 1)])
    searched(project)
    opened = audit.open_audit(project, Marking(keep="first"))
    judging.decide(project, opened, opened.queue("random"), 0, "reject", "Ana")
    opened = audit.open_audit(project, Marking(keep="first"))
    totals = set()
    for by in ("similarity", "language", "source"):
        *parts, total = opened.table(by)
        assert sum(row.estimate.size for row in parts) == total.estimate.size == 3
        assert sum(row.estimate.wrong for row in parts) == total.estimate.wrong == 1
        assert sum(row.drawn for row in parts) == total.drawn and total.part == ""
        totals.add(total)
    assert len(totals) == 1
    assert [row.part for row in opened.table("source")] == ["law", "news", ""]


def test_near_misses_are_pairs_below_the_line_of_which_both_stay(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), text(5, 3), text(6, 1)])
    search = searched(project)
    opened = audit.open_audit(project, Marking(threshold=0.9))
    queue = opened.queue("near_miss")
    assert len(queue) and (queue.similarity < 0.9).all() and (queue.similarity >= 0.7).all()
    goes = set(opened.removals.documents.tolist())
    assert not goes & {*queue.removed.tolist(), *queue.kept.tolist()}
    assert opened.clusters.removed.sum() == len(goes)
    assert len(search.histogram) == BINS and sum(search.histogram) == len(search.found.first)


def test_a_source_may_come_first_and_sources_may_stand_apart(project: Project, add: Add) -> None:
    add("long", [text(1) + " and more", *many(10, 320)])
    add("short", [text(1), *many(400, 320)])
    search = searched(project)
    ids = search.found.ids
    names = {"long": 1, "short": 322}
    gone = [ids[finding.preview(project, one).removals.documents].tolist() for one in (
        Marking(), Marking(sources=("short",)), Marking(scope="within sources"),
    )]  # fmt: skip
    assert gone[0] == [names["short"]] and gone[1] == [names["long"]] and gone[2] == []
    with pytest.raises(UserError, match="no source named gone"):
        finding.preview(project, Marking(sources=("gone",)))


def test_a_search_knows_when_documents_came_since_and_says_so_when_it_is_damaged(
    project: Project, add: Add
) -> None:
    with pytest.raises(UserError, match="find near-duplicates first"):
        finding.search_of(project)
    with pytest.raises(UserError):
        finding.start_find(project)
    add("law", many(0, 330))
    search = searched(project)
    assert not finding.is_stale(project, search)
    add("law", [text(999)])
    assert finding.is_stale(project, search)
    found = index.newest_finding(project.connection)
    assert found is not None
    (project.path / "duplicates" / found.job_id / "hashes.npy").unlink()
    with pytest.raises(UserError, match="search again"):
        finding.search_of(project)


def test_every_pair_of_a_queue_is_listed_page_by_page(project: Project, add: Add) -> None:
    add("law", [*many(0, 330), *(text(seed, 1) for seed in range(9))])
    searched(project)
    opened = audit.open_audit(project, Marking())
    queue = opened.queue("uncertain")
    rows = [
        row for first in range(0, len(queue), 4) for row in judging.rows(project, opened, queue, first, 4)
    ]
    assert [row.place for row in rows] == list(range(len(queue)))
    assert all(row.texts == 2 and row.decision is None for row in rows)
    assert np.allclose([row.similarity for row in rows], sorted(row.similarity for row in rows))
    shown = judging.pair(project, opened, queue, 3)
    assert shown.removed.row.id == rows[3].removed and shown.kept.row.id == rows[3].kept
    verdict = judging.decide(project, opened, queue, 3, "unsure", "Ana")
    assert decided.verdicts(project.connection) == [replace(verdict)]
    again = audit.open_audit(project, Marking())
    assert judging.rows(project, again, again.queue("uncertain"), 3, 1)[0].decision == "unsure"


def test_a_search_of_other_documents_marks_none(project: Project, add: Add) -> None:
    """Its numbers may be valid and not mean these texts: every one that goes is compared with the index."""
    add("law", [*many(0, 340), *(text(seed, 1) for seed in range(10))])
    folder = project.path / "duplicates" / searched(project).job_id
    for name, change in (
        ("ids", lambda values: values[::-1].copy()),
        ("held_out", lambda values: ~values),
        ("hashes", lambda values: np.roll(values, 1, axis=0)),
        ("similarity", lambda values: values * np.float32(0.99)),
    ):
        before = (folder / f"{name}.npy").read_bytes()
        np.save(folder / f"{name}.npy", change(np.load(folder / f"{name}.npy")))
        for is_sealed in (True, False):  # a stranger would take the seal away
            seal = folder / "columns.sha256"
            words = seal.read_text()
            if not is_sealed:
                seal.unlink()
            if is_sealed or name != "similarity":
                with pytest.raises(UserError, match="search again"):
                    finding.mark(project, Marking())
            seal.write_text(words)
        (folder / f"{name}.npy").write_bytes(before)
    assert index.standing(project.connection) is None
    assert len(finding.mark(project, Marking()).removals.documents) >= 9


def test_a_copy_of_what_is_marked_is_not_used_in_its_place(project: Project, add: Add) -> None:
    """It would be there twice as soon as the near-duplicates are used again."""
    add("law", [*many(0, 340), text(1, 1), text(2, 1)])
    before, _search = used(project), searched(project)
    finding.mark(project, Marking())
    marked = used(project)
    add("law", [text(1, 1), text(2, 1), text(1), text(2)])
    assert used(project) == marked
    finding.unmark(project)
    assert used(project) == before


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, "a\udcffb"])
def test_nobody_is_called_so(project: Project, add: Add, name: str) -> None:
    """An edit by nobody could be read by no list of edits, nor taken back."""
    add("law", [*many(0, 40), *(text(seed, 1) for seed in range(5))])
    searched(project)
    found = audit.open_audit(project, Marking())
    with pytest.raises(UserError, match="is no name for a reviewer"):
        judging.decide(project, found, found.queue("random"), 0, "accept", name)
    assert not decided.verdicts(project.connection) and len(history.history(project)) == 0
