"""The job folder: where each file of a job lies, and what they say together about its state."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from domainstudio.jobs.event_file import FULL, RESERVE_BYTES, reserve
from domainstudio.jobs.events import Event, LineDecoder, State
from domainstudio.jobs.link import LINK, Link, Status, read_link
from domainstudio.jobs.run_record import Liveness, RunRecord, read_record, record_of
from domainstudio.jobs.spec import JOB_ID, LAST_NUMBER, JobSpec, Program, parse_spec
from domainstudio.paths import (
    check_tree,
    inside,
    locked,
    make_parent,
    open_plain,
    read_small,
    sync_folder,
    write_atomically,
)
from domainstudio.problems import Problem, UserError

Stop = Literal["checkpoint", "now", "keep"]
__all__ = ["Status"]
REQUEST_BYTES = 256
DRAFT = ".new-"
"""What the name of a job folder begins with until it is whole."""
PARTS = ".tmp-parts"
"""The folder of a job's parts, which the next attempt goes on with."""
_TAIL_BYTES = 65_536
MOST_EVENTS_BYTES = 64 << 30
"""A run of a hundred million steps has fewer; a file without data may claim any size."""


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
    def lock_file(self) -> Path:
        """Locked by who starts, sweeps or deletes the job."""
        return self.path / ".start.lock"

    @property
    def log_file(self) -> Path:
        """Stdout and stderr of all attempts."""
        return self.path / "job.log"

    @property
    def run_file(self) -> Path:
        """The process of the current attempt."""
        return self.path / "run.json"

    @property
    def creator_file(self) -> Path:
        """The process that made the job; once it is gone nobody is going to start the job."""
        return self.path / "creator.json"

    @property
    def result(self) -> Path:
        """What the job made."""
        return self.path / "result"

    def spec(self) -> JobSpec:
        """Return what the job shall do, once nothing in its folder is seen to lead out of it.

        Raises:
            UserError: spec.json is missing or refused, or there is a link, a pipe or a device in the folder.
        """
        file = self.path / "spec.json"
        check_tree(self.path)
        try:
            return parse_spec(read_small(file), str(file))
        except FileNotFoundError:
            raise self._missing() from None

    def _missing(self) -> UserError:
        if not self.path.parent.is_dir():
            return UserError(Problem("project.moved", None, {"folder": str(self.path.parents[1])}))
        return UserError(Problem("job.missing", None, {"job": self.job_id, "folder": str(self.path.parent)}))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else start, sweep or delete the job while the block runs.

        Raises:
            UserError: somebody has deleted it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.lock_file))
            except FileNotFoundError:
                raise self._missing() from None
            if not (self.path / "spec.json").is_file():  # it went while we waited
                raise self._missing()
            yield

    def reach(self, relative: str) -> Path:
        """Return a path of the project that the spec gives relative to this folder.

        Raises:
            UserError: it leads out of the project.
        """
        folder = self.path.resolve()
        return inside(folder.parents[1], str(folder / relative)).resolve()

    def run_record(self) -> RunRecord | None:
        """Return the process of the current attempt, None before the first."""
        return read_record(self.run_file)

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
        data = request.model_dump_json(exclude_defaults=True).encode()
        try:
            write_atomically(self._request_file, data)
        except OSError as error:
            if error.errno not in FULL or not self.request_room.is_file():
                raise
            # Written over what lies on the disk already, a request finds room on a full one too.
            with self.request_room.open("rb+") as target:
                target.write(data.ljust(REQUEST_BYTES))
                target.flush()
                os.fsync(target.fileno())
            os.replace(self.request_room, self._request_file)

    def stop_asked(self) -> Stop | None:
        """Return how the current attempt was asked to stop, None if it was not."""
        return _read_request(self._request_file).stop

    def stop_is_asked(self) -> bool:
        """Return whether a stop was requested of the current attempt."""
        return self.stop_asked() is not None

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
    def reserved(self) -> Path:
        """Room on the disk for the last words of the attempt."""
        return self.path / ".last-words"

    def reserve(self) -> None:
        """Take the room that an attempt must have to hear and to tell, whatever happens to the disk.

        Raises:
            OSError: there is not even that.
        """
        try:
            self.events_file.touch()
            reserve(self.reserved, RESERVE_BYTES)
            reserve(self.request_room, REQUEST_BYTES)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give back what was reserved for an attempt that has ended."""
        self.reserved.unlink(missing_ok=True)
        self.request_room.unlink(missing_ok=True)

    @property
    def request_room(self) -> Path:
        """Room on the disk for a request."""
        return self.path / ".request-room"

    @property
    def _request_file(self) -> Path:
        return self.path / "request.json"

    def last_event(self, offset: int = 0) -> Event | None:
        """Return the last whole event after byte `offset`, reading only the end of the file."""
        try:
            with self.open_events() as source:
                source.seek(max(offset, os.fstat(source.fileno()).st_size - _TAIL_BYTES))
                events = [event for event in LineDecoder().feed(source.read()) if event.seq]
        except FileNotFoundError:
            return None
        return events[-1] if events else None

    def status(self) -> Status:
        """Return the state of the latest attempt: its own last word, else whether its process lives.

        Of a job on another machine that is what the machine told last: its silence is not the job's death.
        """
        link = read_link(self.path)
        if link is not None:
            return self._status_there(link)
        record = self.run_record()
        if record is None:
            creator = read_record(self.creator_file)
            is_to_start = creator is not None and creator.liveness() != "dead"
            return "created" if is_to_start else "interrupted"
        liveness = record.liveness()  # before its last word is sought: it may speak and end in between
        last = self.last_event(record.events_offset)
        if last is not None and isinstance(last.body, State):
            return last.body.state
        words: dict[Liveness, Status] = {"alive": "running", "dead": "interrupted", "unknown": "unknown"}
        return words[liveness]

    def _status_there(self, link: Link) -> Status:
        record = self.run_record()
        is_awaited = link.phase == "reconnecting" and link.is_awaited
        if link.phase in ("sending", "starting") or is_awaited or record is None:
            return "running" if self.is_carried() else "interrupted"
        last = self.last_event(record.events_offset)
        if last is not None and isinstance(last.body, State):
            return last.body.state
        return link.status if link.status != "created" else "unknown"

    @property
    def carrier_lock(self) -> Path:
        """Held by the process that carries the job to another machine and what it tells back."""
        return self.path / ".carrier.lock"

    def record_carrier(self, pid: int) -> None:
        """Write which process of this machine that is."""
        write_atomically(self._carrier_file, record_of(pid).model_dump_json().encode())

    def is_carried(self) -> bool:
        """Return whether that process lives."""
        record = read_record(self._carrier_file)
        return record is not None and record.liveness() == "alive"

    @property
    def _carrier_file(self) -> Path:
        return self.path / ".carrier.json"

    def open_events(self) -> BinaryIO:
        """Open events.jsonl for reading.

        Raises:
            UserError: it is no plain file, or larger than the events of any run.
            OSError: it is not there, or may not be read.
        """
        source = open_plain(self.events_file)
        if os.fstat(source.fileno()).st_size > MOST_EVENTS_BYTES:
            source.close()
            params = {"file": str(self.events_file), "most": MOST_EVENTS_BYTES}
            raise UserError(Problem("file.too_large", None, params))
        return source

    def events_size_bytes(self) -> int:
        """Return the size of events.jsonl, 0 if there is none."""
        try:
            return self.events_file.stat().st_size
        except FileNotFoundError:
            return 0

    def attempt_stamp(self) -> int:
        """Return a number that is another for each attempt: when run.json was written, 0 if there is none.

        Of a job on another machine it is another, too, whenever that was heard of.
        """
        stamp = 0
        for file in (self.run_file, self.path / LINK):
            with suppress(FileNotFoundError):
                stamp += file.stat().st_mtime_ns
        return stamp

    def record_process(self, pid: int, events_offset: int) -> RunRecord:
        """Write run.json for an attempt whose group is led by process `pid` of this machine.

        `events_offset` is the size of events.jsonl before that process could have written to it.
        """
        record = record_of(pid, events_offset)
        write_atomically(self.run_file, record.model_dump_json().encode())
        return record


def _read_request(file: Path) -> Request:
    """Return the request in a file, an empty one if there is none or nothing in it is known."""
    try:
        return Request.model_validate_json(read_small(file))
    except FileNotFoundError:
        if (
            not file.parent.is_dir()
        ):  # whoever asks now asks elsewhere, and what is made here nobody would find
            raise UserError(Problem("project.moved", None, {"folder": str(file.parents[2])})) from None
        return Request()
    except ValidationError:
        return Request()


def create_job(
    jobs: Path, kind: str, program: Program, work: BaseModel, *, processes: int = 1, first_free: int = 1
) -> JobFolder:
    """Make the next free folder `jobs/<kind>-<n>`, n at least `first_free`, with its spec.json.

    The folder appears whole, by one rename; two processes that create at once get two numbers.

    Raises:
        UserError: a folder has the last number there is.
    """
    number = max([first_free, *(1 + job_number(folder.job_id) for folder in list_jobs(jobs, kind))])
    if number > LAST_NUMBER:
        params = {"job": f"{kind}-{LAST_NUMBER}", "folder": str(jobs)}
        raise UserError(Problem("job.no_number_left", None, params))
    temporary = jobs / f"{DRAFT}{uuid4().hex}"
    try:
        make_parent(temporary)
        temporary.mkdir()
        creator = record_of(os.getpid()).model_dump_json()
        write_atomically(JobFolder(temporary).creator_file, creator.encode())
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
    except OSError as error:
        error.filename, error.filename2 = str(jobs), None  # a draft's name says nothing to a person
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def job_number(job_id: str) -> int:
    """Return n of `<kind>-<n>`."""
    return int(job_id.rsplit("-", 1)[1])


def list_jobs(jobs: Path, kind: str | None = None) -> Iterator[JobFolder]:
    """Yield the job folders, oldest number first within a kind; foreign names and links are left aside."""
    names = [entry.name for entry in os.scandir(jobs) if not entry.is_symlink()] if jobs.is_dir() else []
    known = [name for name in names if JOB_ID.fullmatch(name)]
    for name in sorted(known, key=lambda name: (name.rsplit("-", 1)[0], job_number(name))):
        if kind is None or name.rsplit("-", 1)[0] == kind:
            yield JobFolder(jobs / name)
