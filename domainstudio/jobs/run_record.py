"""run.json: which process does a job, and whether it lives."""

import os
import sys
from pathlib import Path
from typing import Literal

import psutil
from pydantic import Field

from domainstudio.jobs.machine import Machine, this_machine
from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small

Liveness = Literal["alive", "dead", "unknown"]


def _start_time(process: psutil.Process) -> float:
    """Return when a process started in seconds that do not change when the machine's clock is set.

    Linux keeps the time since boot, other systems the Unix time at the start.

    Raises:
        OSError: on Linux, the process has just ended.
    """
    if sys.platform != "linux":
        return float(process.create_time())
    after_name = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2]
    return int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")


class RunRecord(Machine):
    """run.json: the process of the current attempt, and the machine that it runs on.

    `started` is when it started (see `_start_time`), `events_offset` the size of events.jsonl before it.
    """

    pid: int = Field(gt=0, lt=2**31)
    group: int
    started: float
    events_offset: int = Field(ge=0, lt=2**62)

    def liveness(self) -> Liveness:
        """Return alive only if a process has this pid and this start time; another machine is not known."""
        nearness = self.nearness(this_machine())
        if nearness != "here":
            return "unknown" if nearness == "elsewhere" else "dead"
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_time(process) - self.started) < 1.0
            return "alive" if same and process.status() != psutil.STATUS_ZOMBIE else "dead"
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return "dead"


def record_of(pid: int, events_offset: int = 0) -> RunRecord:
    """Return the record of a process of this machine."""
    return RunRecord(
        pid=pid,
        group=pid,
        started=_start_time(psutil.Process(pid)),
        events_offset=events_offset,
        **this_machine().model_dump(),
    )


def read_record(file: Path) -> RunRecord | None:
    """Return the record in a file, None if there is none.

    Raises:
        UserError: it is damaged.
    """
    try:
        return parse_model(RunRecord, read_small(file), str(file))
    except FileNotFoundError:
        return None
