"""Concurrency in short: nothing lost, done twice or left over, and both windows show the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from faults.concurrency import SCENES, check_the_journal, play
from faults.crowd_world import crowd, make_project
from faults.kill_world import check_unlocked
from faults.small_disk import can_mount

ROUNDS = (
    "settings_at_once", "undo_at_once", "edit_one_source", "delete_at_once", "import_into_one",
    "import_with_two_roles", "rename_while_importing", "delete_while_resuming", "mark_while_importing",
    "undo_marks_at_once",
)  # fmt: skip
"""Those that lost something, or ended in a traceback, before they were mended, and one of decisions."""


def test_two_windows_and_three_commands_at_once(tmp_path: Path) -> None:
    assert set(ROUNDS) <= set(SCENES)
    project = make_project(tmp_path / "work")
    with crowd(project, tmp_path) as world:
        play(world, list(ROUNDS))
    check_the_journal(project)
    check_unlocked(project)


@pytest.mark.skipif(not can_mount(), reason="no disk can be mounted here")
def test_a_window_on_a_disk_that_is_read_only_taken_away_or_held() -> None:
    program = [sys.executable, str(Path(__file__).with_name("vanishing.py")), "--documents", "5000"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("well  ") == 5, done.stdout + done.stderr
