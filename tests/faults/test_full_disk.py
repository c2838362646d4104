"""The full-disk campaign in short: one sentence, nothing half done, and a repeat makes it whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from faults.disk_scenes import SCENES
from faults.small_disk import can_mount

HERE = Path(__file__).parent
SWEPT = ("new on a base", "import", "mixture", "export model", "find", "mark", "decide")

pytestmark = pytest.mark.skipif(not can_mount(), reason="no disk can be mounted here")


def run(program: str, *arguments: str) -> str:
    words = [sys.executable, str(HERE / program), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def played() -> str:
    """What the scenes printed, all of them played by one process."""
    return run("disk_scenes.py")


@pytest.fixture(scope="module")
def swept() -> str:
    """What a short sweep printed."""
    return run("full_disk.py", "--points", "3", "--inodes", "2", *SWEPT)


@pytest.mark.parametrize("scene", [scene.__name__ for scene in SCENES])
def test_on_a_small_disk(scene: str, played: str) -> None:
    assert f"well  {scene}\n" in played, played


@pytest.mark.parametrize("operation", SWEPT)
def test_a_full_disk_leaves_what_was_before(operation: str, swept: str) -> None:
    lines = [line for line in swept.splitlines() if line.startswith(f"{operation} ")]
    assert len(lines) == 1 and "refused" in lines[0] and "FAULT" not in swept, swept
