"""What the tests of runs read of one: its steps as they come, its losses, its probes."""

import time
from pathlib import Path

from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import Probe, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import Tail
from domainstudio.workflow.training.starting import curves_of

STEPS = 160
"""Of a run of the packed project as it is set."""


def wait_for_step(folder: JobFolder, step: int, attempt: int, seconds: float = 120) -> None:
    """Return as soon as an attempt has reported a step."""
    tail, deadline = Tail(folder), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in tail.poll():
            if event.attempt == attempt and isinstance(event.body, Step) and event.body.step >= step:
                return
        time.sleep(0.01)
    raise AssertionError(f"no step {step} in time: {folder.log_file.read_text()[-2000:]}")


def losses(curves: Curves) -> list[tuple[int, float]]:
    return [(point.step, point.loss) for point in curves.steps.points()]


def probes(project: Path, run: str, step: int) -> dict[str, Probe]:
    points = curves_of(JobFolder(project / "jobs" / run)).probes
    return {point.source: point for point in points if point.step == step}
