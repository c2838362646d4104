"""Evaluation items in the Duplicates pane: checked by mouse, and seen with the documents that hold them."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from support import OpenPane, OpenWindow

from domainstudio.cli.main import run_command
from domainstudio.gui.panes.duplicates.found_item import marked
from domainstudio.gui.panes.duplicates.pane import DuplicatesPane
from domainstudio.gui.panes.training.pane import TrainingPane
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.window import Window
from domainstudio.project import documents
from domainstudio.project.documents import TRAINING, DocumentFilter
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.sources import DocumentText, read_document

NOWHERE = "an item that nobody has written into any document of this corpus before it was asked here and now"


@pytest.fixture
def document(small_project: Path) -> DocumentText:
    """A document that is trained on, long enough to be found by a piece."""
    with Project(small_project, read_only=True) as project:
        for row in documents.walk(project.connection, DocumentFilter(states=(TRAINING,))):
            found = read_document(project, row.id)
            if len(found.text.split()) > 60:
                return found
    raise AssertionError("no document is long enough")


@pytest.fixture
def exam(document: DocumentText, tmp_path: Path) -> Path:
    """A file of three items, of which the second occurs in the document."""
    piece = " ".join(document.text.split()[5:45])
    lines = [{"question": NOWHERE}, {"question": "What is said?", "choices": [piece]}, {"question": "Who?"}]
    return write(tmp_path / "exam.jsonl", *lines)


def write(file: Path, *items: object) -> Path:
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    return file


def check(project: Path, file: Path) -> None:
    assert run_command(["duplicates", "contamination", str(project), str(file)]) == 0


def choose(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_options: (str(file), ""))


def link(line: ProblemLine, text: str) -> LinkButton:
    return next(one for one in line.findChildren(LinkButton) if one.text() == text)


def pane_of(window: Window) -> DuplicatesPane:
    assert window.shell is not None
    pane = window.shell.pane
    assert isinstance(pane, DuplicatesPane)
    return pane


def test_a_file_is_checked_by_mouse_and_shows_items_and_documents(
    small_project: Path,
    exam: Path,
    document: DocumentText,
    open_window: OpenWindow,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    window = open_window(small_project, "duplicates")
    pane, page = pane_of(window), pane_of(window).items
    assert pane.states.currentWidget().accessibleName() == "Find near-duplicates"
    assert pane._evaluation.isVisible(), "before any search too"
    pane._evaluation.click()
    assert page.isVisible() and not pane.header.isVisible()
    assert page.states.currentWidget().accessibleName() == "Check a file…"
    choose(monkeypatch, exam)
    page._on_check_clicked()
    qtbot.waitUntil(lambda: bool(page.box.model.rows), timeout=60_000)
    assert [one.result.name for one in page.checks.rows] == ["exam"]
    assert page._sentence.text().startswith(
        "1 of 3 items occur in the text that is trained on. Too short to tell: 1."
    )
    assert page.items.data(page.items.index(0, 1)) == "What is said?"
    holder = next(one for one in page.box.model.rows if one.document == document.row.id)
    assert (holder.title, holder.source) == (document.row.title, document.source)
    assert page.box.text.changes, "what both have is marked"
    qtbot.waitUntil(lambda: "Looking for the items of exam" in window.notice.text, timeout=10_000)
    assert not pane.items_line.text and not pane.problems, "it is being looked at"
    page.back.click()
    assert pane.header.isVisible() and not page.isVisible() and pane._evaluation.hasFocus()


def test_the_pane_says_that_items_occur_until_they_are_seen(
    small_project: Path, exam: Path, tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(DuplicatesPane, small_project)
    assert isinstance(pane, DuplicatesPane)
    pane.items.check_file(exam)
    qtbot.waitUntil(lambda: bool(pane.items_line.text), timeout=60_000)
    assert pane.items_line.text == "1 of the 3 items of exam occur in the text that is trained on."
    assert [problem.field for problem in pane.problems] == ["items"]
    link(pane.items_line, "Show them").click()
    assert pane.items.isVisible() and not pane.items_line.text and not pane.problems
    pane.close_items()
    pane.refresh()
    qtbot.waitUntil(lambda: pane.memory()["seen"] == "contamination-1", timeout=10_000)
    pane.items.check_file(write(tmp_path / "clean.jsonl", {"question": NOWHERE}))
    qtbot.waitUntil(lambda: len(pane.items.checks.rows) == 2, timeout=60_000)
    assert not pane.items_line.text, "nothing is alarming where none occurs"
    pane.show_items()
    qtbot.waitUntil(lambda: "None of 1 items occurs" in pane.items._sentence.text(), timeout=10_000)
    assert pane.items.list.isHidden() or not pane.items.list.isVisible()
    pane.items.table.setCurrentIndex(pane.items.checks.index(1, 0))
    qtbot.waitUntil(lambda: bool(pane.items.box.model.rows), timeout=10_000)
    other = open_pane(DuplicatesPane, small_project, **pane.memory())
    qtbot.waitUntil(lambda: len(other.items.checks.rows) == 2, timeout=10_000)
    assert not other.items_line.text


def test_a_file_without_items_is_refused_beside_the_checks(
    small_project: Path, tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(DuplicatesPane, small_project)
    pane.show_items()
    pane.items.check_file(write(tmp_path / "bad.jsonl", {"answer": 3}))
    qtbot.waitUntil(lambda: "Line 1 of" in pane.items.line.text, timeout=10_000)


def test_a_damaged_result_is_said_and_another_check_can_be_seen(
    small_project: Path, exam: Path, tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    check(small_project, exam)
    check(small_project, write(tmp_path / "quiz.jsonl", {"question": NOWHERE}))
    (small_project / "jobs" / "contamination-2" / "result" / "contamination.json").write_bytes(b"{")
    pane = open_pane(DuplicatesPane, small_project)
    pane.show_items()
    qtbot.waitUntil(lambda: "the check of quiz found cannot be read" in pane.items.line.text, timeout=10_000)
    pane.items.table.setCurrentIndex(pane.items.checks.index(1, 0))
    qtbot.waitUntil(lambda: bool(pane.items.box.model.rows), timeout=10_000)
    assert not pane.items.line.text


def test_a_check_of_another_text_is_offered_again(
    small_project: Path, exam: Path, tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    check(small_project, exam)
    note = tmp_path / "note.txt"
    note.write_text("A note that nobody else has written before.")
    assert run_command(["corpus", "import", str(small_project), str(note), "--role", "domain"]) == 0
    pane = open_pane(DuplicatesPane, small_project)
    pane.show_items()
    qtbot.waitUntil(lambda: "is another than when exam was checked" in pane.items.line.text, timeout=10_000)
    link(pane.items.line, "Check it again").click()
    qtbot.waitUntil(lambda: len(pane.items.checks.rows) == 2, timeout=60_000)
    qtbot.waitUntil(lambda: not pane.items.line.text, timeout=10_000)


def test_the_warning_before_training_leads_to_the_items(
    small_project: Path, exam: Path, open_window: OpenWindow, qtbot: QtBot
) -> None:
    check(small_project, exam)
    window = open_window(small_project, "training")
    assert window.shell is not None and isinstance(window.shell.pane, TrainingPane)
    lines = window.shell.pane._outlook.findChildren(ProblemLine)
    link(next(line for line in lines if "items of exam" in line.text), "Show the items").click()
    assert pane_of(window).items.isVisible()
    qtbot.waitUntil(lambda: bool(pane_of(window).items.box.model.rows), timeout=10_000)


def test_no_pair_is_judged_behind_the_items(
    small_project: Path, open_window: OpenWindow, qtbot: QtBot
) -> None:
    window = open_window(small_project, "duplicates")
    pane = pane_of(window)
    pane._on_find_clicked()
    qtbot.waitUntil(pane.judging.triage.isVisible, timeout=60_000)
    told: list[str] = []
    pane.judging.triage.chosen.connect(told.append)
    window.do("items")
    assert pane.items.back.hasFocus()
    qtbot.keyClick(pane.items.back, Qt.Key.Key_Z)
    assert not told
    qtbot.keyClick(pane.items.back, Qt.Key.Key_Space)
    assert pane._evaluation.hasFocus() and not pane.items.isVisible()
    qtbot.keyClick(pane._evaluation, Qt.Key.Key_Z)
    assert told == ["undo"]


@pytest.mark.parametrize("width", [1024, 1440])
def test_the_actions_have_room_in_the_header(
    small_project: Path, open_window: OpenWindow, qtbot: QtBot, width: int
) -> None:
    window = open_window(small_project, "duplicates")
    window.resize(width, 720)
    pane = pane_of(window)
    pane._on_find_clicked()
    qtbot.waitUntil(lambda: pane._judged is not None and pane._report.isVisible(), timeout=60_000)
    pane._unmark.show()
    header = pane.header
    assert header.primary is not None
    header.primary.setText("Mark 12,612,480 as duplicates")
    actions = [pane._evaluation, pane._report, pane._again, pane._unmark, header.primary]
    title = header._title
    qtbot.waitUntil(lambda: pane._report.is_narrow == (width == 1024))
    qtbot.waitUntil(lambda: all(one.width() == one.sizeHint().width() for one in actions))
    assert actions[0].x() > title.x() + title.sizeHint().width()
    assert all(one.geometry().right() < other.x() for one, other in zip(actions, actions[1:], strict=False))
    assert header.rect().contains(header.primary.geometry())
    assert pane._report.accessibleName() == "Audit report…"
    assert pane._report.toolTip() == ("Audit report…" if width == 1024 else "")


def test_the_piece_is_marked_in_the_words_of_the_item() -> None:
    text = "Which?\nThe “Quick”, brown\n  fox — jumps."
    assert list(marked(text, "quick brown fox")) == [
        ("Which?\nThe “", "same"),
        ("Quick”, brown\n  fox", "changed"),
        (" — jumps.", "same"),
    ]
    assert [
        text for text, kind in marked("问：二甲双胍的禁忌是什么？", "二 甲 双 胍 的") if kind == "changed"
    ] == ["二甲双胍的"]
    pieces = list(marked("ﬁnally", "finally then"))
    assert pieces[-1] == ("In common: finally then", "fold")
