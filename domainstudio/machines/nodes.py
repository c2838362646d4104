"""The machines of one run, the first of which tells what it does: started in order, ended together."""

from collections.abc import Callable
from contextlib import suppress

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.launch import Launch, read_launch
from domainstudio.machines.assignment import Assignment
from domainstudio.machines.errand import Errand
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.problems import UserError

MEETING_PORT = 29500
"""Where the nodes of a run meet if nothing else listens there: torch's own, which firewalls may know."""


class Nodes:
    """The errands of a job, one for each machine."""

    def __init__(self, folder: JobFolder, machines: list[Machine]) -> None:
        """Reach for nothing yet; the first machine is node 0."""
        self._folder = folder
        self.errands = [Errand(folder, Connection(one), node) for node, one in enumerate(machines)]

    @property
    def first(self) -> Errand:
        """The one that tells what the job does."""
        return self.errands[0]

    @property
    def others(self) -> list[Errand]:
        """All others."""
        return self.errands[1:]

    def start(self, assignment: Assignment) -> None:
        """Have the job started on each, the first first; what started is ended if another cannot.

        Raises:
            UserError: a machine is not reached, or refuses.
        """
        launch = self.first.start(assignment, self._launch())
        try:
            for errand in self.others:
                errand.start(assignment, launch.model_copy(update={"node": errand.node}))
        except UserError:
            with suppress(UserError):  # why it could not start says more
                self.kill()
            raise

    def _launch(self) -> Launch:
        """Return how node 0 is started: where the others meet it, if there are any."""
        asked = read_launch(self._folder.path)
        if not self.others:
            return asked
        machine = self.first.connection.machine
        address = machine.address or self.first.connection.host_name()
        where = {"nodes": len(self.errands), "address": address, "port": MEETING_PORT}
        return Launch.model_validate(asked.model_dump() | where)

    def kill(self) -> None:
        """End all of the job's processes everywhere at once.

        Raises:
            UserError: a machine was not reached; on all others they were ended.
        """
        for _errand, error in self._each(Errand.kill):
            raise error

    def discard(self) -> None:
        """Remove the job, which is over, everywhere.

        Raises:
            UserError: a machine was not reached; on all others it is gone.
        """
        for _errand, error in self._each(Errand.discard):
            raise error

    def end(self, patience_seconds: float) -> list[tuple[Errand, UserError]]:
        """End what is left of the job everywhere, the first first; return where that could not be done."""
        return self._each(lambda errand: errand.end(patience_seconds))

    def _each(self, act: Callable[[Errand], None]) -> list[tuple[Errand, UserError]]:
        errors = []
        for errand in self.errands:
            try:
                act(errand)
            except UserError as error:
                errors.append((errand, error))
        return errors
