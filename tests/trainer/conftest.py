"""A finished run to compare others with."""

import shutil
from pathlib import Path

import pytest

from domainstudio.cli.main import run_command


@pytest.fixture(scope="module")
def undisturbed(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished run, train-1."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("undisturbed") / "small"))
    assert run_command(["train", "start", str(project)]) == 0
    return project
