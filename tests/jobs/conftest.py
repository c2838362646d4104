"""Runs of the fake trainer, started, killed and followed by the real code."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fake_trainer
import psutil
import pytest
from pydantic import BaseModel
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.events import Event, Step
from domainstudio.jobs.folder import JobFolder, Status, create_job
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.run_record import RunRecord

Body = TypeVar("Body")


class Work(BaseModel):
    """Work that asks for nothing: the fake trainer reads behaviour.json."""


@dataclass(frozen=True)
class FakeRun(JobFolder):
    """The job folder of a fake run, with what tests do to it and ask of it."""

    def start(self) -> RunRecord:
        return process.start(self)

    def behave(self, **behaviour: Any) -> None:
        fake_trainer.Behaviour(**behaviour).write(self)

    def events(self) -> list[Event]:
        return list(read_events(self))

    def all_of(self, body: type[Body]) -> list[Body]:
        return [event.body for event in self.events() if isinstance(event.body, body)]

    def wait_for(self, *statuses: Status) -> Status:
        wait_until(lambda: self.status() in statuses, 20)
        return self.status()

    def wait_for_step(self, step: int, attempt: int = 1) -> None:
        def is_reached() -> bool:
            return any(
                event.attempt == attempt and isinstance(event.body, Step) and event.body.step >= step
                for event in self.events()
            )

        wait_until(is_reached, 20)

    def processes(self) -> list[psutil.Process]:
        """Every living process with this job in its command line: found without the code under test."""
        found = psutil.process_iter(["cmdline", "status"])
        return [
            each
            for each in found
            if str(self.path) in (each.info["cmdline"] or []) and each.info["status"] != psutil.STATUS_ZOMBIE
        ]


@pytest.fixture
def new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeRun]]:
    """Make a job whose program is the fake trainer, behaving as told; nothing of it outlives the test."""
    monkeypatch.setattr(process, "command", fake_trainer.command)
    runs: list[FakeRun] = []

    def make(**behaviour: Any) -> FakeRun:
        runs.append(FakeRun(create_job(tmp_path / "jobs", "train", "domainstudio.trainer", Work()).path))
        runs[-1].behave(**behaviour)
        return runs[-1]

    yield make
    for run in runs:
        for leftover in run.processes():
            with suppress(psutil.NoSuchProcess):  # it ended by itself just now
                leftover.kill()
        wait_until(lambda run=run: not run.processes())  # type: ignore[misc]
