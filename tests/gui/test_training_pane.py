"""The training pane: fields saved as they are made or refused beside themselves, and a run started."""

import sqlite3
from contextlib import closing
from pathlib import Path

import fake_trainer
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.gui.panes.training.choice import preset_like
from domainstudio.gui.panes.training.pane import TrainingPane
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.rate_curve import RateCurve
from domainstudio.jobs import process
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.machines import store
from domainstudio.machines.machine import Machine
from domainstudio.problems import Problem
from domainstudio.project import database
from domainstudio.project.project import Project
from domainstudio.recipe.presets import PRESETS
from domainstudio.recipe.recipe import Recipe, Stage, change
from domainstudio.recipe.settings import SETTINGS
from domainstudio.units import format_rate
from domainstudio.workflow import history, planning
from domainstudio.workflow.machines import remote


def field(pane: TrainingPane, key: str) -> QLineEdit:
    found = pane._form.rows[key]._field
    assert isinstance(found, QLineEdit)
    return found


def type_into(qtbot: QtBot, pane: TrainingPane, key: str, text: str) -> None:
    field(pane, key).selectAll()
    qtbot.keyClicks(field(pane, key), text)


def saved(path: Path) -> Recipe:
    with Project(path, read_only=True) as project:
        return planning.recipe_of(project)


def sentences(pane: TrainingPane) -> list[str]:
    return [line.text for line in pane._outlook.findChildren(ProblemLine) if line.text]


def test_it_shows_what_the_recipe_is_and_amounts_to(small_project: Path, open_pane: OpenPane) -> None:
    pane = open_pane(TrainingPane, small_project)
    assert pane.states.is_ready
    assert (field(pane, "sequence_length").text(), field(pane, "dropout").text()) == ("64", "10")
    fit = pane._outlook.fit
    assert fit.headline.text().startswith("Fits: ") and "2 kept" in fit.headline.text()
    assert "Memory estimated from the model's shape." in fit.source.text()
    assert pane._outlook._headline.text() == "160 steps of 128 tokens"
    assert "20,480 tokens in all" in pane._outlook._text.text()
    assert "2 kept, each 17." in pane._outlook.facts["disk"].accessibleName()
    assert (
        "× accumulation 1 × devices 1 × length 64 = 128 tokens a step."
        in pane._form.rows["micro_batch"].help.text()
    )
    assert pane._outlook.curve.summary == "Rises to 1e-3 at step 10 and ends at 1e-4 at step 160."
    assert pane._choice._mixture.text() == "Replay 25.0 %"
    assert pane._outlook.code.field.toPlainText() == f"domainstudio train start {small_project}"
    assert {row for row in pane._form.rows} == {setting.key for setting in SETTINGS}


def test_a_value_is_saved_once_a_person_pauses_and_can_be_undone(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "learning_rate", "3e-5")
    assert "3e-5" in pane._outlook.curve.summary, "the curve is drawn before anything is saved"
    qtbot.waitUntil(lambda: saved(small_project).stage.learning_rate == 3e-5)
    qtbot.waitUntil(lambda: "learning_rate=3e-05" in pane._outlook._codes["recipe"])
    assert field(pane, "learning_rate").text() == "3e-5", "what was typed stays as it was typed"
    pane.session.edit(history.undo, topics=frozenset({"plans"}))
    qtbot.waitUntil(lambda: field(pane, "learning_rate").text() == "0.001")
    assert saved(small_project).stage.learning_rate == 1e-3


def test_undo_takes_back_what_was_typed_a_moment_ago(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "learning_rate", "3e-5")
    pane.session.undo()
    qtbot.waitUntil(lambda: field(pane, "learning_rate").text() == "0.001")
    with Project(small_project, read_only=True) as project:
        assert history.history(project)[0].is_undone, "it was written, then taken back"


def test_what_is_refused_says_so_beside_its_field_and_is_not_saved(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "learning_rate", "7")
    row = pane._form.rows["learning_rate"]
    assert row.is_refused and "learning_rate" in row._error.text()
    assert not pane._start.isEnabled()
    type_into(qtbot, pane, "seed", "3")
    qtbot.waitUntil(lambda: saved(small_project).seed == 3)
    assert saved(small_project).stage.learning_rate == 1e-3
    assert row.is_refused and field(pane, "learning_rate").text() == "7"
    type_into(qtbot, pane, "learning_rate", "7e-4")
    qtbot.waitUntil(lambda: saved(small_project).stage.learning_rate == 7e-4)
    qtbot.waitUntil(pane._start.isEnabled)


def test_two_fields_that_contradict_each_other_agree_once_both_are_set(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "batch_warmup_steps", "5")
    assert "cannot grow" in pane._form.rows["batch_warmup_steps"]._error.text()
    type_into(qtbot, pane, "gradient_accumulation", "4")
    assert pane._form.refused == []
    qtbot.waitUntil(lambda: saved(small_project).stage.batch_warmup_steps == 5)
    type_into(qtbot, pane, "warmup_share", "5 %")
    assert field(pane, "warmup_steps").text() == "0"
    qtbot.waitUntil(lambda: saved(small_project).stage.warmup_share == 0.05)


def test_what_was_typed_last_is_saved_when_the_pane_is_left(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "keep_checkpoints", "7")
    pane.hide()
    qtbot.waitUntil(lambda: saved(small_project).keep_checkpoints == 7)


def test_a_preset_is_taken_whole_with_its_note_and_its_doubts(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    assert not pane._note.isVisible()
    pane._preset.preset_chosen.emit("finpythia-1b")
    qtbot.waitUntil(lambda: field(pane, "micro_batch").text() == "4")
    assert "arXiv 2311.08545" in pane._note.text()
    assert "Not confirmed in the paper: Peak rate, Schedule." in pane._note.text()
    box = pane._form.rows["schedule"]._field
    assert isinstance(box, QComboBox) and box.currentText() == "Constant"


def test_a_preset_is_recognised_whatever_else_was_changed() -> None:
    for preset in PRESETS.values():
        assert preset_like(change(Recipe(), {**preset.settings, "seed": "9"})) == preset
    assert preset_like(Recipe()) is None


def test_doubts_are_said_with_their_remedy_and_listed_for_the_problems_bar(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    assert any("No equal-token control" in text for text in sentences(pane))
    assert [(one.severity, one.field) for one in pane.problems] == [("attention", "arm")]
    (link,) = [link for link in pane._outlook.findChildren(LinkButton) if "control" in link.text()]
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.problems == [])
    assert pane._choice.choice.arm == "control" and pane._start.text() == "Start control run"
    qtbot.waitUntil(lambda: "--arm control" in pane._outlook.code.field.toPlainText())


def test_a_plan_that_cannot_start_says_why_and_cannot_be_started(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "steps", "9999")
    qtbot.waitUntil(lambda: pane.problems and pane.problems[0].severity == "problem")
    assert "9,999 steps" in sentences(pane)[0] and pane.problems[0].field == "steps"
    assert not pane._start.isEnabled()
    assert "9,999 steps" in pane._form.rows["steps"]._error.text()
    pane.focus_field("steps")
    assert pane._tabs.key == "expert" and field(pane, "steps").hasFocus()
    type_into(qtbot, pane, "steps", "50")
    qtbot.waitUntil(pane._start.isEnabled)
    assert pane._outlook._headline.text() == "50 steps of 128 tokens"


def test_a_run_is_started_with_what_was_typed_last(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", fake_trainer.command)
    pane = open_pane(TrainingPane, small_project)
    type_into(qtbot, pane, "steps", "12")
    with qtbot.waitSignal(pane.go_requested) as asked:
        qtbot.mouseClick(pane._start, Qt.MouseButton.LeftButton)
    assert asked.args == ["runs"]
    folder = JobFolder(small_project / "jobs" / "train-1")
    assert folder.spec().work["steps"] == 12
    qtbot.waitUntil(lambda: folder.status() == "done", timeout=20_000)
    qtbot.waitUntil(lambda: pane._choice._origin.count() > 1, timeout=10_000)
    assert pane._choice._origin.itemText(0) == "Base: tiny"
    assert pane._choice._origin.itemData(1).startswith("train-1@")


def test_without_a_mixture_it_says_what_comes_first(
    tmp_path: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    from domainstudio.project.project import create
    from domainstudio.recipe.run import ModelOrigin

    create(tmp_path / "new", ModelOrigin(preset="tiny")).connection.close()
    pane = open_pane(TrainingPane, tmp_path / "new")
    assert not pane.states.is_ready
    button = next(b for b in pane.states.findChildren(type(pane._start)) if b.text().startswith("Go to"))
    with qtbot.waitSignal(pane.go_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_it_reopens_where_it_was(small_project: Path, open_pane: OpenPane) -> None:
    pane = open_pane(TrainingPane, small_project, page="expert", origin="base", arm="naive")
    where = {"page": "expert", "origin": "base", "arm": "naive", "hardware": "", "machine": ""}
    assert pane.memory() == where
    assert pane._start.text() == "Start naive run"
    pane.remember({"page": 7, "origin": None})


def test_a_checkpoint_that_is_gone_is_no_start_any_more(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project, page="basic", origin="train-9@40", arm="treated")
    qtbot.waitUntil(lambda: pane._choice.choice.origin == "base")
    qtbot.waitUntil(pane._start.isEnabled)


def test_help_moves_below_the_fields_where_it_is_narrow(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    row = pane._form.rows["learning_rate"]
    assert row.help.x() > row.control.x()
    pane.resize(807, 640)
    qtbot.waitUntil(lambda: row.help.x() < row.control.x() and row.help.y() > row.control.y())


@pytest.mark.parametrize(("rate", "words"), [(3e-5, "3e-5"), (0.00012, "1.2e-4"), (0.0, "0"), (1.0, "1e0")])
def test_rates_are_written_as_people_write_them(rate: float, words: str) -> None:
    assert format_rate(rate) == words


@pytest.mark.parametrize("steps", [1, 2, 7, 100_000])
def test_the_rate_curve_keeps_first_last_and_corner(steps: int, qtbot: QtBot) -> None:
    curve = RateCurve()
    qtbot.addWidget(curve)
    stage = Stage(warmup_steps=min(3, steps), schedule="wsd")
    curve.show_schedule(lambda step: stage.learning_rate_at(step, steps), steps, (stage.warmup_steps,))
    drawn = [step for step, _ in curve._points]
    assert {1, min(3, steps), steps} <= set(drawn) and len(drawn) < 1000
    curve.resize(400, 172)
    curve.grab()


def test_a_value_that_could_not_be_saved_is_not_left_standing_nor_trained_on(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The field showed what was typed, and the run was started with what had been saved before."""
    monkeypatch.setattr(database, "_BUSY_MILLISECONDS", 1000)
    monkeypatch.setattr(process, "command", fake_trainer.command)
    pane = open_pane(TrainingPane, small_project)
    told: list[str] = []
    with closing(sqlite3.connect(small_project / "project.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def let_go(problem: Problem) -> None:
            told.append(problem.code)
            if other.in_transaction:
                other.execute("ROLLBACK")

        pane.session.problem_found.connect(let_go)
        type_into(qtbot, pane, "learning_rate", "3e-5")
        pane.header.primary.click()
        qtbot.waitUntil(lambda: len(told) == 2, timeout=30_000)
    assert told == ["project.locked", "recipe.not_as_shown"]
    qtbot.waitUntil(lambda: field(pane, "learning_rate").text() == "0.001")
    assert list(list_jobs(small_project / "jobs", "train")) == []


def test_the_fit_follows_the_form_before_it_is_saved_and_the_hardware_that_is_typed(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    fit = pane._outlook.fit
    before = fit.bar.accessibleName()
    type_into(qtbot, pane, "micro_batch", "8")
    assert fit.bar.accessibleName() != before, "activations of four times the sequences"
    fit.field.setFocus()
    qtbot.keyClicks(fit.field, "8xA100-40GB")
    qtbot.keyClick(fit.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "of 40 GB a GPU" in fit.headline.text())
    assert "on 8 × A100-40GB" in fit.source.text() and "the recipe takes 1" in fit.source.text()
    assert not fit.misfit
    fit.field.selectAll()
    qtbot.keyClicks(fit.field, "RTX-3090")
    qtbot.keyClick(fit.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "of 24 GB a GPU" in fit.headline.text())
    type_into(qtbot, pane, "micro_batch", "20000")
    assert fit.headline.text().startswith("Does not fit: ")
    qtbot.waitUntil(lambda: any("With recomputed activations" in one.text for one in pane.problems))
    assert fit.trial.isHidden() and pane.memory()["hardware"] == "RTX-3090"
    fit.field.selectAll()
    qtbot.keyClicks(fit.field, "eight of them")
    qtbot.keyClick(fit.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "is no hardware that can be planned for" in fit.refusal.text())
    again = open_pane(TrainingPane, small_project, hardware="2x8xH100-80GB")
    qtbot.waitUntil(lambda: "on 16 × H100-80GB" in again._outlook.fit.source.text())
    assert again._outlook.fit.field.text() == "2x8xH100-80GB"
    again._outlook._tabs.choose("routes")
    again._outlook._show_code()
    shown = again._outlook.code.field.toPlainText()
    assert shown.startswith("From scratch: ") and "16 × H100-80GB" in shown and "Data-limited: " in shown


def test_one_step_is_tried_from_the_pane_and_its_measures_replace_the_estimate(
    small_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TrainingPane, small_project)
    fit = pane._outlook.fit
    qtbot.mouseClick(fit.trial, Qt.MouseButton.LeftButton)
    assert not fit.trial.isEnabled()
    qtbot.waitUntil(lambda: fit.source.text() == "Memory and speed measured by dry_step-1.", timeout=120_000)
    assert "about " in fit.headline.text() and fit.trial.isEnabled()
    assert "that of dry_step-1" in pane._outlook.facts["speed"].accessibleName()
    fit.field.setText("8xH200-141GB")
    pane._on_hardware_made("8xH200-141GB")
    qtbot.waitUntil(lambda: "estimated" in pane._outlook.facts["speed"].accessibleName())


def test_a_machine_is_chosen_once_there_is_one_and_others_with_it(
    small_project: Path,
    open_pane: OpenPane,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    pane = open_pane(TrainingPane, small_project)
    assert not pane._choice._machine_row.isVisible()
    store.add(Machine(name="gpu-1", destination="me@gpu.example"))
    pane.refresh()
    qtbot.waitUntil(lambda: pane._choice._machine_row.isVisible(), timeout=10_000)
    place = pane._choice._machine.findData("gpu-1")
    pane._choice._machine.setCurrentIndex(place)
    pane._choice._machine.activated.emit(place)
    qtbot.waitUntil(lambda: pane._facts is not None and pane._facts.choice.machine == "gpu-1", timeout=10_000)
    assert pane._outlook.code.field.toPlainText().endswith("--on gpu-1")
    assert pane.memory()["machine"] == "gpu-1" and not pane._choice._together_row.isVisible()

    store.add(Machine(name="gpu-2", destination="me@other.example"))
    command("recipe", "set", small_project, "processes=2")
    pane.refresh()
    qtbot.waitUntil(lambda: pane._choice._together_row.isVisible(), timeout=10_000)
    (box,) = pane._choice._together.findChildren(CheckBox)
    box.click()
    both = "gpu-1,gpu-2"
    qtbot.waitUntil(lambda: pane._facts is not None and pane._facts.choice.machine == both, timeout=10_000)
    assert pane._outlook.code.field.toPlainText().endswith("--on gpu-1,gpu-2")
    where = pane.memory()
    pane._choice.choose("base", "treated", "")
    pane.remember(where)
    assert pane._choice.choice.machine == both

    launched: list[tuple[str, ...]] = []
    monkeypatch.setattr(remote, "launch", lambda _folder, machines, _key: launched.append(machines))
    qtbot.mouseClick(pane._start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: launched == [("gpu-1", "gpu-2")], timeout=10_000)
