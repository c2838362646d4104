"""What several tests need: a comparable dump of a project, and waiting with a deadline."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
OpenWindow = Callable[..., Any]
"""Opens a window, on a project and a step if they are given (a fixture of tests/gui)."""
OpenPane = Callable[..., Any]
"""Shows one pane of a project alone: its class, the project, what it remembers (a fixture of tests/gui)."""


def dump(project: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, without the columns that hold a time of day."""
    tables: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(project / "project.sqlite")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(column for column in columns if not column.endswith("_at"))
            tables[name] = database.execute(f"SELECT {kept} FROM {name} ORDER BY 1, 2").fetchall()
    return tables


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
