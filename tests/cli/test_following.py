"""The line of progress that a command draws while it follows a job."""

import io
import sys
from collections.abc import Iterable

import pytest

from domainstudio.cli.following import ProgressLine
from domainstudio.jobs.events import Progress


class Terminal(io.StringIO):
    """Takes what is drawn, as a terminal does."""

    def isatty(self) -> bool:
        return True


def drawn(bodies: Iterable[Progress], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal gets of the progress of a job that told one body every two seconds."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    line = ProgressLine("train-1")
    for number, body in enumerate(bodies):
        line.show(body, 1e9 + 2 * number)
    return terminal.getvalue()


def test_who_comes_late_reads_the_pace_of_the_run_and_not_of_the_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bodies = [Progress(step, 600, "steps", "training") for step in range(1, 601)]
    assert "600/600 steps, 0.5 steps/s" in drawn(bodies, monkeypatch)


def test_a_long_past_is_not_drawn_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = (Progress(step, 50_000, "steps", "training") for step in range(1, 50_001))
    seen = drawn(bodies, monkeypatch)
    assert "50,000/50,000" in seen and seen.count("train-1") < 5_000
