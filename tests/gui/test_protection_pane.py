"""The Protection pane: the budget, methods with intervals and costs, and the plan taken into Training."""

from pathlib import Path

import pytest
from golden_project import write_laboratory, write_layer_map
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.cli.main import run_command
from domainstudio.gui import theme
from domainstudio.gui.panes.protection.pane import ProtectionPane
from domainstudio.gui.widgets.table import SHARE_ROLE
from domainstudio.project.project import Project
from domainstudio.recipe.layers import LAYERS_FILE
from domainstudio.workflow.planning import mixture_of, recipe_of


@pytest.fixture
def compared(small_project: Path) -> Path:
    """A project with a finished comparison."""
    write_laboratory(small_project, {"domain": "domain", "general": "general"})
    return small_project


def cells(pane: ProtectionPane, column: int) -> list[str]:
    model = pane.methods.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def budget_of(project: Path) -> float | None:
    with Project(project, read_only=True) as opened:
        return recipe_of(opened).accepted_forgetting


def test_methods_stand_by_gain_and_the_best_within_budget_is_chosen(
    compared: Path, open_pane: OpenPane
) -> None:
    pane = open_pane(ProtectionPane, compared)
    names, verdicts = cells(pane, 0), cells(pane, 5)
    assert names[:4] == ["Unprotected", "Replay 10 %", "Replay 25 %", "Replay 50 %"] and len(names) == 7
    assert [name for name, verdict in zip(names, verdicts, strict=True) if verdict == "within"] == [
        "Replay 50 %"
    ]
    assert pane.memory()["chosen"] == "replay:0.5"
    assert "Replay 50 % gained most" in pane._verdict.text()
    assert "50.0 %" in pane.chosen._replay.accessibleName()
    memory = dict(zip(names, cells(pane, 3), strict=True))
    assert memory["Unprotected"] == "0.0" and float(memory["L2-SP 1"]) > 0
    assert float(memory["EWC 1"]) == pytest.approx(2 * float(memory["L2-SP 1"]), abs=0.15), "of one decimal"


def test_a_larger_budget_lets_another_method_in(compared: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    pane = open_pane(ProtectionPane, compared, chosen="ewc:1")
    assert "Over the budget" in pane.chosen._words.text()
    for typed, budget in (("+0.3", 0.3), ("", None), ("0.12", 0.12)):
        pane.budget.take_focus()
        pane.budget.field.clear()
        qtbot.keyClicks(pane.budget.field, typed)
        qtbot.keyClick(pane.budget.field, Qt.Key.Key_Return)
        if typed == "":
            pane.budget.field.setModified(True)
            pane.budget._on_edited()
        qtbot.waitUntil(lambda budget=budget: budget_of(compared) == budget, timeout=10_000)
    qtbot.waitUntil(lambda: "within" in cells(pane, 5)[2], timeout=10_000)
    assert "perplexity × 1.127" in pane.budget._words.text()


def test_what_is_no_budget_is_refused_and_nothing_changes(
    compared: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ProtectionPane, compared)
    for text in ("much", "-1", "inf"):
        pane.budget.field.clear()
        qtbot.keyClicks(pane.budget.field, text)
        qtbot.keyClick(pane.budget.field, Qt.Key.Key_Return)
        assert text in pane.line.text and pane.budget.field.text() == "+0.050"
    assert budget_of(compared) == 0.05


def test_a_click_on_the_chart_chooses_and_the_plan_is_taken(
    compared: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ProtectionPane, compared)
    place = pane.chart.place_of("EWC 1").toPoint()
    qtbot.mouseClick(pane.chart, Qt.MouseButton.LeftButton, pos=place)
    assert pane.memory()["chosen"] == "ewc:1" and pane.methods.selected_row == cells(pane, 0).index("EWC 1")
    for method, spring, replay in (("ewc:1", "ewc", 0.0), ("replay:0.25", "none", 0.25)):
        pane._on_chosen(method)
        assert pane.header.primary is not None
        with qtbot.waitSignal(pane.go_requested, timeout=10_000) as asked:
            pane.header.primary.click()
        assert asked.args == ["training"]
        with Project(compared, read_only=True) as opened:
            assert recipe_of(opened).stage.spring == spring
            shares = mixture_of(opened).shares
            assert shares["general"] / sum(shares.values()) == pytest.approx(replay)


def test_a_project_without_trained_weights_says_so_beside_the_form(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ProtectionPane, small_project)
    assert pane._view.key == "new" and "No methods have been compared" in pane.chosen._words.text()
    qtbot.waitUntil(lambda: not pane.comparison.button.isEnabled(), timeout=10_000)
    assert "nothing to forget" in pane.comparison._rows["from"]._error.text()


def test_a_comparison_says_what_it_takes_before_it_starts(
    trained_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(ProtectionPane, trained_project, view="new")
    form = pane.comparison
    qtbot.waitUntil(lambda: "36 runs of" in form._plan.text(), timeout=10_000)
    form.seeds.setValue(2)
    form.more.setText("ewc:0.01, replay:0.1+ewc")
    form.tokens.setText("2k")
    form.tokens.editingFinished.emit()
    qtbot.waitUntil(lambda: "28 runs of 15 steps, 1,920 tokens" in form._plan.text(), timeout=10_000)
    form.more.setText("magic")
    form.more.editingFinished.emit()
    qtbot.waitUntil(lambda: "magic" in form._rows["methods"]._error.text(), timeout=10_000)
    form.more.setText("")
    form.tokens.setText("many")
    form.tokens.editingFinished.emit()
    qtbot.waitUntil(lambda: "many" in form._rows["tokens"]._error.text(), timeout=10_000)
    assert not form.button.isEnabled()


def layer_cells(pane: ProtectionPane, column: int) -> list[str]:
    model = pane.layers.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_layers_of_the_newest_run_are_shown_and_another_is_chosen(
    compared: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    write_layer_map(compared, (0.05, 0.001, 0.0025, 0.0))
    write_layer_map(compared, (0.01, 0.02, 0.0), None)
    pane = open_pane(ProtectionPane, compared, view="layers")
    qtbot.waitUntil(lambda: not pane.layers.is_empty, timeout=10_000)
    assert [pane.layers.runs.itemText(place) for place in range(2)] == ["train-2", "train-1"]
    assert layer_cells(pane, 0) == ["Embedding", "Block 1", "Last norm"]
    assert layer_cells(pane, 2) == ["–", "–", "–"] and layer_cells(pane, 3)[1] == "4.00"
    pane.layers.runs.setFocus()
    qtbot.keyClick(pane.layers.runs, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: len(layer_cells(pane, 0)) == 4, timeout=10_000)
    assert layer_cells(pane, 3) == ["10.0", "0.200", "0.500", "0.00"]
    assert pane.memory()["layers"] == "train-1" and pane.memory()["view"] == "layers"
    longest, shorter = (pane.layers.table.model().index(row, 3).data(SHARE_ROLE) for row in (0, 2))
    assert longest == 1 and shorter == pytest.approx(0.05)
    for choice in ("dark", "light"):
        theme.choose(choice)
        drawn = pane.layers.table.viewport().grab().toImage()
        colors = {drawn.pixelColor(x, 16).name() for x in range(drawn.width())}
        assert theme.color("border").name() in colors, "the bar of the first row"


def test_without_any_layer_map_the_pane_says_how_to_get_one(small_project: Path, open_pane: OpenPane) -> None:
    pane = open_pane(ProtectionPane, small_project, view="layers")
    assert pane.layers.is_empty and pane.memory()["view"] == "layers"
    text = " ".join(label.text() for label in pane.layers.findChildren(QLabel))
    assert "No run has a layer map yet" in text and "Record importance" in text


def test_a_map_that_is_damaged_is_named(compared: Path, open_pane: OpenPane, qtbot: QtBot) -> None:
    (write_layer_map(compared, (0.05, 0.001, 0.0)) / LAYERS_FILE).write_text("{}")
    pane = open_pane(ProtectionPane, compared, view="layers")
    qtbot.waitUntil(lambda: LAYERS_FILE in pane.layers.line.text, timeout=10_000)


def test_a_laboratory_goes_with_what_it_measured(compared: Path, command: Command) -> None:
    assert command("laboratory", "table", compared)["rows"]
    assert command("laboratory", "delete", compared, "laboratory-1") == {"deleted": "laboratory-1"}
    assert run_command(["laboratory", "table", str(compared)]) == 2
