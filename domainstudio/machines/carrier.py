"""Carries a job to its machines and what it tells back: cut off, it goes on where it was, for days even.

The files of the job here are the very bytes of those there, as far as they have come: their length says where
to go on, so that no event is lost or doubled whenever either side dies. What is asked here is asked there.
"""

import threading
import time
from collections.abc import Sequence
from functools import partial

from domainstudio.jobs.folder import JobFolder, Request
from domainstudio.jobs.frames import append, frames, size_of
from domainstudio.jobs.link import Device, Link, Node, Phase, Standing, read_link, write_link
from domainstudio.jobs.spec import parse_model
from domainstudio.machines.assignment import Assignment, assignment_of, write_assignment
from domainstudio.machines.companion import FIRST_WAIT, LONGEST_WAIT, Companion
from domainstudio.machines.errand import Errand, problem_in
from domainstudio.machines.last_words import LastWords
from domainstudio.machines.machine import Machine
from domainstudio.machines.nodes import Nodes
from domainstudio.machines.ssh_words import trouble
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError

PASSING = (
    "machine.lost", "machine.unreachable", "machine.not_found", "machine.refused", "machine.too_slow",
    "machine.transfer_broke", "machine.disk_full", "machine.no_room", "machine.stopped",
)  # fmt: skip
"""Problems that may be gone at the next try: a laptop sleeps, a network is lost, a disk is being cleared."""
ENDING_SECONDS = 10.0
"""How long what is left of a job that is over may take to end by itself."""
LONE_SECONDS = 180.0
"""How long a run may go on after one of its machines has ended its part: by then its trainer has noticed."""
_REQUEST_SECONDS = 0.2
_MB = 1 << 20


class Carrier:
    """Keeps a job here in step with the same job on its machines, until that has ended on each of them."""

    def __init__(self, folder: JobFolder, machines: Sequence[Machine]) -> None:
        """Reach for nothing yet; the job's events come from the first machine."""
        self._folder, self._nodes = folder, Nodes(folder, list(machines))
        self._errand = self._nodes.first
        new = Link(machine=self._errand.name, phase="starting", written=time.time())
        nodes = tuple(Node(machine=errand.name) for errand in self._nodes.others)
        self._link = (read_link(folder.path) or new).model_copy(update={"nodes": nodes})
        self._companions: list[Companion] = []
        self._lone_since: float | None = None
        self._outcome: Problem | None = None
        """Why the run was ended from here."""
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
        """Let time pass; a stop that is asked before the start is heard at once."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._is_given_up(assignment_of(self._folder.path)):
            time.sleep(_REQUEST_SECONDS)

    def _is_given_up(self, assignment: Assignment) -> bool:
        """Return whether a stop is asked of what has not been started anywhere."""
        return assignment.is_asked and not assignment.is_begun and self._folder.stop_is_asked()

    def _has_carried(self) -> bool:
        """Carry until the job is over or the connection is lost; return whether it is over."""
        try:
            assignment = assignment_of(self._folder.path)
            if self._is_given_up(assignment):
                write_assignment(self._folder.path, assignment.model_copy(update={"is_asked": False}))
                self._tell("over")
                return True
            if assignment.is_asked:
                self._deliver(assignment)
            self._about(self._errand)
            self._accompany()
            self._watch()
            self._end(assignment)
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
        self._tell("over", self._outcome)
        return True

    def _deliver(self, assignment: Assignment) -> None:
        """Send what the job reads, and have it started, once however often this is tried."""
        for errand in self._nodes.errands:
            self._about(errand)
            self._tell("sending")
            errand.send(assignment, partial(self._on_moved, "sending"))
        self._about(self._errand)
        self._tell("starting")
        path = self._folder.path
        write_assignment(path, assignment.model_copy(update={"is_begun": True}))
        self._nodes.start(assignment)
        write_assignment(path, assignment.model_copy(update={"is_begun": True, "is_asked": False}))

    def _about(self, errand: Errand) -> None:
        """Remember which machine the next words are about."""
        self._link = self._link.model_copy(update={"at": errand.name if errand.node else ""})

    def _on_moved(self, phase: Phase, done: int, total: int) -> None:
        """Tell how far it is; a stop that is asked before the start ends the sending."""
        self._link = self._link.model_copy(update={"done": done, "total": total})
        self._tell(phase, is_heard=not self._link.at)
        if phase == "sending" and self._is_given_up(assignment_of(self._folder.path)):
            raise UserError(Problem("machine.stopped", None))

    def _accompany(self) -> None:
        """Listen to the other machines, from now until the job is over."""
        if not self._companions:
            self._companions = [Companion(self._folder, errand) for errand in self._nodes.others]
            for companion in self._companions:
                companion.start()

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
        raise UserError(trouble(self._errand.connection.machine, words.data))

    def _end(self, assignment: Assignment) -> None:
        """Fetch what was made, and see that nothing of the job is left on any machine.

        Raises:
            UserError: a machine is not reached; it is tried again.
        """
        left = self._nodes.end(ENDING_SECONDS)
        if self._folder.status() == "done":
            self._errand.fetch(assignment, partial(self._on_moved, "fetching"))
        for companion in self._companions:
            companion.leave()
        self._companions, self._lone_since = [], None
        for errand, error in left:
            self._about(errand)
            raise error

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
                return self._take_state(parse_model(Standing, data, self._errand.name))
            case "problem":
                raise UserError(problem_in(data))
        return False

    def _take_state(self, told: Standing) -> bool:
        rows = [*told.devices, *(row for companion in self._companions for row in companion.devices)]
        devices = tuple(_device(row) for row in rows)
        self._link = self._link.model_copy(update={"status": told.status, "devices": devices})
        self._tell("live", is_heard=True)
        if not told.over:
            self._end_if_lone()
        return told.over

    def _end_if_lone(self) -> None:
        """End a run that goes on without one of its machines for longer than its trainer takes to notice."""
        ended = next((one for one in self._companions if one.has_ended), None)
        now = time.monotonic()
        if ended is None:
            self._lone_since = None
        elif self._lone_since is None:
            self._lone_since = now
        elif now - self._lone_since > LONE_SECONDS:
            node = ended.node
            params = {"name": node.machine, "job": self._folder.job_id, "line": node.last_line or "-"}
            self._outcome = Problem("machine.node_ended", None, params)
            self._nodes.kill()

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

    def _tell(self, phase: Phase, problem: Problem | None = None, *, is_heard: bool = False) -> None:
        now = time.time()
        params = {name: str(value) for name, value in problem.params.items()} if problem else {}
        nodes = tuple(companion.node for companion in self._companions) or self._link.nodes
        self._link = self._link.model_copy(
            update={
                "phase": phase,
                "nodes": nodes,
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
