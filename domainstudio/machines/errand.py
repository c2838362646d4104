"""One job's business on one machine: sent, started, asked, watched, ended, fetched; a command each."""

import io
import subprocess
from collections.abc import Callable

import orjson

from domainstudio.jobs.checkpoints import CHECKPOINTS, MODEL, best_of, checkpoint_name
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.far_side import job_of_node
from domainstudio.jobs.folder import JobFolder, Request
from domainstudio.jobs.frames import frames
from domainstudio.jobs.launch import Launch
from domainstudio.jobs.spec import parse_model
from domainstudio.machines.assignment import Assignment, assignment_of
from domainstudio.machines.inputs import files_of, prepared
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.machines.transfer import File, fetch, listed, send
from domainstudio.paths import locked
from domainstudio.problems import Problem, UserError

PROJECTS = "projects"
"""Below the program's folder on a machine: one folder for each project that has a job there."""
_CHECKPOINTS = f"result/{CHECKPOINTS}/"
_FETCHING = ".fetch.lock"
_START_SECONDS = 120.0


class Errand:
    """Does what a job needs there; knows nothing of when."""

    def __init__(self, folder: JobFolder, connection: Connection, node: int = 0) -> None:
        """Reach for nothing yet.

        Args:
            folder: the job's, here.
            connection: to the machine.
            node: which of the job's machines it is.
        """
        self.connection, self.node = connection, node
        self._place, self._folder = Place(connection), folder

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.connection.machine.name

    def send(self, assignment: Assignment, tell: Callable[[int, int], None]) -> None:
        """Bring the spec and all that the job reads.

        Raises:
            UserError: the connection broke, there is no room, or something is missing here.
        """
        spec_file, inputs = prepared(self._folder)
        files = [File(root, name, folder) for root, name, folder in files_of(inputs)]
        files.append(File(spec_file.parent, spec_file.name, self._job))
        send(self._place, files, self._project(assignment), tell)

    def start(self, assignment: Assignment, launch: Launch) -> Launch:
        """Have the job started, unless it was since `assignment.attempts` were known; return how it was.

        Raises:
            UserError: the connection broke, or the machine refuses.
        """
        given = launch.model_dump_json().encode()
        told = self._do(assignment, "start", str(assignment.attempts), given=given)
        return parse_model(Launch, b"".join(told), self.name)

    def ask(self, request: Request) -> None:
        """Ask the job there.

        Raises:
            UserError: the connection broke.
        """
        self._do(
            assignment_of(self._folder.path),
            "ask",
            given=request.model_dump_json(exclude_defaults=True).encode(),
        )

    def kill(self) -> None:
        """End all of the job's processes there at once.

        Raises:
            UserError: the connection broke.
        """
        self._do(assignment_of(self._folder.path), "kill")

    def end(self, patience_seconds: float) -> None:
        """End what is left there of the job: it is waited for so long, then ended by force.

        Raises:
            UserError: the connection broke.
        """
        self._do(assignment_of(self._folder.path), "end", str(patience_seconds))

    def discard(self) -> None:
        """Remove the job, which is over, with all that it made there.

        Raises:
            UserError: the connection broke.
        """
        self._do(assignment_of(self._folder.path), "discard")

    def watch(self, events_at: int, log_at: int) -> "subprocess.Popen[bytes]":
        """Return a program whose output is what is new, in frames, from these bytes of events and log on."""
        argv = self._command(assignment_of(self._folder.path), "watch", str(events_at), str(log_at))
        return self.connection.stream(argv, merged=False)

    def fetch(self, assignment: Assignment, tell: Callable[[int, int], None]) -> None:
        """Bring the model that is the job's result, or all that it made, as the assignment says.

        Raises:
            UserError: the connection broke, or there is no room here.
        """
        if assignment.fetch == "none":
            return
        with locked(self._folder.path / _FETCHING):  # two would write the same pieces
            self._fetch(assignment, tell)

    def _fetch(self, assignment: Assignment, tell: Callable[[int, int], None]) -> None:
        target, place = f"{self._project(assignment)}/{self._job}", self._folder.path
        found = listed(self._place, target, "result")
        if assignment.fetch == "model":
            small = [name for name in found if name.count("/") == 1 and name.endswith(".json")]
            fetch(self._place, small, target, place, tell)
            found = [name for name in found if _is_of_model(name, self._chosen(found))]
        fetch(self._place, found, target, place, tell)

    def _chosen(self, names: list[str]) -> str:
        """Return the name of the checkpoint that is the job's result: its guard's choice, else the newest."""
        best = best_of(self._folder.result)
        if best is not None and best.is_result:
            return checkpoint_name(best.step)
        return max((name.split("/")[2] for name in names if name.startswith(_CHECKPOINTS)), default="-")

    @property
    def _job(self) -> str:
        """The job's folder there, below the project's: one for each node, whose disk may be the same."""
        return f"jobs/{job_of_node(self._folder.job_id, self.node)}"

    def _project(self, assignment: Assignment) -> str:
        return f"{self.connection.machine.folder}/{PROJECTS}/{assignment.project}"

    def _command(self, assignment: Assignment, verb: str, *arguments: str) -> list[str]:
        job = f"{self._project(assignment)}/{self._job}"
        return self._place.command("domainstudio.jobs", verb, job, *arguments)

    def _do(self, assignment: Assignment, verb: str, *arguments: str, given: bytes = b"") -> list[bytes]:
        return answer(self._place, self._command(assignment, verb, *arguments), given)


def answer(place: Place, argv: list[str], given: bytes = b"") -> list[bytes]:
    """Run a command of `jobs.far_side` and return what it told, a frame each.

    Raises:
        UserError: the connection broke, or the machine says what is the matter.
    """
    done = place.run(argv, input=given, seconds=_START_SECONDS)
    told = list(frames(io.BytesIO(done.stdout)))
    for kind, _offset, data in told:
        if kind == "problem":
            raise UserError(problem_in(data))
    if done.code:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        params = {"name": place.connection.machine.name, "reason": said[-1] if said else str(done.code)}
        raise UserError(Problem("machine.program_failed", None, params))
    return [data for _kind, _offset, data in told]


def problem_in(data: bytes) -> Problem:
    """Return the problem that a machine tells; one that this program does not know keeps its code."""
    told = orjson.loads(data)
    return JobProblem(str(told["code"]), told["field"], told["params"]).problem


def _is_of_model(name: str, checkpoint: str) -> bool:
    """Return whether a file is part of a checkpoint's model, or says where in the text it was."""
    within = name.removeprefix(f"{_CHECKPOINTS}{checkpoint}/")
    return within != name and (within.startswith(f"{MODEL}/") or within == "position.json")
