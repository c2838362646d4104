"""Near-duplicates by mouse and keyboard: found, ten pairs judged, three taken back, marked, reported."""

import json
from pathlib import Path

import pytest
from flows.screen import Screen

from domainstudio.cli.main import run_command
from domainstudio.project import duplicates
from domainstudio.project.project import Project
from domainstudio.project.verdicts import verdicts

COPIES = 14


@pytest.fixture
def copied_project(tmp_path: Path) -> Path:
    """A project in which fourteen documents are nearly others."""
    texts = [
        " ".join(f"word{(seed * 131 + number * 7) % 997}of{seed}" for number in range(90))
        for seed in range(340)
    ]
    texts += [f"{texts[number]} and an ending" for number in range(COPIES)]
    file, project = tmp_path / "texts.jsonl", tmp_path / "copied"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for words in (
        ["project", "new", project, "--from-scratch", "tiny"],
        ["corpus", "import", project, file, "--role", "domain", "--name", "texts"],
    ):
        assert run_command([str(word) for word in words]) == 0
    return project


def decisions(project: Path) -> list[str]:
    with Project(project, read_only=True) as opened:
        return [verdict.decision for verdict in verdicts(opened.connection)]


def pair_shown(screen: Screen) -> list[str]:
    return [line for line in screen.told().splitlines() if "document " in line]


def test_near_copies_are_found_judged_by_one_hand_marked_and_reported(
    screen: Screen, copied_project: Path, tmp_path: Path
) -> None:
    screen.start()
    screen.open_project(copied_project)
    screen.key("ctrl+3")
    screen.click("Find near-duplicates", "PrimaryButton")
    screen.wait_for(f"Mark {COPIES} as duplicates")
    screen.wait_for("nothing is known of the removals")
    screen.tab_to("Pairs to judge")
    for number, key in enumerate(["a", "a", "r", "a", "u", "a", "a", "s", "a", "a"], start=1):
        before = pair_shown(screen)
        screen.key(key)
        screen.wait_for(lambda number=number: len(decisions(copied_project)) == number)  # type: ignore[misc]
        screen.wait_for(lambda before=before: pair_shown(screen) != before)  # type: ignore[misc]
    screen.wait_for(f"10 of {COPIES} pairs")
    screen.wait_for("With 95 % confidence at most")
    assert sorted(decisions(copied_project)) == sorted(["accept"] * 7 + ["reject", "split", "unsure"])

    for _ in range(3):
        before = len(decisions(copied_project))
        screen.key("z")
        screen.wait_for(lambda before=before: len(decisions(copied_project)) == before - 1)  # type: ignore[misc]
    screen.wait_for(f"7 of {COPIES} pairs")
    assert sorted(decisions(copied_project)) == sorted(["accept"] * 5 + ["reject", "unsure"])

    screen.click(f"Mark {COPIES - 1} as duplicates")
    screen.wait_for("Use all again")
    with Project(copied_project, read_only=True) as opened:
        standing = duplicates.standing(opened.connection)
        assert standing is not None and standing.documents == COPIES - 1
    report = tmp_path / "audit.md"
    screen.click("Audit report…")
    screen.type_path(report)
    screen.wait_for(report.exists)
    assert "Wrong removals" in report.read_text() and "checked at random; wrong: 1" in report.read_text()
    assert not screen.log
