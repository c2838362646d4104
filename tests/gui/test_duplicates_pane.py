"""The Duplicates pane: the threshold counts at once, one hand judges, the random sample alone is counted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import golden_project
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from support import OpenPane, OpenWindow

from domainstudio.cli.main import run_command
from domainstudio.corpus.audit.difference import collapsed, difference
from domainstudio.corpus.audit.verdicts import Verdict
from domainstudio.gui.help import HelpDialog
from domainstudio.gui.panes.duplicates.pane import DuplicatesPane
from domainstudio.gui.panes.duplicates.texts import side, together
from domainstudio.gui.widgets.table import Table
from domainstudio.project import duplicates as index
from domainstudio.project import verdicts as decided
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.duplicates.audit import DRAWN

Opened = Callable[[], DuplicatesPane]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented project, in which four texts are nearly others."""
    return golden_project.make(tmp_path_factory.mktemp("duplicates") / "made")


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "clinical"))


@pytest.fixture
def opened(project: Path, open_pane: OpenPane, qtbot: QtBot) -> Opened:
    """Return a function that opens the pane and waits for the first pair."""

    def show() -> DuplicatesPane:
        pane = open_pane(DuplicatesPane, project)
        assert isinstance(pane, DuplicatesPane)
        qtbot.waitUntil(lambda: "document" in pane.judging.texts._heads[0]._origin.text(), timeout=10_000)
        return pane

    return show


def verdicts(project: Path) -> list[Verdict]:
    with Project(project, read_only=True) as found:
        return decided.verdicts(found.connection)


def press(pane: DuplicatesPane, key: Qt.Key, qtbot: QtBot) -> None:
    pane.activateWindow()
    pane.judging.pairs.setFocus()
    qtbot.waitUntil(pane.judging.pairs.hasFocus)
    qtbot.keyClick(pane.judging.pairs, key)


def test_what_a_threshold_removes_stands_above_the_pair_to_judge(opened: Opened) -> None:
    pane = opened()
    assert pane.header.primary is not None and pane.header.primary.text() == "Mark 4 as duplicates"
    numbers = {name: text.text() for name, text in pane.marking._numbers.items()}
    assert (numbers["documents"], numbers["share"], numbers["recall"]) == ("4", "5.0", "100.0")
    assert pane.judging.model.rowCount() == 4
    assert [row.label for row in pane.sample._model.rows][-1] == "All, weighted"
    assert "nothing is known" in pane.sample._sentence.text()
    assert pane.judging.texts.removed.toPlainText() and pane.judging.texts.kept.toPlainText()
    assert pane.judging.texts.removed.changes and "the same" in pane.judging.texts.removed.toPlainText()


def test_a_pair_at_the_very_threshold_is_above_the_line(opened: Opened) -> None:
    pane = opened()
    shown, texts = pane.judging._shown, pane.judging.texts
    assert shown is not None and shown.pair.row.similarity is not None
    texts.show_pair(shown, shown.pair.row.similarity + 1e-8)  # as 0.9 in single precision is less than 0.9
    assert texts._heads[0]._title.text() == "Would be removed"
    assert texts._facts.text().startswith("above the line by 0.00")


def test_the_threshold_is_moved_typed_and_counted_at_once(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    pane = opened()
    pane.marking.chart.setValue(90)
    assert pane.marking.field.text() == "0.90"
    qtbot.waitUntil(lambda: pane.marking._numbers["documents"].text() == "2")
    pane.marking.field.setText("0,99")
    pane.marking.field.editingFinished.emit()
    qtbot.waitUntil(lambda: pane.marking._numbers["documents"].text() == "0")
    assert pane.marking.field.text() == "0.99" and pane.judging.model.rowCount() == 0
    assert pane.judging.texts._similarity.text() == "No pair"
    qtbot.keyClick(pane.marking.chart, Qt.Key.Key_PageDown)
    assert pane.marking.field.text() == "0.94"
    qtbot.mouseClick(pane.marking.chart, Qt.MouseButton.LeftButton, pos=QPoint(8, 40))
    assert pane.marking.field.text() == "0.70"
    qtbot.waitUntil(lambda: pane._judged is not None and pane._judged.marking.threshold == 0.7)
    with Project(project, read_only=True) as found:
        assert index.standing(found.connection) is None, "nothing is marked by looking"


def test_one_hand_judges_and_undo_takes_back(opened: Opened, project: Path, qtbot: QtBot) -> None:
    pane = opened()
    for number, key in enumerate((Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_U), start=1):
        place = pane.judging.place
        press(pane, key, qtbot)
        qtbot.waitUntil(lambda number=number: len(verdicts(project)) == number, timeout=10_000)  # type: ignore[misc]
        qtbot.waitUntil(lambda place=place: pane.judging.place != place, timeout=10_000)  # type: ignore[misc]
    assert [verdict.decision for verdict in verdicts(project)] == ["accept", "reject", "unsure"]
    assert {verdict.queue for verdict in verdicts(project)} == {"random"}
    qtbot.waitUntil(lambda: pane.sample._words.text() == "3 of 4 pairs", timeout=10_000)
    assert pane.header.primary is not None
    qtbot.waitUntil(lambda: pane.header.primary.text() == "Mark 3 as duplicates", timeout=10_000)  # type: ignore[union-attr]
    press(pane, Qt.Key.Key_Z, qtbot)
    qtbot.waitUntil(lambda: len(verdicts(project)) == 2, timeout=10_000)
    qtbot.waitUntil(lambda: pane.sample._words.text() == "2 of 4 pairs", timeout=10_000)


def choose(pane: DuplicatesPane, key: str) -> None:
    box = pane.judging.queues.box
    box.setCurrentIndex(box.findData(key))
    box.activated.emit(box.currentIndex())


def test_letters_typed_into_the_field_judge_nothing_and_space_presses_a_button(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    pane = opened()
    pane.activateWindow()
    pane.marking.field.setFocus()
    qtbot.waitUntil(pane.marking.field.hasFocus)
    qtbot.keyClicks(pane.marking.field, "arksu z")
    pane.judging.triage.buttons["unsure"].setFocus()
    qtbot.waitUntil(pane.judging.triage.buttons["unsure"].hasFocus)
    qtbot.keyClick(pane.judging.triage.buttons["unsure"], Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(verdicts(project)) == 1, timeout=10_000)
    assert verdicts(project)[0].decision == "unsure"


def test_the_uncertain_queue_does_not_feed_the_estimate(opened: Opened, project: Path, qtbot: QtBot) -> None:
    pane = opened()
    choose(pane, "uncertain")
    qtbot.waitUntil(
        lambda: pane._judged is not None and pane._judged.queue.name == "uncertain", timeout=10_000
    )
    qtbot.waitUntil(lambda: pane.judging._shown is not None, timeout=10_000)
    press(pane, Qt.Key.Key_A, qtbot)
    qtbot.waitUntil(lambda: len(verdicts(project)) == 1, timeout=10_000)
    qtbot.waitUntil(lambda: pane._judged is not None and bool(pane._judged.audit.verdicts), timeout=10_000)
    assert pane.sample._words.text() == "0 of 4 pairs"


def test_a_second_reviewer_judges_the_same_pairs_blind_and_under_a_name_of_their_own(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    pane = opened()
    press(pane, Qt.Key.Key_R, qtbot)
    qtbot.waitUntil(lambda: pane.sample._words.text() == "1 of 4 pairs", timeout=10_000)
    first = verdicts(project)[0]
    queues = pane.judging.queues
    choose(pane, "second")
    qtbot.waitUntil(lambda: pane._judged is not None and pane._judged.queue.name == "second", timeout=10_000)
    qtbot.waitUntil(lambda: pane.judging._shown is not None and pane.judging.place == 0, timeout=10_000)
    assert pane.judging._shown is not None and pane.judging._shown.pair.row.decision is None
    with qtbot.waitSignal(pane.session.problem_found) as refused:
        press(pane, Qt.Key.Key_A, qtbot)
    assert refused.args and refused.args[0].code == "duplicates.same_reviewer"
    queues.name.setText("Bo")
    press(pane, Qt.Key.Key_A, qtbot)
    qtbot.waitUntil(lambda: len(verdicts(project)) == 2, timeout=10_000)
    second = verdicts(project)[1]
    assert (second.queue, second.reviewer, second.key) == ("second", "Bo", first.key)
    assert pane.sample._words.text() == "1 of 4 pairs", "the estimate is the first reviewer's"
    choose(pane, "uncertain")
    assert not queues.name.isVisible()


def test_survivors_are_shown_alone_and_said_to_be_fit_or_not(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    pane = opened()
    texts, buttons = pane.judging.texts, pane.judging.triage.buttons
    choose(pane, "survivor")
    qtbot.waitUntil(lambda: not texts._heads[0].isVisible(), timeout=10_000)
    assert pane.judging.place == 0 and texts._heads[1].isVisible() and not texts.shape.isVisible()
    assert buttons["reject"].text() == "Not fit"
    assert [action for action, button in buttons.items() if not button.isEnabled()] == ["keep", "split"]
    assert texts.both.isVisible() and len(texts.both.toPlainText()) > 100
    press(pane, Qt.Key.Key_R, qtbot)
    qtbot.waitUntil(lambda: len(verdicts(project)) == 1, timeout=10_000)
    assert verdicts(project)[0].queue == "survivor" and verdicts(project)[0].kept is None
    choose(pane, "list")
    qtbot.waitUntil(lambda: texts._heads[0].isVisible(), timeout=10_000)
    assert (
        buttons["reject"].text() == "Keep both" and texts.shape.isVisible() and buttons["split"].isEnabled()
    )
    qtbot.waitUntil(lambda: pane.sample._words.text() == "0 of 4 pairs", timeout=10_000)


def test_a_key_judges_no_pair_that_is_still_on_its_way(opened: Opened, project: Path, qtbot: QtBot) -> None:
    pane = opened()
    qtbot.waitUntil(lambda: pane.judging.place == 0, timeout=10_000)
    pane.judging._ahead = None
    pane.judging.show_place(2)
    pane.judging.triage.chosen.emit("reject")
    qtbot.waitUntil(lambda: pane.judging.place == 2, timeout=10_000)
    pane.judging.triage.chosen.emit("accept")
    qtbot.waitUntil(lambda: bool(verdicts(project)), timeout=10_000)
    assert [verdict.decision for verdict in verdicts(project)] == ["accept"]


def test_the_texts_of_a_cluster_stand_below_the_pair_and_lead_to_each_other(
    tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    project, file = tmp_path / "cluster", tmp_path / "law.jsonl"
    words = " ".join(f"word{number}" for number in range(300))
    rows = [json.dumps({"text": f"{words} more{number}"}) + "\n" for number in range(320)]
    file.write_text("".join(rows))
    for line in (
        ["project", "new", str(project), "--from-scratch", "tiny"],
        ["corpus", "import", str(project), str(file), "--role", "domain"],
        ["duplicates", "find", str(project)],
    ):
        run_command(line)
    pane = open_pane(DuplicatesPane, project)
    assert isinstance(pane, DuplicatesPane)
    strip, judging = pane.judging.strip, pane.judging
    qtbot.waitUntil(lambda: strip.isVisible(), timeout=10_000)
    count = pane.judging.model.rowCount()
    assert count == DRAWN and "texts in this cluster" in strip._words.text()
    assert "looked yet at 1 of the clusters of over 100 texts" in pane.line.text
    shown = [chip for chip in strip.chips if chip.isVisible()]
    assert [chip.isChecked() for chip in shown].count(True) == 1 and 3 < len(shown) < 20
    assert strip._more.text().startswith("+")
    assert all(chip.text() == "0.99" and "similarity 0.99" in chip.accessibleName() for chip in shown)
    drawn = set(pane._judged.queue.removed.tolist())  # type: ignore[union-attr]
    inside = next(chip for chip in shown if not chip.isChecked() and chip.property("position") in drawn)
    position = int(inside.property("position"))
    qtbot.mouseClick(inside, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: strip._current == position, timeout=10_000)
    assert judging.queues.key == "random", "it is in the sample"
    qtbot.mouseClick(strip.matrix, Qt.MouseButton.LeftButton)
    pages = lambda: pane.window().findChildren(HelpDialog)  # noqa: E731
    qtbot.waitUntil(lambda: bool(pages()) and pages()[0].isVisible(), timeout=10_000)
    table = pages()[0].findChild(Table)
    assert table is not None and table.model().rowCount() == 30
    assert table.model().index(0, 3).data() == "0.99" and table.model().index(1, 3).data() == ""
    pages()[0].accept()
    outside = next(place for place in strip._cluster.removed.tolist() if place not in drawn)  # type: ignore[union-attr]
    strip.text_chosen.emit(outside)
    qtbot.waitUntil(lambda: strip._current == outside, timeout=10_000)
    assert judging.queues.key == "list" and judging.model.rowCount() > count
    press(pane, Qt.Key.Key_A, qtbot)
    qtbot.waitUntil(lambda: not pane.line.text, timeout=10_000)


def test_the_sample_is_told_apart_by_source(opened: Opened, qtbot: QtBot) -> None:
    pane = opened()
    box = pane.sample._cut
    box.setCurrentIndex(box.findData("source"))
    box.activated.emit(box.currentIndex())
    rows = pane.sample._model.rows
    qtbot.waitUntil(lambda: pane.sample._model.rows[0].label[0] not in "01", timeout=10_000)
    assert sum(row.pairs for row in pane.sample._model.rows[:-1]) == rows[-1].pairs == 4


def test_the_button_that_marks_stays_while_its_words_change(opened: Opened, qtbot: QtBot) -> None:
    pane = opened()
    button = pane.header.primary
    assert button is not None
    pane.marking.chart.setValue(90)
    qtbot.waitUntil(lambda: button.text() == "Mark 2 as duplicates", timeout=10_000)
    assert pane.header.primary is button and button.accessibleName() == button.text()


def test_marking_can_be_taken_back_and_the_corpus_hears_of_it(
    opened: Opened, project: Path, qtbot: QtBot
) -> None:
    pane = opened()
    assert not pane._unmark.isVisible()
    with qtbot.waitSignal(pane.session.changed, check_params_cb=lambda topics: "corpus" in topics):
        assert pane.header.primary is not None
        pane.header.primary.click()
    qtbot.waitUntil(pane._unmark.isVisible, timeout=10_000)
    with Project(project, read_only=True) as found:
        standing = index.standing(found.connection)
        assert standing is not None and standing.documents == 4
        assert json.loads(standing.settings)["threshold"] == 0.8
    pane._unmark.click()
    qtbot.waitUntil(lambda: not pane._unmark.isVisible(), timeout=10_000)


def test_documents_that_came_since_are_told_of(opened: Opened, project: Path, qtbot: QtBot) -> None:
    note = project.parent / "note.txt"
    note.write_text("A note that nobody else has written before.")
    command = ["corpus", "import", str(project), str(note), "--role", "domain", "--name", "notes"]
    assert run_command(command) == 0
    pane = opened()
    assert "search again" in pane.line.text
    assert [problem.severity for problem in pane.problems] == ["attention"]


def test_the_report_is_written_from_what_is_chosen(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    pane = opened()
    pane.write_report(tmp_path / "audit.json")
    qtbot.waitUntil((tmp_path / "audit.json").exists, timeout=10_000)
    assert json.loads((tmp_path / "audit.json").read_text())["finding"]["threshold"] == 0.8


def test_an_empty_project_says_what_comes_first(tmp_path: Path, open_pane: OpenPane) -> None:
    from domainstudio.project.project import create

    create(tmp_path / "new", ModelOrigin(preset="tiny")).connection.close()
    pane = open_pane(DuplicatesPane, tmp_path / "new")
    assert pane.states.currentWidget().accessibleName() == "Go to Corpus"


def test_a_project_without_a_search_offers_one_and_shows_what_it_found(
    small_project: Path, open_window: OpenWindow, qtbot: QtBot
) -> None:
    window = open_window(small_project, "duplicates")
    assert window.shell is not None
    pane = window.shell.pane
    assert isinstance(pane, DuplicatesPane)
    assert pane.states.currentWidget().accessibleName() == "Find near-duplicates"
    pane._on_find_clicked()
    qtbot.waitUntil(lambda: pane._judged is not None, timeout=60_000)  # found, opened, then counted
    assert pane._search is not None and pane.header.primary is not None
    qtbot.waitUntil(pane.header.primary.isVisible)
    assert pane.header.primary.text() == f"Mark {len(pane._judged.preview.removals.documents)} as duplicates"


def test_the_pieces_of_a_difference_are_the_texts() -> None:
    left = "One day, two days.\n" + "The same line.\n" * 30 + "The end of it."
    right = "One day, 48 hours.\n" + "The same line.\n" * 30 + "the end of it"
    whole = difference(left, right)
    assert "".join(text for text, _kind in side(whole, left, right, is_right=False)) == left
    assert "".join(text for text, _kind in side(whole, left, right, is_right=True)) == right
    both = list(together(collapsed(whole, left), left, right))
    kinds = [kind for _text, kind in both]
    assert "fold" in kinds and "gone" in kinds and "come" in kinds and "dim" in kinds
    assert "".join(text for text, kind in both if kind in ("gone",)).strip() == "two days"


def test_the_pane_is_drawn_in_both_themes(opened: Opened) -> None:
    from domainstudio.gui import theme

    pane = opened()
    for choice in ("dark", "light"):
        theme.choose(choice)
        QApplication.processEvents()
        assert not pane.grab().isNull()
    assert pane.judging.texts.removed.changes, "the marks are drawn anew"
