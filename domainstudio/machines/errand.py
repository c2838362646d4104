"""One job's business on its machine: sent, started, asked, watched, ended, fetched; a command each."""

import io
import subprocess
from collections.abc import Callable

import orjson

from domainstudio.jobs.checkpoints import CHECKPOINTS, MODEL, best_of, checkpoint_name
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder, Request
from domainstudio.jobs.frames import frames
from domainstudio.machines.assignment import Assignment, read_assignment
from domainstudio.machines.inputs import files_of, inputs_of
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.machines.transfer import File, fetch, listed, send
from domainstudio.paths import locked
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.run import RunSpec

PROJECTS = "projects"
"""Below the program's folder on a machine: one folder for each project that has a job there."""
_CHECKPOINTS = f"result/{CHECKPOINTS}/"
_THERE = ".there"
"""In a job's folder: what of it is another file on the machine."""
_FETCHING = ".fetch.lock"
_START_SECONDS = 120.0


class Errand:
    """Does what a job needs there; knows nothing of when."""

    def __init__(self, folder: JobFolder, connection: Connection) -> None:
        """Reach for nothing yet."""
        self.connection = connection
        self._place, self._folder = Place(connection), folder

    def send(self, assignment: Assignment, tell: Callable[[int, int], None]) -> None:
        """Bring the spec and all that the job reads.

        Raises:
            UserError: the connection broke, there is no room, or something is missing here.
        """
        spec = self._folder.spec()
        work, inputs = inputs_of(spec.work_as(RunSpec, spec.job_id), self._folder.path)
        there = self._folder.path / _THERE
        there.mkdir(exist_ok=True)
        changed = spec.model_copy(update={"work": work.model_dump(mode="json")})
        (there / "spec.json").write_bytes(changed.model_dump_json(indent=1).encode())
        files = [File(root, name, folder) for root, name, folder in files_of(inputs)]
        files.append(File(there, "spec.json", f"jobs/{spec.job_id}"))
        send(self._place, files, self._project(assignment), tell)

    def start(self, assignment: Assignment, attempts_before: int) -> None:
        """Have the job started, unless it was since `attempts_before` were known.

        Raises:
            UserError: the connection broke, or the machine refuses.
        """
        self._do(assignment, "start", str(attempts_before))

    def ask(self, request: Request) -> None:
        """Ask the job there.

        Raises:
            UserError: the connection broke.
        """
        self._do(self._assignment(), "ask", given=request.model_dump_json(exclude_defaults=True).encode())

    def kill(self) -> None:
        """End all of the job's processes there at once.

        Raises:
            UserError: the connection broke.
        """
        self._do(self._assignment(), "kill")

    def watch(self, events_at: int, log_at: int) -> "subprocess.Popen[bytes]":
        """Return a program whose output is what is new, in frames, from these bytes of events and log on."""
        argv = self._command(self._assignment(), "watch", str(events_at), str(log_at))
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
        target, place = f"{self._project(assignment)}/jobs/{self._folder.job_id}", self._folder.path
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

    def _assignment(self) -> Assignment:
        found = read_assignment(self._folder.path)
        if found is None:
            raise UserError(Problem("machine.not_assigned", None, {"job": self._folder.job_id}))
        return found

    def _project(self, assignment: Assignment) -> str:
        return f"{self.connection.machine.folder}/{PROJECTS}/{assignment.project}"

    def _command(self, assignment: Assignment, verb: str, *arguments: str) -> list[str]:
        job = f"{self._project(assignment)}/jobs/{self._folder.job_id}"
        return self._place.command("domainstudio.jobs", verb, job, *arguments)

    def _do(self, assignment: Assignment, verb: str, *arguments: str, given: bytes = b"") -> None:
        answer(self._place, self._command(assignment, verb, *arguments), given)


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
