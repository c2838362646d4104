"""Near-duplicates in the crowd: searches, markings and decisions at once, beside imports and undo."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from faults.crowd_world import World, count_done, edits_of

from domainstudio.corpus.duplicates.reasons import REASONS
from domainstudio.project import duplicates as index
from domainstudio.project import verdicts as decided
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates import finding
from domainstudio.workflow.duplicates.audit import open_audit
from domainstudio.workflow.duplicates.marking import Marking

THRESHOLDS = ("0.7", "0.75", "0.8", "0.85", "0.9")
NEAR = f"mark IN ({', '.join(map(repr, REASONS))})"
Marks = dict[int, int]
"""Of the documents that are marked as near-duplicates: the witness of each."""


def write_copies(world: World, count: int, *, again: Path | None = None) -> Path:
    """Write texts of which each has near-copies, and the lines of another file once more."""
    number = world.new_number()
    drawn = random.Random(number)
    words = [f"word{one}" for one in range(3000)]
    lines = []
    for _ in range(count):
        text = drawn.choices(words, k=150)
        for changed in (0, 1, 3, 5):
            copy = list(text)
            for place in drawn.sample(range(150), changed):
                copy[place] = drawn.choice(words)
            lines.append(json.dumps({"text": " ".join(copy)}))
    file = world.project.parent / f"copies-{number}.jsonl"
    file.write_text("\n".join(lines) + "\n" + (again.read_text() if again else ""))
    return file


def marks_of(project: Path) -> Marks:
    with Project(project, read_only=True) as opened:
        rows = opened.connection.execute(f"SELECT id, witness FROM documents WHERE {NEAR}")
        return dict(rows.fetchall())


def verdicts_of(project: Path) -> Counter[tuple[str, str]]:
    """Return who said what how often."""
    with Project(project, read_only=True) as opened:
        found = decided.verdicts(opened.connection)
    return Counter((one.reviewer, one.decision) for one in found)


def searched(world: World, count: int = 30) -> Path:
    """Import texts with near-copies into a source of their own and find them; return their file."""
    file = write_copies(world, count)
    world.must("import", str(file), f"copies-{world.number}", "domain")
    world.settle()
    world.must("find")
    world.settle()
    return file


def pairs_of(project: Path, count: int) -> list[tuple[str, str]]:
    """Return pairs of the random sample that nobody judged."""
    with Project(project, read_only=True) as opened:
        audit = open_audit(opened, Marking(threshold=0.7))
        queue = audit.queue("random")
        judged = audit.decisions("random")
        places = [place for place in range(len(queue)) if audit.key_of(queue, place) not in judged]
        assert len(places) >= count and queue.kept is not None
        ids = audit.search.found.ids
        return [(str(ids[queue.removed[place]]), str(ids[queue.kept[place]])) for place in places[:count]]


def marks_at_once(world: World) -> None:
    """All mark, each from another threshold on: the marks are exactly those of one of them."""
    searched(world)
    expected = {}
    with Project(world.project, read_only=True) as project:
        ids = finding.search_of(project).found.ids
        for threshold in THRESHOLDS:
            found = finding.preview(project, Marking(threshold=float(threshold))).removals
            documents, witnesses = ids[found.documents].tolist(), ids[found.witnesses].tolist()
            expected[float(threshold)] = dict(zip(documents, witnesses, strict=True))
    before = len(edits_of(world.project))
    answers = world.at_once(*[("mark", threshold) for threshold in THRESHOLDS])
    assert all(answer.was_done for answer in answers), answers
    assert len(edits_of(world.project)) == before + len(answers)
    with Project(world.project, read_only=True) as project:
        standing = finding.standing_marking(project).threshold
    assert marks_of(world.project) == expected[standing] != {}


def decisions_at_once(world: World) -> None:
    """All decide, two of them on one pair by one name: each decision stands once and is noted once."""
    searched(world)
    (one, other, third), name = pairs_of(world.project, 3), f"r{world.new_number()}"
    before, edits = verdicts_of(world.project), len(edits_of(world.project))
    answers = world.at_once(
        ("decide", *one, "reject", name),
        ("decide", *one, "accept", name),
        ("decide", *one, "accept", f"{name}-too"),
        ("decide", *other, "keep", name),
        ("decide", *third, "split", name),
    )
    done = sum(answer.was_done for answer in answers)  # a kept text may be held out: it always stays
    assert done >= 4 and all("held out" in answer.told for answer in answers if not answer.was_done), answers
    assert len(edits_of(world.project)) == edits + done
    new = verdicts_of(world.project) - before
    assert new.total() == done - 1 and new[f"{name}-too", "accept"] == 1, new
    assert new[name, "reject"] + new[name, "accept"] == 1, new


def mark_while_deciding(world: World) -> None:
    """Some decide while others mark and use all again: the next marking does as everybody has said."""
    searched(world)
    (one, other), name = pairs_of(world.project, 2), f"r{world.new_number()}"
    world.at_once(
        ("mark", "0.7"), ("unmark",), ("mark", "0.8"),
        ("decide", *one, "reject", name), ("decide", *other, "split", name),
    )  # fmt: skip
    world.must("mark", "0.7")
    marked = marks_of(world.project)
    assert marked.get(int(one[0])) != int(one[1]), (one, marked)
    assert int(other[0]) not in marked, (other, marked)


def mark_while_importing(world: World) -> None:
    """Some mark while the same texts, and near-copies of them, are imported: none of those is marked."""
    file = searched(world)
    more, name = write_copies(world, 30, again=file), f"more-{world.new_number()}"
    with Project(world.project, read_only=True) as project:
        newest = int(finding.search_of(project).found.ids.max())
    answers = world.at_once(
        ("import", str(more), name, "general"), ("mark", "0.7"), ("unmark",), ("mark", "0.75"),
        ("import", str(file), f"{name}-too", "domain"),
    )  # fmt: skip
    assert all(answer.was_done for answer in answers), answers
    world.must("mark", "0.7")
    world.settle()
    assert max(marks_of(world.project)) <= newest
    check_marks(world.project)
    world.must("unmark")
    check_marks(world.project)


def find_at_once(world: World) -> None:
    """Two search while one imports and one marks: both searches are whole, the newest counts."""
    searched(world)
    file, before = write_copies(world, 20), count_done(world.project)
    answers = world.at_once(
        ("find",), ("find",), ("mark", "0.8"), ("import", str(file), f"found-{world.number}", "domain"),
        ("unmark",),
    )  # fmt: skip
    assert all(answer.was_done for answer in answers), answers
    world.settle()
    assert count_done(world.project)["duplicates"] == before["duplicates"] + 2
    world.must("find")
    world.settle()
    with Project(world.project, read_only=True) as project:
        search = finding.search_of(project)
        search.check_whole()
        assert not finding.is_stale(project, search)
    world.must("mark", "0.8")


def undo_marks_at_once(world: World) -> None:
    """Marks and decisions are undone by all at once and made again: the marks are what they were."""
    searched(world)
    (pair,), name = pairs_of(world.project, 1), f"r{world.new_number()}"
    for order in (("mark", "0.7"), ("unmark",), ("decide", *pair, "reject", name), ("mark", "0.8")):
        world.must(*order)
    world.must("mark", "0.9")
    before, said = marks_of(world.project), verdicts_of(world.project)
    count = len(world.actors)
    assert all(answer.was_done for answer in world.all_at_once("undo"))
    assert edits_of(world.project)[:count] == [True] * count
    assert not (verdicts_of(world.project) - said) and verdicts_of(world.project) != said
    assert all(answer.was_done for answer in world.all_at_once("redo"))
    assert (marks_of(world.project), verdicts_of(world.project)) == (before, said)


def check_items_at_once(world: World) -> None:
    """Two look for evaluation items while others mark: both are done, and one line is shown of the set."""
    file = searched(world)
    before = count_done(world.project)
    text = json.loads(file.read_text().splitlines()[0])["text"]
    items = file.with_name(f"items-{world.number}.jsonl")
    items.write_text(json.dumps({"question": text}) + "\n")
    answers = world.at_once(
        ("items", str(items)), ("items", str(items)), ("mark", "0.7"), ("unmark",), ("mark", "0.8")
    )
    assert all(answer.was_done for answer in answers), answers
    world.settle()
    assert count_done(world.project)["contamination"] == before["contamination"] + 2


SCENES: dict[str, Callable[[World], None]] = {
    scene.__name__: scene
    for scene in (
        marks_at_once, decisions_at_once, mark_while_deciding, mark_while_importing, find_at_once,
        undo_marks_at_once, check_items_at_once,
    )
}  # fmt: skip


def check_marks(project: Path) -> None:
    """Check that the list that stands is what is marked, and that no text is used twice or on both sides."""
    with Project(project, read_only=True) as opened:
        connection = opened.connection
        standing = index.standing(connection)
        rows = connection.execute(
            f"SELECT id, witness, held_out FROM documents WHERE {NEAR} ORDER BY id"
        ).fetchall()
        assert not any(row["held_out"] for row in rows)
        marked = {row["id"]: row["witness"] for row in rows}
        assert (standing is None) <= (not marked), marked
        if standing is not None:
            file = project / index.FOLDER / f"removal-{standing.id}" / "removals.npy"
            listed = np.load(file)
            wanted = dict(zip(listed["document"].tolist(), listed["witness"].tolist(), strict=True))
            assert marked.items() <= wanted.items(), marked.items() - wanted.items()
            others = [one for one in wanted if one not in marked]
            holes = ", ".join(map(str, others))
            query = f"SELECT DISTINCT mark FROM documents WHERE id IN ({holes})"
            assert {mark for (mark,) in connection.execute(query)} <= {"held_out_copy"}, others
        twice = connection.execute(
            "SELECT count(*), group_concat(id || coalesce(mark, '')) FROM documents"
            " WHERE source_id IS NOT NULL AND mark IS NULL GROUP BY content_hash HAVING count(*) > 1 LIMIT 5"
        ).fetchall()
        assert not twice, [tuple(row) for row in twice]
