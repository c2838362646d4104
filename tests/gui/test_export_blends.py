"""Blends in the export pane: measured by a click, dragged over by hand and by keys, exported as chosen."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults.hostile_world import write_base
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from support import OpenPane

from domainstudio.gui.panes.export.pane import ExportPane
from domainstudio.gui.widgets.share_slider import ShareSlider
from domainstudio.jobs.checkpoints import checkpoint_name
from domainstudio.jobs.folder import create_job
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.recipe.blend import POINTS_FILE, BlendLoss, BlendPoint, BlendPoints
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.export.blending import BLEND, blend_work
from domainstudio.workflow.training.starting import run_spec

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("candidates", HERE.parent / "workflow" / "test_candidates.py")
assert spec is not None and spec.loader is not None
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)

LOSSES = {0: (5.0, 4.0), 160: (4.3, 4.3)}


MAKE_MODEL = """
import sys
from domainstudio.model.create import create_model
from domainstudio.recipe.shapes import SHAPES
for seed, folder in enumerate(sys.argv[2:]):
    create_model(SHAPES["tiny"], int(sys.argv[1]), 0, seed).save_pretrained(folder)
"""
"""In a process of its own: the window's process never holds torch, and neither does one that tests it."""


@pytest.fixture
def continued(small_project: Path) -> Path:
    """A project with train-1 from random weights and train-2 that continued from it, with few weights."""
    with Project(small_project) as project:
        start = ModelOrigin(
            folder="../train-1/result/checkpoints/step-00000160/model", run="train-1", step=160
        )
        for origin in (None, start):
            folder = made.new_run(project, LOSSES, (120, 160), origin=origin)
            for step in (120, 160):
                write_base(folder.result / "checkpoints" / checkpoint_name(step) / "model")
    return small_project


def leave_points(project_folder: Path) -> None:
    """Leave a finished job: gain grows evenly along the way, forgetting with its square."""
    with Project(project_folder) as project:
        work = blend_work(project, "train-2", 11, 5, None)
        folder = create_job(project.jobs, BLEND.name, BLEND.program, work)
        folder.record_process(os.getpid(), folder.events_size_bytes())
        Worker(folder).finish("done")
    points = []
    for blend in work.blends:
        share = min(1.0, blend.amount)
        nats = {"domain": 5.0 - 0.7 * share, "general": 4.0 + 0.3 * share**2}
        losses = tuple(
            BlendLoss(source=role, role=role, nats_per_token=loss, bits_per_byte=2.0, tokens=9)
            for role, loss in nats.items()
        )
        points.append(BlendPoint(blend=blend, losses=losses))
    folder.result.mkdir()
    (folder.result / POINTS_FILE).write_text(BlendPoints(points=tuple(points)).model_dump_json())


def test_blends_are_measured_by_a_click(continued: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    with Project(continued) as project:
        vocabulary = run_spec(project, "train-2").vocabulary
    models = [str(folder) for folder in continued.glob("jobs/train-*/result/checkpoints/*/model")]
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(vocabulary), *models], check=True)
    pane = open_pane(ExportPane, continued, chosen="train-2@160")
    strip = pane._strip
    assert strip._title.text() == "Afterwards, without training: between train-1@160 and train-2@160"
    qtbot.waitUntil(strip.measure.isEnabled)
    assert not strip.slider.isVisible()
    qtbot.mouseClick(strip.measure, Qt.MouseButton.LeftButton)
    assert not strip.measure.isEnabled()
    qtbot.waitUntil(lambda: bool(strip.rows), timeout=300_000)
    assert strip.slider.isVisible() and not strip.measure.isVisible()
    assert strip.slider.value() == 10 and pane._export.text() == "Export step 160 of train-2"


def test_the_slider_chooses_what_is_exported(continued: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    leave_points(continued)
    pane = open_pane(ExportPane, continued, chosen="train-2@160")
    qtbot.waitUntil(lambda: bool(pane._strip.rows))
    assert pane._model.rowCount() == 2 + 12, "the table is the chart's twin"
    words = "0.4 of the way keeps +0.048 forgetting within +0.050, and 40 % of the gain."
    assert pane._strip.verdict.text() == words
    qtbot.mouseClick(pane._strip.take, Qt.MouseButton.LeftButton)
    assert pane._strip.slider.value() == 4 and pane._export.text() == "Export 0.4 of the way"
    pane._strip.slider.setFocus()
    for _press in range(3):
        qtbot.keyClick(pane._strip.slider, Qt.Key.Key_Right)
    assert pane._export.text() == "Export 0.7 of the way"
    assert pane._strip.words.text() == "0.7 of the way: gain +0.490, forgetting +0.147 nats a token."
    assert pane._choice.lines[0].text == "Its forgetting is above the +0.050 that the run accepts."
    assert pane._chart.accessibleDescription().startswith("train-2@160, 0.7 of the way: gain +0.490")
    assert pane._table.selected_row == 9
    assert pane._choice.destination.text().endswith("small-train-2-step-160-interpolation-0.7")
    qtbot.waitUntil(lambda: "0.7 of the way from its base" in pane._choice.card.field.toPlainText())

    qtbot.mouseClick(pane._export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pane._choice.written.text), timeout=300_000)
    card = (Path(pane._choice.destination.text()) / "README.md").read_text()
    assert "0.3 of the base train-1@160 and 0.7 of train-2@160" in card and "| +0.490 |" in card
    pane.grab()


def test_points_are_chosen_on_the_chart_and_stay_when_the_pane_reads_again(
    continued: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    leave_points(continued)
    pane = open_pane(ExportPane, continued, chosen="train-2@160")
    qtbot.waitUntil(lambda: bool(pane._strip.rows))
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
    qtbot.waitUntil(lambda: not pane._strip.rows and pane._strip.measure.isVisible())
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
