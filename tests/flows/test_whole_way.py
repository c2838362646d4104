"""From nothing to a model by mouse and keyboard: the sample project, and a project of a person's own text."""

from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import pytest
from flows.screen import Screen
from support import Command, dump

from domainstudio.jobs.folder import JobFolder
from domainstudio.workflow.training.starting import curves_of

SAMPLE_SECONDS = 400.0
"""For the whole sample on a machine that has other things to do; about a minute on two idle cores."""
VOCABULARY, TOKENS = 320, 2560
SETTINGS = {"sequence_length": 64, "micro_batch": 2, "probe_every": 10}
LABELS = {"sequence_length": "Sequence length", "micro_batch": "Micro-batch", "probe_every": "Probes"}


def test_the_sample_project_from_the_start_page_to_an_exported_model(screen: Screen) -> None:
    screen.start()
    screen.click("Make the sample project", "SecondaryButton")
    folder = Path(screen.find("Folder of the sample project").text)
    assert folder.parent == screen.home
    screen.click("Make the sample project", "PrimaryButton")
    screen.wait_for(f"{folder.name} – Domain Studio")
    screen.click("Runs: ", "SidebarItem")
    screen.wait_for("Finished: Writing the report of train-2", SAMPLE_SECONDS)
    assert (folder / "report.html").stat().st_size > 10_000
    for run in ("train-1", "train-2"):
        screen.wait_for(f"{run}: Finished, forgetting ")

    screen.key("ctrl+9")
    screen.choose("Runs from the same base", "Runs from train-1")
    screen.wait_for("train-2 at step ")
    target = Path(screen.find("Folder to write", "QLineEdit").text)
    assert target.parent == folder.parent
    screen.click("Export step ", "PrimaryButton")
    screen.wait_for(f"Written: {target}")
    assert (target / "model.safetensors").stat().st_size > 1_000_000
    assert "train-2" in (target / "README.md").read_text()


def write_text(folder: Path, part: int) -> Path:
    """Write half of Python's help topics into a folder, a file each."""
    folder.mkdir()
    for name in sorted(topics)[part::2]:
        (folder / f"{name}.txt").write_text(topics[name], encoding="utf-8")
    return folder


def import_folder(screen: Screen, folder: Path, role: str) -> None:
    """Import a folder by its path as a source of a role."""
    screen.key("ctrl+i")
    screen.click("Add a folder…")
    screen.type_path(folder)
    screen.choose("Role", role)
    screen.click("Import ", "PrimaryButton")
    screen.wait_for(f"Finished: Importing {folder.name}")


def index(project: Path) -> dict[str, Any]:
    """Return what a project's database says, times of day aside.

    Of the journal only what each plan came to: by clicks and drags it is reached in more edits than by one
    command (how many depends on the pauses in typing), and every one of them can be undone.
    """
    tables: dict[str, Any] = dump(project)
    edits = tables.pop("journal")
    last_ids = {table: last for table, last in tables.pop("sqlite_sequence") if table != "journal"}
    facts = {key: value for key, value in tables.pop("facts") if not key.endswith("_at")}
    return {
        **tables,
        "facts": facts,
        "last_ids": last_ids,
        "journal": {target: after for _id, _label, target, _before, after, _undone in edits},
    }


def losses(project: Path) -> list[float]:
    """Return the training loss of every step."""
    return [point.loss for point in curves_of(JobFolder(project / "jobs" / "train-1")).steps.points()]


@pytest.mark.usefixtures("warm_start")
def test_a_project_made_by_clicks_is_the_one_made_by_commands(
    screen: Screen, tmp_path: Path, command: Command
) -> None:
    """Both index the same rows; the ids of jobs and documents are the same too, as all went in one order."""
    domain, general = write_text(tmp_path / "law", 0), write_text(tmp_path / "prose", 1)
    clicked, typed = tmp_path / "clicked", tmp_path / "typed"
    screen.start()
    screen.click("New project…")
    screen.click("Start from: From scratch")
    screen.fill("Folder of the project", str(clicked))
    screen.click("Make the project")
    screen.wait_for("clicked – Domain Studio")
    import_folder(screen, domain, "domain")
    import_folder(screen, general, "general")

    screen.key("ctrl+4")
    screen.fill("Size of the vocabulary", f"{VOCABULARY}")
    screen.click("Train vocabulary", "PrimaryButton")
    screen.wait_for("Finished: Training a tokenizer")
    screen.click("Pack token files", "PrimaryButton")
    screen.wait_for("Finished: Packing token files")

    screen.key("ctrl+5")
    screen.fill("Tokens to train on", f"{TOKENS}")
    screen.key("Return")
    screen.click("Strong replay, general 25 %")
    screen.wait_for("Replay: 25.0 %")
    screen.drag("Share of law", 0.75, 0.6)
    screen.wait_for(lambda: screen.find("Share of law", "ShareSlider").text != "750")
    shares = {name: int(screen.find(f"Share of {name}", "ShareSlider").text) for name in ("law", "prose")}
    assert sum(shares.values()) == 1000

    screen.key("ctrl+7")
    for key, value in SETTINGS.items():
        screen.tab_to(LABELS[key], "QLineEdit")
        screen.key("ctrl+a")
        screen.type(str(value))
    screen.wait_for(f"{TOKENS // 128} steps of 128 tokens")
    screen.click("Start training", "PrimaryButton")
    screen.wait_for("Finished: Training train-1")
    screen.quit()

    command("project", "new", typed, "--from-scratch", "tiny")
    command("corpus", "import", typed, domain, "--role", "domain")
    command("corpus", "import", typed, general, "--role", "general")
    command("tokenizer", "train", typed, "--size", VOCABULARY)
    command("tokenizer", "pack", typed)
    wanted = [part for name, share in shares.items() for part in ("--share", f"{name}={share / 1000}")]
    command("mixture", "set", typed, *wanted, "--tokens", TOKENS)
    command("recipe", "set", typed, *(f"{key}={value}" for key, value in SETTINGS.items()))
    command("train", "start", typed)
    assert index(clicked) == index(typed)
    assert losses(clicked) == losses(typed)
