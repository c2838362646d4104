"""A display without a window manager for all flows, and a person at it for each; what they leave is ended."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flows.screen import Display, Screen
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.folder import JobFolder

NEEDED = ("Xvfb", "xdotool")


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    """Xvfb; flows are skipped where it or xdotool is missing."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or sys.platform != "linux":
        pytest.skip(f"needs {' and '.join(missing or NEEDED)} on Linux")
    made = Display(tmp_path_factory.mktemp("display"))
    yield made
    made.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let fixtures know whether the test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture
def screen(display: Display, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A person at the screen; afterwards no window and no job is left, and the terminal is empty."""
    made = Screen(display, tmp_path / "screen")
    yield made
    has_failed = request.node.stash.get(FAILED, True)
    if has_failed:
        made.picture().save(str(tmp_path / "screen.png"))
        print(f"the screen: {tmp_path / 'screen.png'}\nthe terminal: {made.log}")
    made.end()
    end_jobs(tmp_path)
    assert has_failed or made.log == ""


def end_jobs(folder: Path) -> None:
    """Kill the jobs that still run in projects below a folder."""
    for record in folder.rglob("run.json"):
        job = JobFolder(record.parent)
        if job.status() == "running":
            process.kill(job)
            wait_until(lambda job=job: job.status() != "running")
