"""A project's database to itself for each test."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domainstudio.project.database import connect
from domainstudio.project.project import DATABASE, create
from domainstudio.recipe.run import ModelOrigin


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a new project; copy it."""
    folder = tmp_path_factory.mktemp("index") / "project"
    create(folder, ModelOrigin(preset="tiny")).connection.close()
    return folder / DATABASE


@pytest.fixture
def connection(template: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database of a new project."""
    with closing(connect(Path(shutil.copy(template, tmp_path)))) as found:
        yield found
