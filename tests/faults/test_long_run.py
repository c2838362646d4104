"""A run of many steps, followed live for its whole length, grows nothing but its curves; see long_run.py."""

from pathlib import Path

import pytest
from faults.long_run import follow

from domainstudio.jobs import process


def test_a_run_followed_from_its_first_step_to_its_last_grows_nothing_but_its_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", process.command)  # set back what `follow` puts there
    result = follow(tmp_path, steps=20_000, every=1000)
    assert result.complaints() == []
