"""A vocabulary is sized and trained by mouse; a base's is compared and extended, the base grown."""

import shutil
from pathlib import Path

import pytest
from flows.screen import Screen
from support import Command

from domainstudio.project import tokens
from domainstudio.project.project import Project

SECONDS = 120.0
"""For a job on a machine that has other things to do."""


def test_a_size_is_measured_and_trained(screen: Screen, packed_project: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(packed_project, tmp_path / "small"))
    screen.start()
    screen.open_project(project)
    screen.key("ctrl+4")
    screen.click("Size", "QPushButton")
    screen.fill("Largest vocabulary", "1100")
    screen.click("Measure sizes", "SecondaryButton")
    screen.wait_for("below 100 MB", SECONDS)
    screen.tab_to("Sizes of the vocabulary", "Table")
    screen.key("Up", "Up")
    screen.click("Train 768 entries", "SecondaryButton")
    screen.wait_for("exactly what training for this size gives")
    screen.click("Train vocabulary", "SecondaryButton")
    screen.wait_for("The current vocabulary has 768 entries", SECONDS)
    assert _entries(project) == 768


@pytest.mark.usefixtures("warm_start")
def test_a_base_is_given_the_pieces_of_the_field(
    screen: Screen, trained_project: Path, tmp_path: Path, command: Command
) -> None:
    command("export", "model", trained_project, "train-1", tmp_path / "base")
    project = tmp_path / "based"
    command("project", "new", project, "--base", tmp_path / "base")
    words = "The defibrillator and the electrocardiogram of cardiomyopathy. "
    for role, text in (("general", "Some text about this and that. "), ("domain", words)):
        (tmp_path / f"{role}.txt").write_text("\n\n".join(f"{number}: {text * 20}" for number in range(400)))
        command("corpus", "import", project, tmp_path / f"{role}.txt", "--role", role, "--name", role)
    command("tokenizer", "pack", project)
    before = _entries(project)

    screen.start()
    screen.open_project(project)
    screen.key("ctrl+4")
    screen.click("Compare", "QPushButton")
    screen.click("Compare", "SecondaryButton")
    screen.wait_for("Terms whose cutting costs the most tokens", SECONDS)
    screen.wait_for("electrocardiogram")
    screen.click("Extend", "QPushButton")
    screen.fill("New tokens at most", "40")
    screen.click("Measure", "SecondaryButton")
    screen.wait_for("do it", SECONDS)
    screen.click("Grow the base", "SecondaryButton")
    screen.wait_for("Back to the base before", SECONDS)
    assert _entries(project) > before
    screen.click("Tokens", "QPushButton")
    screen.click("Pack token files", "PrimaryButton")
    screen.wait_for("Finished: Packing", SECONDS)


def _entries(project: Path) -> int:
    with Project(project, read_only=True) as opened:
        row = tokens.current_tokenizer(opened.connection)
    assert row is not None
    return row.vocabulary
