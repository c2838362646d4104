"""The Machines pane with a real sshd: adding with the host key asked, what is there and what is missing."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import pytest
from far_environment import install, key_of
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from remote_machine import SSHD, RemoteMachine, remote_machines
from support import OpenPane, OpenWindow

from domainstudio.gui.panes.machines.page import MachinePage
from domainstudio.gui.panes.machines.pane import MachinesPane
from domainstudio.jobs.folder import JobFolder
from domainstudio.machines import store
from domainstudio.project.project import Project
from domainstudio.workflow.training.starting import start_run

PATIENCE = 60_000


@pytest.fixture
def remote(tmp_path: Path, own_settings: None) -> Iterator[RemoteMachine]:
    """A machine that can be reached by the person's configuration, and is not in the list yet."""
    if SSHD is None:
        pytest.skip("no sshd")
    with remote_machines(tmp_path / "machines") as (machine,):
        machine.program("nvidia-smi", "echo 'H100 80GB, 81559, 80559, 560.1, 3, 41'")
        yield machine


def click(parent: QWidget, words: str) -> None:
    """Click the one button in sight that says so."""
    QApplication.processEvents()  # what has just been laid out comes into sight with the next turn
    found = [
        one
        for one in parent.findChildren(QAbstractButton)
        if one.text().startswith(words) and one.isVisible()
    ]
    assert len(found) == 1, [one.text() for one in parent.findChildren(QAbstractButton) if one.isVisible()]
    found[0].click()


def cell(pane: MachinesPane, title: str, row: int = 0) -> str:
    """Return what stands in a column of the list."""
    column = [one.title for one in pane.model.columns].index(title)
    return str(pane.model.index(row, column).data())


def page(pane: MachinesPane) -> MachinePage:
    shown = pane._stack.currentWidget()
    assert isinstance(shown, MachinePage)
    return shown


def words(widget: QWidget) -> str:
    """Return all that is read in a widget."""
    return " ".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


def wait_for_answer(pane: MachinesPane, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: bool(pane.model.rows), timeout=PATIENCE)
    qtbot.waitUntil(lambda: all(row.answer and not row.is_asked for row in pane.model.rows), timeout=PATIENCE)


def test_without_a_machine_it_says_why_and_asks_for_one(
    open_pane: OpenPane, small_project: Path, qtbot: QtBot
) -> None:
    pane = open_pane(MachinesPane, small_project)
    assert not pane.states.is_ready and "No machine yet" in words(pane)
    click(pane, "Add a machine")
    assert pane.states.is_ready and pane.form.isVisible()
    pane.form.name.setText("GPU 1")
    pane.form.destination.setText("-oProxyCommand=reboot")
    click(pane.form, "Reach")
    assert "Small letters" in words(pane.form) and "no options" in words(pane.form)
    click(pane.form, "Cancel")
    assert "No machine yet" in words(pane) and store.machines() == []


def test_an_unknown_host_key_is_shown_and_kept_only_on_consent(
    open_pane: OpenPane,
    small_project: Path,
    remote: RemoteMachine,
    qtbot: QtBot,
) -> None:
    remote.known_hosts.unlink()
    pane = open_pane(MachinesPane, small_project)
    for answer in ("It is not", "It is the same"):
        pane.header.primary.click()
        assert store.machines() == [] and not remote.known_hosts.exists()
        pane.form.name.setText("gpu-1")
        pane.form.destination.setText(remote.alias)
        pane.form.ssh_config.setText(str(remote.config))
        click(pane.form, "Reach")
        qtbot.waitUntil(lambda: remote.fingerprint() in pane.form.line.text, timeout=PATIENCE)
        click(pane.form, answer)
        if answer == "It is not":
            assert "not accepted" in pane.form.line.text
            click(pane.form, "Cancel")
    wait_for_answer(pane, qtbot)
    assert [one.name for one in store.machines()] == ["gpu-1"] and remote.known_hosts.exists()
    assert cell(pane, "GPUs") == "1" and cell(pane, "Free GPU memory (GB)") == "84.5"
    assert "H100 80GB" in str(page(pane).gpus.model.index(0, 0).data())


def test_a_changed_host_key_and_a_silent_machine_are_sentences(
    open_pane: OpenPane, small_project: Path, remote: RemoteMachine, qtbot: QtBot
) -> None:
    store.add(remote.machine)
    pane = open_pane(MachinesPane, small_project)
    wait_for_answer(pane, qtbot)
    remote.stop()
    remote.new_key("host_key")
    remote.start()
    click(page(pane), "Ask again")
    wait_for_answer(pane, qtbot)
    assert cell(pane, "State") == "Refused" and "host key" in page(pane).line.text
    assert pane.problems and pane.problems[0].field == remote.alias
    assert cell(pane, "GPUs") == "1", "what it said before stays in sight"
    remote.stop()
    pane._again.click()
    wait_for_answer(pane, qtbot)
    assert cell(pane, "State") == "Not reached" and "nothing answers ssh" in page(pane).line.text
    remote.know_key()
    remote.start()
    pane._again.click()
    wait_for_answer(pane, qtbot)
    assert page(pane).line.text == "" and pane.problems == []


def test_what_is_missing_is_installed_on_consent_with_its_output_shown(
    open_pane: OpenPane, small_project: Path, remote: RemoteMachine, qtbot: QtBot
) -> None:
    store.add(remote.machine)
    pane = open_pane(MachinesPane, small_project)
    wait_for_answer(pane, qtbot)
    assert "missing" in cell(pane, "State")
    part = page(pane).installing
    click(part, "Install them")
    qtbot.waitUntil(lambda: "This will run" in part.line.text, timeout=PATIENCE)
    click(part, "Do not")
    assert not part.line.isVisible() and not (remote.home / ".domainstudio" / "env").exists()
    click(part, "Install them")
    qtbot.waitUntil(lambda: "pip install" in part.line.text, timeout=PATIENCE)
    # What pip would fetch is not there: the first command is real, the second says so.
    remote.program("env", "echo fetching nothing here; exit 3")
    click(part, "Run it")
    qtbot.waitUntil(lambda: not part.is_working, timeout=PATIENCE)
    assert "-m venv .domainstudio/env" in part.log.toPlainText()
    assert "fetching nothing here" in part.log.toPlainText()
    assert "fetching nothing here" in part.line.text and (remote.home / ".domainstudio" / "env").exists()
    wait_for_answer(pane, qtbot)
    remote.program("env", "while :; do echo still; sleep 0.02; done")
    click(part, "Install them")
    qtbot.waitUntil(lambda: "This will run" in part.line.text, timeout=PATIENCE)
    click(part, "Run it")
    qtbot.waitUntil(lambda: "still" in part.log.toPlainText(), timeout=PATIENCE)
    part.stop.click()
    qtbot.waitUntil(lambda: "Stopped as you asked" in part.line.text, timeout=PATIENCE)
    wait_for_answer(pane, qtbot)


def test_what_runs_there_is_listed_and_what_it_made_is_fetched(
    open_window: OpenWindow, small_project: Path, remote: RemoteMachine, qtbot: QtBot
) -> None:
    install(remote, is_fake=True)
    store.add(remote.machine)
    there = remote.home / remote.machine.folder / "projects" / key_of(small_project)
    job = JobFolder(there / "jobs" / "train-1")
    job.path.mkdir(parents=True)
    fake_trainer.Behaviour(steps=400, seconds_per_step=0.01).write(job)
    other = ["python3", "-c", "input()", f"{remote.machine.folder}/projects/other-1/jobs/train-9"]
    with remote.connection().stream(["sh", "-c", f"sleep 60 | {shlex.join(other)}"]) as process:
        with Project(small_project) as project:
            folder = start_run(project, machine=remote.alias)
        window = open_window(small_project, "machines")
        pane = window.shell.pane
        qtbot.waitUntil(lambda: cell(pane, "Runs").startswith("train-1, "), timeout=PATIENCE)
        runs = page(pane).runs.model
        qtbot.waitUntil(lambda: runs.index(0, 3).data() == f"live on {remote.alias}", timeout=PATIENCE)
        item = window.shell.sidebar._items["machines"]
        qtbot.waitUntil(lambda: item.accessibleName() == f"Machines: {remote.alias} at work")
        wait_for_answer(pane, qtbot)
        commands = [row.command for row in page(pane).others.model.rows]
        assert any("other-1" in command for command in commands)
        assert not any(there.name in command for command in commands)
        assert all(one.accessibleName() for one in pane.findChildren(QAbstractButton) if one.isVisible())
        qtbot.waitUntil(lambda: cell(pane, "Runs") == "1 ended", timeout=PATIENCE)
        process.kill()
    qtbot.waitUntil(lambda: not folder.is_carried(), timeout=PATIENCE)
    made = folder.result / "checkpoints"
    shutil.rmtree(made)
    window.shell.show_step("runs")
    click(window.shell.pane, "Fetch checkpoints")
    click(window.shell.pane, "All of its checkpoints")
    wished = sorted(path.name for path in (job.result / "checkpoints").iterdir())
    qtbot.waitUntil(lambda: "is here" in window.shell.pane.machine.words, timeout=PATIENCE)
    assert sorted(path.name for path in made.iterdir()) == wished
    window.shell.show_step("machines")
    old = remote.home / remote.machine.folder / "bundle-0123456789abcdef"
    old.mkdir()
    (old / "program.py").write_bytes(b"x" * 2_000_000)
    click(page(pane), "Ask again")
    wait_for_answer(pane, qtbot)
    keeping = page(pane).keeping
    qtbot.waitUntil(lambda: [row.name for row in keeping.list.model.rows] == [there.name], timeout=PATIENCE)
    keeping.list.table.selectRow(0)
    click(keeping, "Remove it there")
    assert there.exists() and "gone for good" in keeping.line.text
    click(keeping.line, "Remove ")
    qtbot.waitUntil(lambda: not keeping.list.isVisible(), timeout=PATIENCE)
    assert not there.exists() and "Old versions of this program: 1, 2.0 MB" in keeping.old.text()
    click(keeping, "Remove them")
    qtbot.waitUntil(lambda: not keeping.isVisible(), timeout=PATIENCE)
    assert not old.exists()
    assert not there.exists() and made.exists()


def test_removing_is_asked_and_takes_it_off_the_list(
    open_pane: OpenPane, small_project: Path, remote: RemoteMachine, qtbot: QtBot
) -> None:
    store.add(remote.machine)
    pane = open_pane(MachinesPane, small_project)
    wait_for_answer(pane, qtbot)
    click(page(pane), "Remove")
    assert "no undo" in page(pane).line.text
    click(page(pane), "Keep it")
    assert not page(pane).line.isVisible()
    click(page(pane), "Remove…")
    click(page(pane).line, f"Remove {remote.alias}")
    qtbot.waitUntil(lambda: "No machine yet" in words(pane), timeout=PATIENCE)
    assert store.machines() == []


def test_a_damaged_list_is_an_error_that_can_be_tried_again(
    open_pane: OpenPane, small_project: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "config" / "domainstudio" / "machines.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    pane = open_pane(MachinesPane, small_project)
    assert "cannot be shown" in words(pane)
    file.unlink()
    click(pane, "Try again")
    qtbot.waitUntil(lambda: "No machine yet" in words(pane), timeout=PATIENCE)
