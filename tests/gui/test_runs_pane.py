"""The Runs pane on real runs: what it shows as they change, what it asks of them, and what a person reads."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_trainer
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from domainstudio.gui.panes.runs import words as runs_words
from domainstudio.gui.panes.runs.pane import RunsPane
from domainstudio.gui.panes.runs.table import NumberColumn, NumbersModel
from domainstudio.gui.session import Session
from domainstudio.jobs import process
from domainstudio.jobs.events import (
    Body,
    Canaries,
    Checkpoint,
    Event,
    Intervention,
    Probe,
    Start,
    State,
    Step,
    encode,
)
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.link import Device, Link, write_link
from domainstudio.jobs.worker import Worker
from domainstudio.machines.assignment import Assignment, write_assignment
from domainstudio.mixture.shares import Arm
from domainstudio.problems import Problem
from domainstudio.project.project import Project
from domainstudio.workflow.training.starting import TRAIN, freeze, run_spec

MakePane = Callable[[], RunsPane]


@pytest.fixture
def make_pane(small_project: Path, qtbot: QtBot) -> Iterator[MakePane]:
    sessions: list[Session] = []

    def make() -> RunsPane:
        sessions.append(Session(small_project))
        pane = RunsPane(sessions[-1])
        qtbot.addWidget(pane)
        pane.resize(1224, 836)
        pane.show()
        return pane

    yield make
    for session in sessions:
        session.close()


def new_run(project: Path, arm: Arm = "treated", **settings: str) -> JobFolder:
    with Project(project) as opened:
        spec, _processes = freeze(opened, "base", "default", "default", settings, arm)
    return create_job(project / "jobs", TRAIN.name, TRAIN.program, spec)


def point(step: int, loss: float = 2.0) -> Step:
    return Step(step, step * 128, loss, 1e-3, 1.0, 1000.0, 10**8)


def wrote(folder: JobFolder, *bodies: Body, is_alive: bool = False) -> None:
    """Leave events as an attempt would have, and a process that is this one or dead."""
    first = len(folder.events_file.read_bytes().splitlines()) + 1 if folder.events_file.exists() else 1
    folder.record_process(os.getpid(), 0)
    if not is_alive:
        record = folder.run_record()
        assert record is not None
        folder.run_file.write_text(
            record.model_copy(update={"started": record.started - 100}).model_dump_json()
        )
    with folder.events_file.open("ab") as events:
        for seq, body in enumerate(bodies, first):
            events.write(encode(Event(seq, 1, time.time(), body)))


def finished(folder: JobFolder, forgetting: float = 0.02) -> None:
    wrote(
        folder, Start(0), Probe(0, "general", "general", 5.0, 2.0, 10, 40), point(1), point(160, 1.5),
        Probe(160, "general", "general", 5.0 + forgetting, 2.0, 10, 40), State("done"),
    )  # fmt: skip


def names(pane: RunsPane) -> list[str]:
    return [row.run for row in pane.list.model.rows]


def state_of(pane: RunsPane, number: int = 0) -> str:
    index = pane.list.model.index(number)
    return str(index.data(Qt.ItemDataRole.AccessibleTextRole))


def test_without_runs_it_leads_to_training(make_pane: MakePane, qtbot: QtBot) -> None:
    pane = make_pane()
    qtbot.waitUntil(lambda: pane.states.is_settled)
    button = next(each for each in pane.findChildren(QPushButton) if "training" in each.text())
    with qtbot.waitSignal(pane.go_requested) as asked:
        button.click()
    assert asked.args == ["training"]


def test_it_shows_a_run_as_it_changes(make_pane: MakePane, small_project: Path, qtbot: QtBot) -> None:
    folder = new_run(small_project)
    pane = make_pane()
    qtbot.waitUntil(lambda: names(pane) == ["train-1"])
    assert pane.states.is_ready and "Starting" in state_of(pane)
    wrote(folder, is_alive=True)
    worker = Worker(folder)
    worker.emit(Start(0))
    for step, general in ((0, 5.0), (50, 5.25)):
        worker.emit(Probe(step, "general", "general", general, 2.0, 10, 40))
    worker.emit(point(50, 4.5))
    qtbot.waitUntil(lambda: "forgetting +0.250" in state_of(pane))
    assert "Running, 31 %" in state_of(pane)
    numbers = pane.numbers
    assert numbers._step.accessibleName() == "Step: 50  of 160, 31.2 %"
    assert numbers._loss.accessibleName().startswith("Training loss: 4.500")
    assert numbers._forgetting.accessibleName() == "Forgetting: +0.250  500 % of the accepted +0.050"
    assert "Live:" in pane.plots.state.words and "No checkpoint yet" in pane.plots.state.words
    qtbot.waitUntil(lambda: "+0.250" in pane.plots.forgetting.content.summary)
    worker.emit(Checkpoint(50, "x", 9))
    worker.emit(point(53))
    qtbot.waitUntil(lambda: "Last checkpoint: step 50" in pane.plots.state.words)
    assert "3 steps would be repeated" in pane.plots.state.words
    worker.finish("done", 160)
    qtbot.waitUntil(lambda: "Kept at step 53" in state_of(pane))


def test_what_the_guard_did_is_drawn_with_words_and_said(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    wrote(
        folder, Start(0), Probe(0, "general", "general", 5.0, 2.0, 10, 40), Canaries(0, 20, 40, 16, 1.0),
        point(50), Probe(50, "general", "general", 5.2, 2.0, 10, 40), Canaries(50, 19, 40, 16, 0.9),
        Intervention(50, "alarm", 0.2, "nats"), Intervention(50, "rate", 0.5, "nats"), point(100),
        Intervention(100, "pause", 0.2, "nats"), State("stopped", 100),
    )  # fmt: skip
    pane = make_pane()
    qtbot.waitUntil(lambda: "Paused at step 100" in state_of(pane))
    qtbot.waitUntil(lambda: "the guard paused the run" in pane.plots.state.words)
    assert "more than is accepted" in pane.plots.state.words
    wished = [(50.0, "over the budget"), (50.0, "rate × 0.5"), (100.0, "paused by the guard")]
    drawn = pane.plots.forgetting
    qtbot.waitUntil(lambda: [(event.x, event.text) for event in drawn.content.events] == wished)
    pane.view._buttons["table"].click()
    pane.table._choice._buttons["held out"].click()
    model = pane.table.model
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    assert titles[-1] == "Facts right of 40" and text_of(model, 1, len(titles) - 1) == "19"


def test_a_run_whose_process_died_says_so_and_where_it_would_go_on(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    wrote(folder, Start(0), *(point(step) for step in range(1, 48)))
    (folder.result / "checkpoints" / "step-00000040").mkdir(parents=True)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Interrupted, resume from step 41" in pane.plots.state.words)
    assert "Interrupted at step 47" in state_of(pane)
    assert "7 steps after its last checkpoint are done again" in pane.plots.state.words
    assert pane.header.primary is not None and pane.header.primary.text() == "Resume"
    assert [(each.severity, each.text) for each in pane.problems] == [
        ("attention", "train-1: Interrupted at step 47")
    ]


def test_what_is_amiss_in_a_living_run_is_said_until_a_later_checkpoint_is_whole(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    wrote(folder, is_alive=True)
    worker, pane = Worker(folder), make_pane()
    for body in (Start(0), point(1), Checkpoint(1, "x", 9), point(2)):
        worker.emit(body)
    qtbot.waitUntil(lambda: "Pause writes a checkpoint" in pane.plots.state.words)
    sizes = {"folder": "/disk", "needed": "9.0 GB", "free": "2.0 GB"}
    worker.warn(Problem("checkpoint.put_off", None, {"step": 2, **sizes}))
    qtbot.waitUntil(lambda: "put off: it needs 9.0 GB" in pane.plots.state.words)
    for body in (point(3), Checkpoint(3, "x", 9)):
        worker.emit(body)
    qtbot.waitUntil(lambda: "put off" not in pane.plots.state.words)


def test_a_living_run_that_says_nothing_is_called_silent(
    make_pane: MakePane, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote(new_run(small_project), Start(0), point(1), is_alive=True)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Live: last event" in pane.plots.state.words)
    monkeypatch.setattr(runs_words, "SILENT_SECONDS", -1.0)
    pane._tell()
    assert "Silent:" in pane.plots.state.words and "Its process lives" in pane.plots.state.words


def test_pause_and_resume_by_the_button(
    make_pane: MakePane, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", fake_trainer.command)
    folder = new_run(small_project)
    fake_trainer.Behaviour(steps=160, seconds_per_step=0.02).write(folder)
    process.start(folder)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Running" in state_of(pane) and pane.header.primary.isEnabled(), timeout=20_000)
    qtbot.waitUntil(lambda: len(pane.session.runs.curves("train-1").steps) > 5, timeout=20_000)
    pane.header.primary.click()
    assert pane.header.primary.text() == "Pausing…" and not pane.header.primary.isEnabled()
    qtbot.waitUntil(lambda: "Paused at step" in state_of(pane), timeout=20_000)
    qtbot.waitUntil(lambda: "goes on at step" in pane.plots.state.words)
    assert pane.header.primary.text() == "Resume"
    pane.header.primary.click()
    qtbot.waitUntil(lambda: "Finished" in state_of(pane), timeout=30_000)
    assert pane.header.primary.text() == "Export…"
    told = lambda: [event.text for event in pane.plots.loss.content.events]  # noqa: E731
    qtbot.waitUntil(lambda: told() == ["paused, resumed"])


def test_stop_asks_in_a_sentence_and_keeping_finishes_the_run(
    make_pane: MakePane, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", fake_trainer.command)
    folder = new_run(small_project)
    fake_trainer.Behaviour(steps=160, seconds_per_step=0.02).write(folder)
    process.start(folder)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Running" in state_of(pane), timeout=20_000)
    pane.act._stop.click()
    assert "keeping it takes the next step for its last" in pane.question.text
    link(pane, "Go on").click()
    assert pane.question.text == ""
    pane.act._stop.click()
    link(pane, "Stop and keep").click()
    qtbot.waitUntil(lambda: "Kept at step" in state_of(pane), timeout=20_000)
    assert folder.status() == "done"


def test_a_run_that_hears_nothing_is_killed_only_after_a_second_question(
    make_pane: MakePane, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", fake_trainer.command)
    folder = new_run(small_project)
    behaviour = fake_trainer.Behaviour(steps=3000, seconds_per_step=0.02, is_deaf=True)
    behaviour.write(folder)
    process.start(folder)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Running" in state_of(pane), timeout=20_000)
    pane.act._stop.click()
    link(pane, "Stop at once").click()
    qtbot.waitUntil(folder.stop_is_asked, timeout=20_000)
    pane.act._stop.click()
    assert "killing it loses the steps since" in pane.question.text
    link(pane, "Wait").click()
    assert folder.status() == "running"
    pane.act._stop.click()
    link(pane, "Kill its processes").click()
    qtbot.waitUntil(lambda: "Interrupted" in state_of(pane), timeout=20_000)
    assert process.processes_of(folder) == []


def test_a_damaged_run_is_not_left_out_without_a_word(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    damaged = new_run(small_project)
    (damaged.path / "spec.json").write_text("{}")
    pane = make_pane()
    qtbot.waitUntil(lambda: pane.states.is_settled and bool(pane.problems))
    assert [problem.text.partition(":")[0] for problem in pane.problems] == ["train-1"]
    finished(new_run(small_project))
    qtbot.waitUntil(lambda: names(pane) == ["train-2"])
    assert len(pane.problems) == 1
    shutil.rmtree(damaged.path)
    qtbot.waitUntil(lambda: not pane.problems)


def test_delete_says_what_it_frees_and_asks(make_pane: MakePane, small_project: Path, qtbot: QtBot) -> None:
    for _ in range(2):
        finished(new_run(small_project))
    pane = make_pane()
    qtbot.waitUntil(lambda: names(pane) == ["train-2", "train-1"])
    pane.act._delete.click()
    qtbot.waitUntil(lambda: "Deleting train-2 frees" in pane.question.text)
    link(pane, "Delete train-2").click()
    qtbot.waitUntil(lambda: names(pane) == ["train-1"])
    assert not (small_project / "jobs" / "train-2").exists()
    assert pane.question.text == "" and pane.memory()["run"] == "train-1"


def with_checkpoint(folder: JobFolder, step: int) -> Checkpoint:
    """Leave a checkpoint with a safetensors header of one weight, and return what is said of it."""
    model = folder.result / "checkpoints" / f"step-{step:08d}" / "model"
    model.mkdir(parents=True)
    header = b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    return Checkpoint(step, str(model.parent.relative_to(folder.path)), 100)


def test_a_decay_branches_off_the_checkpoint_and_for_the_steps_that_are_chosen(
    make_pane: MakePane, small_project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", fake_trainer.command)
    for schedule in ("cosine", "wsd"):
        folder = new_run(small_project, schedule=schedule)
        saved = [with_checkpoint(folder, step) for step in (80, 120)]
        wrote(folder, Start(0), point(1), *saved, point(160), State("done"))
    pane = make_pane()
    qtbot.waitUntil(lambda: names(pane) == ["train-2", "train-1"])
    qtbot.waitUntil(lambda: pane.act._branch.isVisible())
    pane.act._branch.click()
    qtbot.waitUntil(lambda: "From which step?" in pane.question.text)
    link(pane, "step 80").click()
    assert "train-2 from step 80" in pane.question.text
    link(pane, "8 steps").click()
    qtbot.waitUntil(lambda: names(pane)[0] == "train-3")
    with Project(small_project) as opened:
        spec = run_spec(opened, "train-3")
    assert spec.origin == "train-2@80" and spec.steps == 88
    branch = JobFolder(small_project / "jobs" / "train-3")
    qtbot.waitUntil(lambda: branch.status() == "done", timeout=30_000)
    qtbot.keyClick(pane.list.view, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: pane.memory()["run"] == "train-1")
    assert not pane.act._branch.isVisible(), "the rate of a cosine falls all the way"


def test_a_refusal_is_said_in_the_pane(make_pane: MakePane, small_project: Path, qtbot: QtBot) -> None:
    folder = new_run(small_project)
    wrote(folder, Start(0), point(1), State("stopped", 1))
    pane = make_pane()
    qtbot.waitUntil(lambda: "Paused" in state_of(pane))
    shutil.rmtree(folder.path / "result", ignore_errors=True)
    (folder.path / "spec.json").write_text("{}")
    pane.header.primary.click()
    qtbot.waitUntil(lambda: pane.question.text != "")


def link(pane: RunsPane, text: str) -> QPushButton:
    return next(each for each in pane.question.findChildren(QPushButton) if each.text().startswith(text))


def test_other_runs_are_laid_over_by_space_and_remembered(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    for forgetting in (0.01, 0.02, 0.03):
        finished(new_run(small_project), forgetting)
    pane = make_pane()
    qtbot.waitUntil(lambda: len(names(pane)) == 3)
    view = pane.list.view
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert pane.memory()["run"] == "train-2"
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert pane.memory() | {"shown": None} == {
        "run": "train-3", "shown": None, "view": "plots", "axis": "step", "held_out": "base"
    }  # fmt: skip
    assert pane.memory()["shown"] == ["train-2"]
    pane.plots.forgetting.grab()
    assert "train-2" in [label.text for label in pane.plots.forgetting.content.labels]
    row = view.visualRect(pane.list.model.index(2))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=row.topLeft() + QPoint(24, 18))
    assert pane.memory()["shown"] == ["train-1", "train-2"] and pane.memory()["run"] == "train-3"
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=row.topLeft() + QPoint(24, 18))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=row.center())
    assert pane.memory()["shown"] == ["train-2"] and pane.memory()["run"] == "train-1"
    memory = pane.memory() | {"run": "train-1", "view": "table", "axis": "tokens"}
    again = make_pane()
    again.remember(memory)
    qtbot.waitUntil(lambda: again.memory() == memory)
    again.remember({"run": 7, "shown": "nonsense", "view": None})
    assert again.memory()["run"] == "train-1"


def test_a_run_that_is_started_comes_into_view(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    finished(new_run(small_project))
    pane = make_pane()
    qtbot.waitUntil(lambda: names(pane) == ["train-1"])
    new_run(small_project)
    qtbot.waitUntil(lambda: pane.memory()["run"] == "train-2")


def test_each_plot_has_a_table(make_pane: MakePane, small_project: Path, qtbot: QtBot) -> None:
    finished(new_run(small_project))
    pane = make_pane()
    qtbot.waitUntil(lambda: len(names(pane)) == 1)
    pane.view._buttons["table"].click()
    model = pane.table.model
    assert [text_of(model, 1, column) for column in range(8)] == [
        "160", "20,480", text_of(model, 1, 2), "1.5000", "1e-3", "1.000", "1,000", "0.10",
    ]  # fmt: skip
    pane.table._choice._buttons["held out"].click()
    assert [text_of(model, 1, column) for column in range(model.columnCount())] == ["160", "+0.020", "+0.020"]


def text_of(model: NumbersModel, row: int, column: int) -> str:
    return str(model.index(row, column).data())


def test_the_table_model_keeps_to_the_rules_of_qt(qtbot: QtBot) -> None:
    import numpy as np

    model = NumbersModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    values = np.array([1.0, float("nan"), 3.0])
    model.show_columns([NumberColumn("A", lambda: values, str)], 1)
    model.grow(3)
    assert [text_of(model, row, 0) for row in range(3)] == ["1.0", "–", "3.0"]
    model.grow(2)
    assert model.rowCount() == 2
    tester.deleteLater()


def test_of_a_log_of_a_gigabyte_the_end_is_shown(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    finished(folder)
    with folder.log_file.open("wb") as log:
        log.truncate(1 << 30)
        log.seek(0, os.SEEK_END)
        log.write("\nepoch 領域 done\n".encode())
    pane = make_pane()
    qtbot.waitUntil(lambda: len(names(pane)) == 1)
    pane.view._buttons["log"].click()
    qtbot.waitUntil(lambda: "epoch 領域 done" in pane.log.view.toPlainText())
    assert len(pane.log.view.toPlainText()) < 1 << 20
    assert "1.1 GB" in pane.log._words.text()
    with folder.log_file.open("ab") as log:
        log.write("one more 🎓\n".encode())
    qtbot.waitUntil(lambda: "one more 🎓" in pane.log.view.toPlainText())


def test_every_control_has_a_name_and_is_reached_by_tab(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    finished(new_run(small_project))
    pane = make_pane()
    qtbot.waitUntil(lambda: len(names(pane)) == 1)
    for view in ("plots", "table", "log", "samples"):
        pane.view._buttons[view].click()
        controls = [
            widget
            for widget in pane.findChildren(QWidget)
            if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        ]
        assert controls
        unnamed = [
            type(each).__name__
            for each in controls
            if not each.accessibleName() and isinstance(each, QAbstractButton | QAbstractItemView)
        ]
        assert unnamed == []


def test_text_samples_need_a_checkpoint_and_a_prompt(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    finished(folder)
    (folder.result / "checkpoints" / "step-00000160").mkdir(parents=True)
    pane = make_pane()
    qtbot.waitUntil(lambda: len(names(pane)) == 1)
    pane.view._buttons["samples"].click()
    qtbot.waitUntil(lambda: pane.samples.checkpoint.count() == 1)
    assert not pane.samples.write.isEnabled()
    pane.samples.prompt.setPlainText("The court")
    assert pane.samples.write.isEnabled()


def elsewhere(folder: JobFolder, **told: object) -> None:
    """Have a run on gpu-1 followed by this process, which has heard so much of it."""
    write_assignment(folder.path, Assignment(machine="gpu-1", project="small-1", is_asked=False))
    folder.record_carrier(os.getpid())
    now = time.time()
    values = {"phase": "live", "last_seen": now, "status": "running"} | told
    write_link(folder.path, Link.model_validate({"machine": "gpu-1", "written": now, **values}))


def press(pane: RunsPane, words: str) -> None:
    """Press the one button in sight whose name begins so."""
    found = [one for one in pane.findChildren(QPushButton) if one.accessibleName().startswith(words)]
    (shown,) = (one for one in found if one.isVisible())
    shown.click()


def icon_of(pane: RunsPane) -> str:
    return runs_words.state_icon(pane.list.model.rows[0])


def test_a_run_elsewhere_shows_where_how_it_is_heard_of_and_what_the_gpus_do(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    elsewhere(folder, phase="sending", done=3 * 10**8, total=4 * 10**8)
    pane = make_pane()
    qtbot.waitUntil(lambda: "Sending, 75 %" in state_of(pane))
    assert pane.machine._bar.isVisible() and "300.0 MB of 400.0 MB" in pane.machine.words
    assert "Sending:" in pane.plots.state.words
    wrote(folder, Start(0), point(1), Checkpoint(1, "x", 9), point(7))
    gpus = tuple(
        Device(name="H100", memory_used=used * 10**9, memory_total=80 * 10**9, utilisation=97, temperature=60)
        for used in (31, 33)
    )
    elsewhere(folder, devices=gpus)
    qtbot.waitUntil(lambda: "live on gpu-1" in pane.machine.words)
    assert "2 × H100: 31.0 to 33.0 of 80.0 GB, 97 % busy, 60 °C" in pane.machine.words
    qtbot.waitUntil(lambda: "Live: gpu-1, last event" in pane.plots.state.words)
    assert pane.header.primary is not None and pane.header.primary.text() == "Pause"
    assert icon_of(pane) == "running" and pane.problems == []


def test_silence_of_a_machine_is_attention_and_not_the_death_of_the_run(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    wrote(folder, Start(0), point(1), Checkpoint(1, "x", 9), point(7))
    gpu = Device(name="H100", memory_used=10**9)
    elsewhere(folder, last_seen=time.time() - 130, devices=(gpu,))
    pane = make_pane()
    qtbot.waitUntil(lambda: "Reconnecting" in state_of(pane))
    assert icon_of(pane) == "attention"
    assert "reconnecting to gpu-1, last seen 2 min" in pane.machine.words
    assert "the run goes on there" in pane.machine.words and "H100" not in pane.machine.words
    qtbot.waitUntil(lambda: "Reconnecting: seen 2 min" in pane.plots.state.words)
    assert "says nothing about the run" in pane.plots.state.words
    assert "Last seen at step 7, last checkpoint at step 1" in pane.plots.state.words
    assert pane.header.primary is not None and pane.header.primary.text() == "Pause when back"
    assert [(each.severity, each.text) for each in pane.problems] == [
        ("attention", "train-1: gpu-1 does not answer")
    ]
    before = pane.machine.words
    qtbot.waitUntil(lambda: pane.machine.words != before, timeout=10_000)  # older by itself
    pane.header.primary.click()
    qtbot.waitUntil(lambda: folder.take_request().stop is not None)
    elsewhere(folder)
    qtbot.waitUntil(lambda: "live on gpu-1" in pane.machine.words and pane.problems == [])


def test_a_run_that_could_not_be_begun_there_says_why(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    elsewhere(
        folder, phase="refused", last_seen=None, status="created",
        problem="machine.no_program", params={"name": "gpu-1"},
    )  # fmt: skip
    pane = make_pane()
    qtbot.waitUntil(lambda: "Not connected" in state_of(pane))
    assert "gpu-1 lacks what this program needs" in pane.plots.state.words
    assert icon_of(pane) == "attention"


def test_checkpoints_are_fetched_when_asked_and_a_refusal_is_said(
    make_pane: MakePane, small_project: Path, qtbot: QtBot
) -> None:
    folder = new_run(small_project)
    wrote(folder, Start(0), point(1), Checkpoint(1, "x", 9), point(7), State("stopped", 7))
    elsewhere(folder, phase="over", status="stopped")
    pane = make_pane()
    qtbot.waitUntil(lambda: "ran on gpu-1" in pane.machine.words)
    press(pane, "Fetch checkpoints")
    assert "What shall come here from gpu-1?" in pane.question.text
    press(pane, "All of its checkpoints")
    qtbot.waitUntil(lambda: "There is no machine named gpu-1" in pane.question.text)
    assert not pane.act.fetching.run
