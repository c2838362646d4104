"""The export pane: the checkpoint chosen on chart or table, its numbers and card, and what is written."""

import importlib.util
from pathlib import Path

import pytest
from faults.hostile_world import write_base
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot
from support import OpenPane

from domainstudio.gui.panes.export import choice as export_choice
from domainstudio.gui.panes.export.pane import ExportPane
from domainstudio.gui.widgets.buttons import LinkButton, PrimaryButton
from domainstudio.gui.widgets.front_chart import shared_places
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.jobs.checkpoints import checkpoint_name
from domainstudio.jobs.folder import JobFolder
from domainstudio.project.project import Project

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("candidates", HERE.parent / "workflow" / "test_candidates.py")
assert spec is not None and spec.loader is not None
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)


@pytest.fixture
def trained(small_project: Path) -> Path:
    """A project with two finished runs."""
    with Project(small_project) as project:
        losses = {0: (5.0, 4.0), 50: (4.6, 4.012), 100: (4.4, 4.03), 160: (4.3, 4.065)}
        made.new_run(project, losses, (40, 80, 120, 160))
        made.new_run(project, {0: (5.0, 4.0), 50: (4.5, 4.055), 160: (4.21, 4.21)}, (80, 160))
    return small_project


def put_weights(project: Path, run: str, step: int) -> None:
    """Give a checkpoint the files that an export copies."""
    model = project / "jobs" / run / "result" / "checkpoints" / checkpoint_name(step) / "model"
    write_base(model)


def test_the_first_choice_is_the_most_gain_within_what_is_accepted(
    trained: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, trained)
    assert pane._export.text() == "Export step 120 of train-1"
    assert "Domain gain: +0.600" in pane._choice._gain.accessibleName()
    assert [line.text for line in pane._choice.lines if line.text] == [
        "Measured at step 100, the last probe before step 120."
    ]
    qtbot.waitUntil(lambda: "train-1 at step 120" in pane._choice.card.field.toPlainText())
    assert pane._choice.destination.text() == str(trained.parent / "small-train-1-step-120")


def test_runs_that_end_at_one_point_share_a_label() -> None:
    """Their names were written over one another."""
    ends = [QPointF(50, 40), QPointF(90, 10), QPointF(51, 41), QPointF(50, 40)]
    assert shared_places(ends) == [(ends[0], [0, 2, 3]), (ends[1], [1])]


def test_a_sentence_without_links_has_the_room_of_its_line(qtbot: QtBot) -> None:
    """Its icon took four fifths of it."""
    line = ProblemLine()
    qtbot.addWidget(line)
    line.resize(480, 60)
    line.say("attention", "Its forgetting is above the +0.050 that the run accepts.")
    qtbot.waitExposed(line)
    assert line._text.width() > 400


def test_a_click_on_the_chart_and_the_arrow_keys_choose(
    trained: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, trained)
    place = pane._chart.place_of("train-2@160").toPoint()
    qtbot.mouseClick(pane._chart, Qt.MouseButton.LeftButton, pos=place)
    assert pane._export.text() == "Export step 160 of train-2"
    assert "above the +0.050" in pane._choice.lines[0].text
    qtbot.waitUntil(lambda: "train-2 at step 160" in pane._choice.card.field.toPlainText())
    for key, name in (
        (Qt.Key.Key_Home, "train-1@40"), (Qt.Key.Key_Right, "train-1@80"), (Qt.Key.Key_Left, "train-1@40"),
        (Qt.Key.Key_End, "train-2@160"), (Qt.Key.Key_Right, "train-2@160"),
    ):  # fmt: skip
        qtbot.keyClick(pane._chart, key)
        assert pane.memory()["chosen"] == name
    assert pane._chart.accessibleDescription().startswith("train-2@160: gain +0.790, forgetting +0.210")


def test_the_table_is_the_charts_twin(trained: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    pane = open_pane(ExportPane, trained, view="table", chosen="train-2@80")
    assert pane._stack.currentWidget() is pane._table
    rows = [
        [str(pane._model.index(row, column).data()) for column in range(7)]
        for row in range(pane._model.rowCount())
    ]
    assert rows[0] == ["train-1@40", "+0.000", "+0.000", "0", "yes", "within", "treated"]
    assert rows[4] == ["train-2@80", "+0.500", "+0.055", "50", "–", "above", "treated"]
    assert pane._table.selected_row == 4
    pane._table.selectRow(2)
    assert pane._export.text() == "Export step 120 of train-1"


def test_runs_from_another_base_are_shown_apart(trained: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    with Project(trained) as project:
        from domainstudio.recipe.run import ModelOrigin

        start = ModelOrigin(
            folder="../train-1/result/checkpoints/step-00000160/model", run="train-1", step=160
        )
        made.new_run(project, {0: (4.3, 4.065), 160: (4.2, 4.1)}, (160,), origin=start)
    pane = open_pane(ExportPane, trained)
    assert pane._origin.isVisible() and pane._origin.count() == 2
    assert pane._export.text() == "Export step 160 of train-3" and pane._model.rowCount() == 1
    pane._origin.setCurrentIndex(0)
    pane._origin.activated.emit(0)
    assert pane._model.rowCount() == 6


def test_a_model_folder_is_written_and_can_be_opened(
    trained: Path, open_pane: OpenPane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_weights(trained, "train-1", 120)
    opened: list[Path] = []
    monkeypatch.setattr(export_choice, "open_folder", opened.append)
    pane = open_pane(ExportPane, trained)
    qtbot.mouseClick(pane._export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pane._choice.written.text), timeout=60_000)
    target = trained.parent / "small-train-1-step-120"
    assert (target / "model.safetensors").is_file() and (target / "README.md").is_file()
    link = next(one for one in pane._choice.findChildren(LinkButton) if one.text() == "Open the folder")
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    assert opened == [target]
    assert pane._export.isEnabled()
    qtbot.mouseClick(pane._export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "not empty" in pane._choice.refusal.text)
    assert [(one.severity, one.field) for one in pane.problems] == [("problem", "dest")]
    pane.focus_field("dest")
    assert pane._choice.destination.hasFocus()


def test_the_folder_typed_stays_while_another_checkpoint_is_chosen(
    trained: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, trained)
    pane._choice.destination.selectAll()
    qtbot.keyClicks(pane._choice.destination, "/somewhere/else")
    qtbot.keyClick(pane._chart, Qt.Key.Key_Home)
    assert pane._choice.destination.text() == "/somewhere/else"


def test_a_report_is_written(trained: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    pane = open_pane(ExportPane, trained)
    pane.write_report("train-1", trained.parent / "report.html")
    qtbot.waitUntil(lambda: "report.html" in pane._choice.written.text, timeout=60_000)
    assert "accepted" in (trained.parent / "report.html").read_text()


def test_a_job_that_fails_says_why(trained: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    """The checkpoint has no weights: the copy fails in the job."""
    pane = open_pane(ExportPane, trained, chosen="train-1@160")
    qtbot.mouseClick(pane._export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pane._choice.refusal.text), timeout=60_000)
    assert pane._export.isEnabled() and not pane._choice.written.text
    assert JobFolder(trained / "jobs" / "export-1").status() == "failed"


def test_nothing_trained_is_said_with_the_way_there(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, small_project)
    assert not pane.states.is_ready and not pane._report.isVisible()
    button = next(one for one in pane.states.findChildren(PrimaryButton) if one.text() == "Go to Training")
    with qtbot.waitSignal(pane.go_requested) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == ["training"]


def test_what_was_not_measured_is_in_the_table_and_says_so(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    with Project(small_project) as project:
        made.new_run(project, {}, (160,))
    pane = open_pane(ExportPane, small_project)
    assert "Nothing was measured" in pane._choice.lines[0].text
    assert "in the table alone: 1." in pane._note.text()
    pane.grab()
