"""The short form of kills.py: a few deaths of every operation, at points where it writes and at random."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("kills.py")
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="orphans are adopted, and locks seen, as Linux has them"
)


def campaign(*options: str) -> str:
    """Run a campaign in a process of its own, which forks: it must have no threads."""
    ended = subprocess.run([sys.executable, str(PROGRAM), *options], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@linux
def test_what_dies_where_it_writes_is_whole_before_and_after_and_is_gone_on_with_to_the_same_end() -> None:
    said = campaign("--kills", "0", "--points", "1")
    assert "Nothing was found broken" in said


@linux
def test_an_import_in_several_processes_killed_at_random_is_gone_on_with_to_the_same_end() -> None:
    said = campaign("--kills", "1", "--points", "0", "--only", "import much")
    assert "Nothing was found broken" in said
