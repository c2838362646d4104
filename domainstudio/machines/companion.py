"""Listens to a machine that trains a run together with its first: whether it lives, and what it printed."""

import threading
import time
from pathlib import Path

from domainstudio.jobs.folder import MOST_EVENTS_BYTES, JobFolder
from domainstudio.jobs.frames import append, frames, size_of
from domainstudio.jobs.link import Node, Standing
from domainstudio.jobs.spec import parse_model
from domainstudio.machines.errand import Errand, problem_in
from domainstudio.machines.last_words import LastWords
from domainstudio.machines.ssh_words import trouble
from domainstudio.problems import Problem, UserError

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two tries: twice as long each time."""
_LINE_BYTES = 400


class Companion(threading.Thread):
    """Follows one node other than the first until it has ended; cut off, it tries again by itself."""

    def __init__(self, folder: JobFolder, errand: Errand) -> None:
        """Listen to nothing yet."""
        super().__init__(name=f"{folder.job_id} on {errand.name}", daemon=True)
        self._errand, self._log = errand, log_of_node(folder.path, errand.node)
        self._over = threading.Event()
        self._hearing: LastWords | None = None
        self.node = Node(machine=errand.name)
        """What is known by now."""
        self.devices: list[dict[str, str]] = []
        """As nvidia-smi told last."""

    @property
    def has_ended(self) -> bool:
        """Whether its part of the job is over."""
        return self.node.status in ("done", "stopped", "failed", "interrupted")

    def run(self) -> None:
        """Listen until it has ended, or nobody needs to know."""
        tries = 0
        while not self._over.is_set() and not self.has_ended:
            seen = self.node.last_seen
            try:
                self._listen()
            except UserError as error:
                self._miss(error.problem)
            except OSError as error:  # this disk, mostly
                reason = error.strerror or str(error)
                self._miss(Problem("machine.cannot_keep", None, {"reason": reason}))
            tries = 0 if self.node.last_seen != seen else tries + 1
            self._over.wait(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries, 10)))

    def leave(self) -> None:
        """Listen no more; what goes on there goes on."""
        self._over.set()
        if self._hearing is not None:
            self._hearing.end()
        self.join()

    def _listen(self) -> None:
        # Its events, of which it has few, are not asked for: those of the first say what the run does.
        with (
            self._errand.watch(MOST_EVENTS_BYTES, size_of(self._log)) as process,
            LastWords(process) as words,
        ):
            assert process.stdout is not None
            self._hearing = words
            for kind, offset, data in frames(process.stdout):
                if self._over.is_set() or self._take(kind, offset, data):
                    return
        raise UserError(trouble(self._errand.connection.machine, words.data))

    def _take(self, kind: str, offset: int, data: bytes) -> bool:
        match kind:
            case "log":
                append(self._log, offset, data)
            case "problem":
                raise UserError(problem_in(data))
            case "state":
                told = parse_model(Standing, data, self._errand.name)
                self.devices = told.devices
                line = _last_line(self._log) if told.over else ""
                self.node = Node(
                    machine=self._errand.name, status=told.status, last_seen=time.time(), last_line=line
                )
                return told.over
        return False

    def _miss(self, problem: Problem) -> None:
        params = {name: str(value) for name, value in problem.params.items()}
        self.node = self.node.model_copy(update={"problem": problem.code, "params": params})


def log_of_node(job: Path, node: int) -> Path:
    """Return where a copy lies of what another node than the first has printed."""
    return job / f"node-{node}.log"


def _last_line(log: Path) -> str:
    """Return the last line that was printed, as far as it is short."""
    try:
        with log.open("rb") as source:
            source.seek(max(0, size_of(log) - _LINE_BYTES))
            lines = source.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
