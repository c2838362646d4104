"""A run survives the window, and the window survives the death of a run."""

from pathlib import Path

import pytest
from flows.screen import Screen
from PySide6.QtGui import QColor
from support import Command

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.process import processes_of

STEPS, CHECKPOINT_EVERY = 300, 40
TRAINING_BLUE = QColor("#0069A6")
LOSS_PLOT = "Training loss, nats a token"
SECONDS = 240.0
"""For a run to go through its steps on a machine that has other things to do."""


@pytest.fixture
def run(small_project: Path, command: Command) -> JobFolder:
    """The run that the test will start: long enough to do something to it meanwhile."""
    shares = ["--share", "general=0.25", "--share", "domain=0.75"]
    command("mixture", "set", small_project, *shares, "--tokens", STEPS * 2 * 64, "--max-epochs", 4)
    command("recipe", "set", small_project, f"checkpoint_every={CHECKPOINT_EVERY}")
    return JobFolder(small_project / "jobs" / "train-1")


def start_training(screen: Screen, project: Path) -> None:
    """Start the program, open the project and start a run."""
    screen.start()
    screen.open_project(project)
    screen.key("ctrl+7")
    screen.click("Start training", "PrimaryButton")
    screen.wait_for("train-1: ")


def step_shown(screen: Screen) -> int:
    """Return the step that the Runs pane shows, 0 before there is one."""
    shown = screen.seen("Step: ", "KeyNumber")
    digits = shown[0].name.removeprefix("Step: ").split()[0].replace(",", "") if shown else ""
    return int(digits) if digits.isdigit() else 0


def has_curve(screen: Screen) -> bool:
    """Return whether the plot of the training loss holds pixels of its colour."""
    plots = screen.seen(LOSS_PLOT)
    picture = screen.picture()
    return any(
        picture.pixelColor(x, y) == TRAINING_BLUE
        for plot in plots
        for x in range(plot.left, plot.left + plot.width)
        for y in range(plot.top, plot.top + plot.height, 3)
    )


def test_the_window_is_killed_in_mid_run_and_goes_on_where_it_was(
    screen: Screen, small_project: Path, run: JobFolder
) -> None:
    start_training(screen, small_project)
    screen.wait_for(lambda: step_shown(screen) > 0)
    screen.wait_for(lambda: "runs" in screen.preferences)
    screen.kill()
    assert run.status() == "running"

    screen.start()
    screen.wait_for("small – Domain Studio")
    screen.wait_for("Live:")
    screen.wait_for("train-1: Running, ")
    screen.wait_for(lambda: has_curve(screen))
    screen.click("Pause", "PrimaryButton")
    screen.wait_for("Paused:")
    paused_at = step_shown(screen)
    assert run.status() == "stopped" and 0 < paused_at < STEPS
    screen.wait_for(f"Paused at step {paused_at}: Training train-1")
    screen.wait_for(f"train-1 goes on at step {paused_at + 1} of {STEPS}")

    screen.click("Resume", "PrimaryButton")
    screen.wait_for("Finished: Training train-1", SECONDS)
    screen.wait_for("Finished:")
    assert run.status() == "done" and step_shown(screen) == STEPS


def test_a_killed_run_is_told_and_resumed_from_its_checkpoint(
    screen: Screen, small_project: Path, run: JobFolder
) -> None:
    start_training(screen, small_project)
    screen.wait_for(lambda: step_shown(screen) > CHECKPOINT_EVERY)
    for process in processes_of(run):
        process.kill()
    screen.wait_for("Interrupted, resume from step ")
    assert run.status() == "interrupted"
    checkpoint = CHECKPOINT_EVERY * (step_shown(screen) // CHECKPOINT_EVERY)
    assert checkpoint
    screen.wait_for(f"Interrupted, resume from step {checkpoint + 1}.")
    screen.wait_for("Interrupted: the process of train-1 died; nothing else was lost.")

    screen.click("Resume", "PrimaryButton")
    screen.wait_for("Finished: Training train-1", SECONDS)
    assert run.status() == "done"
    screen.wait_for(lambda: step_shown(screen) == STEPS)
