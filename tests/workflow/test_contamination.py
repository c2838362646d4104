"""Evaluation items in the corpus: found before a run starts, and only in what is trained on."""

import gzip
import json
import os
from pathlib import Path

import pytest
from support import wait_until

from domainstudio.cli.main import run_command
from domainstudio.corpus.duplicates.contamination import ItemReport, Overlap
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import UserError
from domainstudio.project import contamination as index
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.corpus import contamination, importing
from domainstudio.workflow.duplicates import finding
from domainstudio.workflow.duplicates.marking import Marking
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit_finished

SAID = "the quick brown fox jumps over the lazy dog while seven clever judges watch it closely today"
OTHER = "nobody has ever written this particular question about rivers bridges and their painters before"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = create(tmp_path / "project", ModelOrigin(preset="tiny"))
    texts = [f"Document {number} says something of its own, number {number * 7}." for number in range(340)]
    for place in (3, 5):
        texts[place] = f"Before it. {SAID.upper()}! And {place} after it."
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    folder = importing.start_import(made, [file], "texts", "domain", ReaderSettings())
    wait_until(lambda: folder.status() == "done", 120)
    commit_finished(made, KINDS)
    return made


def write(file: Path, *items: object) -> Path:
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    return file


def test_items_are_found_with_the_documents_that_hold_them(project: Project, tmp_path: Path) -> None:
    items = write(
        tmp_path / "items.jsonl",
        {"question": OTHER, "choices": ["one", "two"]},
        {"question": "What?", "choices": [SAID, "no"], "answer": 0},
        {"question": "Too short?"},
    )
    folder = contamination.start_check(project, items, "quiz")
    wait_until(lambda: folder.status() == "done", 120)
    commit_finished(project, KINDS)
    made = contamination.checked(folder)
    assert (made.items, made.too_short, [one.item for one in made.found]) == (3, 1, [1])
    assert made.found[0].documents == 2
    assert {one.document for one in made.found[0].overlaps} == {4, 6}
    assert all(one.text.strip() in SAID for one in made.found[0].overlaps)
    assert index.newest(project.connection) == [index.Contamination("quiz", 3, 1, 1)]


def test_what_is_marked_or_held_out_is_not_looked_at(project: Project, tmp_path: Path) -> None:
    found = finding.start_find(project)
    wait_until(lambda: found.status() == "done", 120)
    commit_finished(project, KINDS)
    finding.mark(project, Marking(threshold=0.7))
    folder = contamination.start_check(project, write(tmp_path / "q.jsonl", {"question": SAID}), "quiz")
    wait_until(lambda: folder.status() == "done", 120)
    (item,) = contamination.checked(folder).found
    assert item.documents == 1, "one of the two is marked as nearly the other"


@pytest.mark.parametrize("line", ["[]", "{", '{"answer": 3}', '{"question": 3}', ""])
def test_what_is_no_item_is_refused_with_its_line(project: Project, tmp_path: Path, line: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(f"{line}\n")
    with pytest.raises(UserError, match="no evaluation item"):
        contamination.start_check(project, file, "quiz")
    with pytest.raises(UserError):
        contamination.start_check(project, tmp_path / "none.jsonl", "quiz")


def test_the_command_names_items_and_pieces(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = write(tmp_path / "items.jsonl", {"question": SAID}, {"question": OTHER})
    assert run_command(["duplicates", "contamination", str(project.path), str(items)]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 items occur in the corpus" in said and "jumps over the lazy dog" in said


def check(project: Project, file: Path) -> JobFolder:
    folder = contamination.start_check(project, file, "quiz")
    wait_until(lambda: folder.status() == "done", 120)
    commit_finished(project, KINDS)
    return folder


def test_a_check_is_opened_with_the_documents_that_hold_its_items(project: Project, tmp_path: Path) -> None:
    check(project, write(tmp_path / "items.jsonl", {"question": OTHER}, {"question": SAID}))
    (made,) = index.checks(project.connection)
    opened = contamination.open_check(project, made)
    assert not opened.is_stale and opened.result.documents == index.count_looked_at(project.connection)
    held = contamination.holders(project, opened.result.found[0])
    assert [(one.document, one.source) for one in held] == [(4, "texts"), (6, "texts")]
    assert all(one.title.startswith("Before it.") and one.piece in SAID for one in held)


def test_a_check_is_stale_once_other_documents_are_trained_on(project: Project, tmp_path: Path) -> None:
    check(project, write(tmp_path / "items.jsonl", {"question": SAID}))
    found = finding.start_find(project)
    wait_until(lambda: found.status() == "done", 120)
    commit_finished(project, KINDS)
    (made,) = index.checks(project.connection)
    assert not contamination.open_check(project, made).is_stale, "a search changes nothing"
    finding.mark(project, Marking(threshold=0.7))
    assert contamination.open_check(project, made).is_stale
    folder = contamination.check_again(project, made)
    wait_until(lambda: folder.status() == "done", 120)
    commit_finished(project, KINDS)
    again, before = index.checks(project.connection)
    assert (again.job_id, before) == (folder.job_id, made)
    assert not contamination.open_check(project, again).is_stale
    finding.unmark(project)
    assert contamination.open_check(project, again).is_stale
    assert not contamination.open_check(project, before).is_stale


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "no job"])
def test_a_damaged_result_is_said_in_a_sentence(project: Project, tmp_path: Path, damage: str) -> None:
    folder = check(project, write(tmp_path / "items.jsonl", {"question": SAID}))
    (made,) = index.checks(project.connection)
    file = folder.result / "contamination.json"
    if damage == "gone":
        file.unlink()
    elif damage == "no job":
        (folder.path / "spec.json").unlink()
    else:
        file.write_bytes(file.read_bytes()[:60] if damage == "cut" else b'{"name": "quiz"}')
    with pytest.raises(
        UserError, match="the check of quiz found cannot be read from contamination-1"
    ) as refused:
        contamination.open_check(project, made)
    assert str(refused.value).endswith("check the items again.")


def test_a_result_stays_small_however_many_items_occur() -> None:
    count = contamination.MOST_FOUND + 50
    overlaps = tuple(Overlap(number, "tokens", "word " * 4000) for number in range(100))
    reports = [ItemReport(True, 0 if number == 7 else 100, overlaps) for number in range(count)]
    made = contamination.result_of("exam", ["questions " * 90_000] * count, reports, 4000)
    assert (made.items, made.occurring, len(made.found)) == (count, count - 1, contamination.MOST_FOUND)
    assert made.further[-1] == count - 1 and 7 not in {one.item for one in made.found}
    assert len(made.model_dump_json(indent=1)) < 64 << 20


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(project: Project, tmp_path: Path) -> None:
    whole = gzip.compress(b'{"question": "what is the dose of this"}\n' * 200)
    torn = whole[:30] + bytes(20) + whole[50:]
    for name, data, words in (
        ("torn.jsonl.gz", torn, "cannot be read"),
        ("cut.jsonl.gz", whole[:-20], "cannot be read"),
        ("other.jsonl.zst", b"hello", "cannot be read"),
        ("long.jsonl.gz", gzip.compress(b'{"question": "' + b"a" * (40 << 20)), "no evaluation item"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=words):
            contamination.start_check(project, tmp_path / name, "quiz")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    for name in ("pipe.jsonl", "zero.jsonl"):
        with pytest.raises(UserError, match="not the plain file"):
            contamination.start_check(project, tmp_path / name, "quiz")
