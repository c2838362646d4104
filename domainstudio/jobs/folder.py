"""The job folder: where each file of a job lies, and what they say together about its state."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domainstudio.jobs.events import Event, LineDecoder, State
from domainstudio.jobs.spec import JOB_ID, JobSpec, Program, parse_model, parse_spec
from domainstudio.paths import sync_folder, write_atomically
from domainstudio.problems import Problem, UserError

Status = Literal["created", "running", "done", "stopped", "failed", "interrupted", "unknown"]
Liveness = Literal["alive", "dead", "unknown"]
Stop = Literal["checkpoint", "now", "keep"]
_TAIL_BYTES = 65_536


def _start_time(process: psutil.Process) -> float:
    """Return when a process started in seconds that do not change when the machine's clock is set.

    Linux keeps the time since boot, other systems the Unix time at the start.
    """
    since_boot = sys.platform == "linux"
    return float(process.create_time() - (psutil.boot_time() if since_boot else 0.0))


class RunRecord(BaseModel):
    """run.json: the process of the current attempt.

    `started` is when it started (see `_start_time`), `events_offset` the size of events.jsonl before it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int = Field(gt=0)
    group: int
    started: float
    host: str
    events_offset: int

    def liveness(self) -> Liveness:
        """Return alive only if a process has this pid and this start time; another host is not known."""
        if self.host != socket.gethostname():
            return "unknown"
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_time(process) - self.started) < 1.0
            return "alive" if same and process.status() != psutil.STATUS_ZOMBIE else "dead"
        except psutil.NoSuchProcess:
            return "dead"


class Request(BaseModel):
    """request.json: what somebody asks of a running job; what this program does not know is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stop: Stop | None = None
    """checkpoint: end at the next step with a checkpoint, to go on later; now: end without one; keep: end
    with a checkpoint and last probes, as done."""
    checkpoint: bool = False
    """Write a checkpoint and go on."""


@dataclass(frozen=True)
class JobFolder:
    """`PROJECT/jobs/<id>/`; nothing but its path is held, so any process may make one at any time."""

    path: Path

    @property
    def job_id(self) -> str:
        """The folder's name, such as `train-3`."""
        return self.path.name

    @property
    def events_file(self) -> Path:
        """The append-only truth."""
        return self.path / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """Stdout and stderr of all attempts."""
        return self.path / "job.log"

    @property
    def run_file(self) -> Path:
        """The process of the current attempt."""
        return self.path / "run.json"

    @property
    def result(self) -> Path:
        """What the job made."""
        return self.path / "result"

    def spec(self) -> JobSpec:
        """Return what the job shall do.

        Raises:
            UserError: spec.json is missing or refused.
        """
        file = self.path / "spec.json"
        try:
            return parse_spec(file.read_bytes(), str(file))
        except FileNotFoundError:
            raise UserError(
                Problem("job.missing", None, {"job": self.job_id, "folder": str(self.path)})
            ) from None

    def run_record(self) -> RunRecord | None:
        """Return the process of the current attempt, None before the first."""
        try:
            return parse_model(RunRecord, self.run_file.read_bytes(), str(self.run_file))
        except FileNotFoundError:
            return None

    def liveness(self) -> Liveness:
        """Return whether the job's process lives."""
        record = self.run_record()
        return "dead" if record is None else record.liveness()

    def ask_to_stop(self, how: Stop = "checkpoint") -> None:
        """Leave the request that the job ends at its next safe point; a later request replaces an earlier."""
        self._ask(Request(stop=how))

    def ask_for_checkpoint(self) -> None:
        """Leave the request that a run writes a checkpoint and goes on; one to stop stays as it is."""
        if not self.stop_is_asked():
            self._ask(Request(checkpoint=True))

    def _ask(self, request: Request) -> None:
        write_atomically(self._request_file, request.model_dump_json(exclude_defaults=True).encode())

    def stop_is_asked(self) -> bool:
        """Return whether a stop was requested of the current attempt."""
        return _read_request(self._request_file).stop is not None

    def take_request(self) -> Request:
        """Return what is asked now: a checkpoint is heard once, a stop until the attempt has ended."""
        asked = _read_request(self._request_file)
        if not asked.checkpoint or asked.stop:
            return asked
        # Renamed before it is read for good: a stop that comes in this moment is taken, not lost.
        taken = self.path / ".request.taken"
        os.replace(self._request_file, taken)
        asked = _read_request(taken)
        taken.unlink()
        return asked

    def clear_request(self) -> None:
        """Forget a request made of an earlier attempt."""
        self._request_file.unlink(missing_ok=True)

    @property
    def _request_file(self) -> Path:
        return self.path / "request.json"

    def last_event(self, offset: int = 0) -> Event | None:
        """Return the last whole event after byte `offset`, reading only the end of the file."""
        try:
            with self.events_file.open("rb") as source:
                source.seek(max(offset, os.fstat(source.fileno()).st_size - _TAIL_BYTES))
                events = [event for event in LineDecoder().feed(source.read()) if event.seq]
        except FileNotFoundError:
            return None
        return events[-1] if events else None

    def status(self) -> Status:
        """Return the state of the latest attempt: its own last word, else whether its process lives."""
        record = self.run_record()
        if record is None:
            return "created"
        liveness = record.liveness()  # before its last word is sought: it may speak and end in between
        last = self.last_event(record.events_offset)
        if last is not None and isinstance(last.body, State):
            return last.body.state
        words: dict[Liveness, Status] = {"alive": "running", "dead": "interrupted", "unknown": "unknown"}
        return words[liveness]

    def events_size_bytes(self) -> int:
        """Return the size of events.jsonl, 0 if there is none."""
        try:
            return self.events_file.stat().st_size
        except FileNotFoundError:
            return 0

    def attempt_stamp(self) -> int:
        """Return a number that is another for each attempt: when run.json was written, 0 if there is none."""
        try:
            return self.run_file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def record_process(self, pid: int, events_offset: int) -> RunRecord:
        """Write run.json for an attempt whose group is led by process `pid` of this machine.

        `events_offset` is the size of events.jsonl before that process could have written to it.
        """
        record = RunRecord(
            pid=pid,
            group=pid,
            started=_start_time(psutil.Process(pid)),
            host=socket.gethostname(),
            events_offset=events_offset,
        )
        write_atomically(self.run_file, record.model_dump_json().encode())
        return record


def _read_request(file: Path) -> Request:
    """Return the request in a file, an empty one if there is none or nothing in it is known."""
    try:
        return Request.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Request()


def create_job(
    jobs: Path, kind: str, program: Program, work: BaseModel, *, processes: int = 1, first_free: int = 1
) -> JobFolder:
    """Make the next free folder `jobs/<kind>-<n>`, n at least `first_free`, with its spec.json.

    The folder appears whole, by one rename; two processes that create at once get two numbers.
    """
    number = max([first_free, *(1 + job_number(folder.job_id) for folder in list_jobs(jobs, kind))])
    temporary = jobs / f".new-{uuid4().hex}"
    temporary.mkdir(parents=True)
    try:
        while True:
            spec = JobSpec(
                job_id=f"{kind}-{number}",
                kind=kind,
                program=program,
                processes=processes,
                work=work.model_dump(mode="json"),
            )
            write_atomically(temporary / "spec.json", spec.model_dump_json(indent=1).encode())
            try:
                temporary.rename(jobs / spec.job_id)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                number += 1
                continue
            sync_folder(jobs)
            return JobFolder(jobs / spec.job_id)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def job_number(job_id: str) -> int:
    """Return n of `<kind>-<n>`."""
    return int(job_id.rsplit("-", 1)[1])


def list_jobs(jobs: Path, kind: str | None = None) -> Iterator[JobFolder]:
    """Yield the job folders, oldest number first within a kind; foreign names are left aside."""
    names = [entry.name for entry in os.scandir(jobs)] if jobs.is_dir() else []
    known = [name for name in names if JOB_ID.fullmatch(name)]
    for name in sorted(known, key=lambda name: (name.rsplit("-", 1)[0], job_number(name))):
        if kind is None or name.rsplit("-", 1)[0] == kind:
            yield JobFolder(jobs / name)
