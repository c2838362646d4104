"""Carries a job to its machine and what it tells back: cut off, it goes on where it was, for days if need be.

The files of the job here are the very bytes of those there, as far as they have come: their length says where
to go on, so that no event is lost or doubled whenever either side dies. What is asked here is asked there.
"""

import threading
import time
from functools import partial

from domainstudio.jobs.folder import JobFolder, Request
from domainstudio.jobs.frames import append, frames, size_of
from domainstudio.jobs.link import Device, Link, Phase, Standing, read_link, write_link
from domainstudio.jobs.spec import parse_model
from domainstudio.machines.assignment import Assignment, read_assignment, write_assignment
from domainstudio.machines.errand import Errand, problem_in
from domainstudio.machines.last_words import LastWords
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.machines.ssh_words import trouble
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two tries: twice as long each time."""
PASSING = (
    "machine.lost", "machine.unreachable", "machine.not_found", "machine.refused", "machine.too_slow",
    "machine.transfer_broke", "machine.disk_full", "machine.no_room", "machine.stopped",
)  # fmt: skip
"""Problems that may be gone at the next try: a laptop sleeps, a network is lost, a disk is being cleared."""
_REQUEST_SECONDS = 0.2
_MB = 1 << 20


class Carrier:
    """Keeps a job here in step with the same job on its machine, until that has ended."""

    def __init__(self, folder: JobFolder, machine: Machine) -> None:
        """Reach for nothing yet."""
        self._folder, self._machine = folder, machine
        self._errand = Errand(folder, Connection(machine))
        new = Link(machine=machine.name, phase="starting", written=time.time())
        self._link = read_link(folder.path) or new
        self._tries = 0

    def run(self) -> None:
        """Carry until the job has ended and all it told is here.

        Raises:
            UserError: what only a person can mend; it is told in the link too.
        """
        self._folder.log_file.touch()
        while not self._has_carried():
            self._wait(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._tries, 10)))
            self._tries += 1

    def _wait(self, seconds: float) -> None:
        """Let time pass; a stop that is asked is heard at once."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (
            self._assignment().is_asked and self._folder.stop_is_asked()
        ):
            time.sleep(_REQUEST_SECONDS)

    def _has_carried(self) -> bool:
        """Carry until the job is over or the connection is lost; return whether it is over."""
        try:
            assignment = self._assignment()
            if assignment.is_asked and self._folder.stop_is_asked():
                write_assignment(self._folder.path, assignment.model_copy(update={"is_asked": False}))
                self._tell("over")
                return True
            if assignment.is_asked:
                self._deliver(assignment)
            self._watch()
            self._fetch(assignment)
        except UserError as error:
            is_passing = error.problem.code in PASSING
            self._tell("reconnecting" if is_passing else "refused", error.problem)
            if not is_passing:
                raise
            return False
        except OSError as error:  # this disk, mostly
            problem = Problem("machine.cannot_keep", None, {"reason": error.strerror or str(error)})
            self._tell("reconnecting", problem)
            return False
        self._tell("over")
        return True

    def _assignment(self) -> Assignment:
        found = read_assignment(self._folder.path)
        if found is None:
            raise UserError(Problem("machine.not_assigned", None, {"job": self._folder.job_id}))
        return found

    def _deliver(self, assignment: Assignment) -> None:
        """Send what the job reads, and have it started, once however often this is tried."""
        self._tell("sending")
        self._errand.send(assignment, partial(self._on_moved, "sending"))
        self._tell("starting")
        self._errand.start(assignment, assignment.attempts)
        write_assignment(self._folder.path, assignment.model_copy(update={"is_asked": False}))

    def _on_moved(self, phase: Phase, done: int, total: int) -> None:
        """Tell how far it is; a stop that is asked before the start ends the sending."""
        self._link = self._link.model_copy(update={"done": done, "total": total})
        self._tell(phase, is_heard=True)
        if phase == "sending" and self._folder.stop_is_asked():
            raise UserError(Problem("machine.stopped", None))

    def _watch(self) -> None:
        """Keep in step until the job is over.

        Raises:
            UserError: the connection was lost, or the machine has something to say.
        """
        offsets = [size_of(file) for file in (self._folder.events_file, self._folder.log_file)]
        over = threading.Event()
        asking = threading.Thread(target=self._forward_requests, args=(over,), daemon=True)
        with self._errand.watch(*offsets) as process, LastWords(process) as words:
            assert process.stdout is not None
            asking.start()
            try:
                for kind, offset, data in frames(process.stdout):
                    if self._take(kind, offset, data):
                        return
            finally:
                over.set()
                asking.join()
        raise UserError(trouble(self._machine, words.data))

    def _take(self, kind: str, offset: int, data: bytes) -> bool:
        """Take in what a frame tells; return whether the job is over."""
        self._tries = 0
        match kind:
            case "events":
                append(self._folder.events_file, offset, data)
            case "log":
                append(self._folder.log_file, offset, data)
            case "run" if data:
                write_atomically(self._folder.run_file, data)
            case "state":
                return self._take_state(parse_model(Standing, data, self._machine.name))
            case "problem":
                raise UserError(problem_in(data))
        return False

    def _take_state(self, told: Standing) -> bool:
        devices = tuple(_device(row) for row in told.devices)
        self._link = self._link.model_copy(update={"status": told.status, "devices": devices})
        self._tell("live", is_heard=True)
        return told.over

    def _forward_requests(self, over: threading.Event) -> None:
        """Ask there what is asked here, each request once; one that did not get through is asked again."""
        forwarded = Request()
        while not over.wait(_REQUEST_SECONDS):
            asked = self._folder.take_request()
            if asked in (Request(), forwarded):
                continue
            try:
                self._errand.ask(asked)
            except UserError:
                if not asked.stop:  # it is taken already
                    self._folder.ask_for_checkpoint()
            else:
                forwarded = asked if asked.stop else Request()

    def _fetch(self, assignment: Assignment) -> None:
        if self._folder.status() == "done":
            self._errand.fetch(assignment, partial(self._on_moved, "fetching"))

    def _tell(self, phase: Phase, problem: Problem | None = None, *, is_heard: bool = False) -> None:
        now = time.time()
        params = {name: str(value) for name, value in problem.params.items()} if problem else {}
        self._link = self._link.model_copy(
            update={
                "phase": phase,
                "written": now,
                "last_seen": now if is_heard else self._link.last_seen,
                "problem": problem.code if problem else "",
                "params": params,
            }
        )
        write_link(self._folder.path, self._link)


def _device(row: dict[str, str]) -> Device:
    def number(key: str) -> float | None:
        try:
            return float(row[key])
        except (KeyError, ValueError):  # [N/A]
            return None

    used, total = number("memory.used"), number("memory.total")
    return Device(
        name=row.get("name", "-"),
        memory_used=None if used is None else round(used) * _MB,
        memory_total=None if total is None else round(total) * _MB,
        utilisation=number("utilization.gpu"),
        temperature=number("temperature.gpu"),
    )
