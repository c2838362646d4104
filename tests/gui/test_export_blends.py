"""Blends in the export pane: measured by a click, dragged over by hand and by keys, exported as chosen."""

import importlib.util
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from support import OpenPane

from domainstudio.gui.panes.export.pane import ExportPane
from domainstudio.gui.widgets.share_slider import ShareSlider
from domainstudio.jobs.checkpoints import checkpoint_name
from domainstudio.model.create import create_model
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.recipe.shapes import SHAPES
from domainstudio.workflow.blending import start_blending
from domainstudio.workflow.training import run_spec

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("candidates", HERE.parent / "workflow" / "test_candidates.py")
assert spec is not None and spec.loader is not None
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)

LOSSES = {0: (5.0, 4.0), 160: (4.3, 4.3)}


@pytest.fixture
def continued(small_project: Path) -> Path:
    """A project with train-1 from random weights and train-2 that continued from it, with real weights."""
    with Project(small_project) as project:
        start = ModelOrigin(
            folder="../train-1/result/checkpoints/step-00000160/model", run="train-1", step=160
        )
        for number, origin in enumerate((None, start)):
            folder = made.new_run(project, LOSSES, (120, 160), origin=origin)
            for step in (120, 160):
                vocabulary = run_spec(project, folder.job_id).vocabulary
                weights = create_model(SHAPES["tiny"], vocabulary, 0, seed=step + number)
                weights.save_pretrained(folder.result / "checkpoints" / checkpoint_name(step) / "model")
    return small_project


def measured(pane: ExportPane, qtbot: QtBot) -> None:
    """Have the blends measured by a click and wait for them."""
    qtbot.waitUntil(pane._strip.measure.isEnabled)
    qtbot.mouseClick(pane._strip.measure, Qt.MouseButton.LeftButton)
    assert not pane._strip.measure.isEnabled()
    qtbot.waitUntil(lambda: bool(pane._strip.rows), timeout=300_000)


def test_blends_are_measured_dragged_over_and_exported(
    continued: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, continued, chosen="train-2@160")
    assert pane._strip._title.text() == "Afterwards, without training: between train-1@160 and train-2@160"
    assert not pane._strip.slider.isVisible()
    measured(pane, qtbot)
    assert pane._strip.slider.isVisible() and not pane._strip.measure.isVisible()
    assert pane._strip.slider.value() == 10 and pane._export.text() == "Export step 160 of train-2"
    assert pane._model.rowCount() == 2 + 12, "the table is the chart's twin"

    pane._strip.slider.setFocus()
    for _press in range(3):
        qtbot.keyClick(pane._strip.slider, Qt.Key.Key_Left)
    assert pane._export.text() == "Export 0.7 of the way"
    assert pane._strip.words.text().startswith("0.7 of the way: gain ")
    assert pane._chart.accessibleDescription().startswith("train-2@160, 0.7 of the way: gain")
    assert pane._table.selected_row == 9
    assert pane._choice.destination.text().endswith("small-train-2-step-160-interpolation-0.7")
    qtbot.waitUntil(lambda: "0.7 of the way from its base" in pane._choice.card.field.toPlainText())

    qtbot.mouseClick(pane._export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pane._choice.written.text), timeout=300_000)
    card = (Path(pane._choice.destination.text()) / "README.md").read_text()
    assert "0.3 of the base train-1@160 and 0.7 of train-2@160" in card
    pane.grab()


def test_points_are_chosen_on_the_chart_and_stay_when_the_pane_reads_again(
    continued: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    with Project(continued) as project:
        start_blending(project, "train-2")
    pane = open_pane(ExportPane, continued, chosen="train-2@160")
    assert not pane._strip.measure.isEnabled() or pane._strip.rows, "a job begun elsewhere is followed"
    qtbot.waitUntil(lambda: bool(pane._strip.rows), timeout=300_000)
    place = pane._chart.place_of("train-2@160, 0.3 of the way").toPoint()
    qtbot.mouseClick(pane._chart, Qt.MouseButton.LeftButton, pos=place)
    assert pane._export.text() == "Export 0.3 of the way" and pane._strip.slider.value() == 3
    pane.refresh()
    qtbot.waitUntil(lambda: pane.states.is_settled)
    assert pane._export.text() == "Export 0.3 of the way"
    pane._table.selectRow(2 + 11)
    assert pane._export.text() == "Export mean of steps 120, 160"
    pane._table.selectRow(0)
    assert pane._export.text() == "Export step 120 of train-2"
    qtbot.waitUntil(lambda: not pane._strip.rows)
    pane.grab()


def test_a_base_of_random_weights_is_said_to_be_none(
    continued: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ExportPane, continued, chosen="train-1@160")
    qtbot.waitUntil(lambda: "random weights" in pane._strip._about.text())
    assert not pane._strip.measure.isEnabled()


def test_a_slider_of_few_steps_marks_them_and_goes_where_it_is_pressed(qtbot: QtBot) -> None:
    slider = ShareSlider("way", 10)
    qtbot.addWidget(slider)
    slider.resize(216, 24)
    slider.show()
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    assert slider.value() == 5
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert slider.value() == 6
    slider.grab()
